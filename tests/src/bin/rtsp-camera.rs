//! A network camera to test against: `rtsp-camera PORT CODEC WIDTHxHEIGHT [USER:PASSWORD]`, stream at `/camera`.
//!
//! A process of its own, so that a test can kill it, freeze it (SIGSTOP) and start it again. Prints `ready` when it
//! listens. CODEC is `h264`, `h265` or `mjpeg`; the picture is a moving test pattern at 25 frames a second.

use std::process::ExitCode;

use gst_rtsp_server::prelude::*;

fn main() -> ExitCode {
    match serve(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rtsp-camera: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [port, codec, size, login @ ..] = arguments else {
        return Err("usage: rtsp-camera PORT CODEC WIDTHxHEIGHT [USER:PASSWORD]".into());
    };
    gst::init()?;
    let server = gst_rtsp_server::RTSPServer::new();
    server.set_address("127.0.0.1");
    server.set_service(port);
    let factory = gst_rtsp_server::RTSPMediaFactory::new();
    factory.set_launch(&launch(codec, size)?);
    factory.set_shared(true);
    if let Some(login) = login.first() {
        demand(&server, &factory, login)?;
    }
    server.mount_points().ok_or("no mount points")?.add_factory("/camera", factory);
    let _source = server.attach(None)?;
    println!("ready");
    gst::glib::MainLoop::new(None, false).run();
    Ok(())
}

fn launch(codec: &str, size: &str) -> Result<String, String> {
    let (width, height) = size.split_once('x').ok_or("SIZE is WIDTHxHEIGHT")?;
    let encode = match codec {
        "h264" => {
            "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay config-interval=-1"
        }
        "h265" => {
            "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph265pay config-interval=-1"
        }
        "mjpeg" => "jpegenc ! rtpjpegpay",
        other => return Err(format!("unknown codec {other}")),
    };
    Ok(format!(
        "( videotestsrc is-live=true pattern=ball ! \
         video/x-raw,format=I420,width={width},height={height},framerate=25/1 ! {encode} name=pay0 pt=96 )"
    ))
}

/// Only this user may look.
fn demand(
    server: &gst_rtsp_server::RTSPServer,
    factory: &gst_rtsp_server::RTSPMediaFactory,
    login: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let (user, password) = login.split_once(':').ok_or("LOGIN is USER:PASSWORD")?;
    let auth = gst_rtsp_server::RTSPAuth::new();
    let token = gst_rtsp_server::RTSPToken::builder().field("media.factory.role", "viewer").build();
    let basic = gst_rtsp_server::RTSPAuth::make_basic(user, password);
    auth.add_basic(&basic, &token);
    server.set_auth(Some(&auth));
    let role = gst::Structure::builder("viewer")
        .field("media.factory.access", true)
        .field("media.factory.construct", true)
        .build();
    factory.add_role_from_structure(&role);
    Ok(())
}
