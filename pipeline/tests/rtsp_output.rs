//! The RTSP server with real clients: what they see, when frames are encoded, and what goes wrong in words.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use edgevision::output::{
    rtsp_mount::{Mount, MountOptions, OverlayOptions},
    rtsp_server::RtspServer,
};
use edgevision_wasm_host::{
    analysis::{Analysis, Status, Timings},
    detection::Detection,
};
use gst::prelude::*;
use gst_video::prelude::*;
use gstedgevision::{
    detectionmeta::{self, FrameReport},
    evoverlay::color::{Rgb, class_color},
};

/// Encoding and decoding on a busy machine, the jitter buffer, and the wait for a key frame.
const PATIENCE: Duration = Duration::from_secs(20);
const GREY: u8 = 110;
/// Left, upper, right, lower edge of the box on every frame, as fractions.
const BOX: [f32; 4] = [0.25, 0.4, 0.75, 0.8];
const CLASS: u32 = 1;

fn options() -> MountOptions {
    let overlay = OverlayOptions {
        camera_name: "line3".to_owned(),
        time: true,
        labels: true,
        confidence: true,
        line_width: Some(8),
        text_size: 0.03,
        objects: Vec::new(),
    };
    MountOptions {
        encoder: "auto".to_owned(),
        bitrate: 2_000_000,
        keyframe_interval: Duration::from_millis(500),
        overlay: Some(overlay),
    }
}

fn server() -> RtspServer {
    RtspServer::start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

/// A camera that delivers grey frames with one box at 25 frames a second until it is dropped.
struct Camera {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Camera {
    fn start(mount: &Arc<Mount>, format: gst_video::VideoFormat, width: u32, height: u32) -> Self {
        let info = gst_video::VideoInfo::builder(format, width, height)
            .fps(gst::Fraction::new(25, 1))
            .build()
            .unwrap();
        let (mount, ended) = (Arc::clone(mount), Arc::new(AtomicBool::new(false)));
        let until = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let caps = info.to_caps().unwrap();
            for seq in 0.. {
                if until.load(Ordering::Relaxed) {
                    break;
                }
                let sample = gst::Sample::builder().buffer(&frame(&info, seq)).caps(&caps).build();
                mount.feed(&sample);
                std::thread::sleep(Duration::from_millis(40));
            }
        });
        Self { ended, thread: Some(thread) }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn frame(info: &gst_video::VideoInfo, seq: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![GREY; info.size()]);
    {
        let mut frame =
            gst_video::VideoFrameRef::from_buffer_ref_writable(buffer.get_mut().unwrap(), info).unwrap();
        for plane in 1..frame.n_planes() {
            frame.plane_data_mut(plane).unwrap().fill(128);
        }
    }
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(gst::ClockTime::from_mseconds(seq * 40));
    detectionmeta::attach(writable, Arc::new(report(info, seq)));
    buffer
}

#[allow(clippy::cast_precision_loss, reason = "small numbers")]
fn report(info: &gst_video::VideoInfo, seq: u64) -> FrameReport {
    let (width, height) = (info.width() as f32, info.height() as f32);
    let found = Detection {
        x0: BOX[0] * width,
        y0: BOX[1] * height,
        x1: BOX[2] * width,
        y1: BOX[3] * height,
        score: 0.93,
        class_id: CLASS,
        extras: None,
    };
    let timings = Timings::default();
    let analysis = Analysis {
        status: Status::Ok,
        detections: vec![found],
        tensors: Vec::new(),
        timings,
        bytes_copied: 0,
        message: None,
    };
    FrameReport {
        camera: "line3".into(),
        seq,
        timestamp_ns: Some(seq * 40_000_000),
        system_time_ns: 1_795_341_600_000_000_000 + seq * 40_000_000,
        width: info.width(),
        height: info.height(),
        analysis,
        transfer: None,
        labels: vec!["good".to_owned(), "missing cap".to_owned()].into(),
        model: None,
        engine: None,
        modules: Arc::new([]),
    }
}

/// A player: decodes the stream to RGB.
struct Client {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
}

impl Client {
    fn open(url: &str, protocol: &str) -> Self {
        let pipeline = gst::parse::launch(&format!(
            "rtspsrc location={url} protocols={protocol} latency=50 ! rtph264depay ! h264parse ! avdec_h264 ! \
             videoconvert ! video/x-raw,format=RGB ! appsink name=sink sync=false max-buffers=2 drop=true"
        ));
        let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
        let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, sink }
    }

    fn next(&self) -> Option<image::RgbImage> {
        let sample = self.sink.try_pull_sample(gst::ClockTime::from_seconds(1))?;
        let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer()?, &info).ok()?;
        let stride = usize::try_from(frame.plane_stride()[0]).ok()?;
        let rows = frame.plane_data(0).ok()?.chunks(stride);
        let pixels = rows.flat_map(|row| row[..3 * info.width() as usize].to_vec()).collect();
        image::RgbImage::from_raw(info.width(), info.height(), pixels)
    }

    /// The first picture that is as it should be.
    fn wait_for(&self, what: &str, is_right: impl Fn(&image::RgbImage) -> bool) -> image::RgbImage {
        let start = Instant::now();
        let mut seen = 0;
        while start.elapsed() < PATIENCE {
            if let Some(picture) = self.next() {
                seen += 1;
                if is_right(&picture) {
                    return picture;
                }
            }
        }
        let error = self.pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Error]);
        panic!("{what}: not among {seen} pictures; {error:?}")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pixels"
)]
fn at(picture: &image::RgbImage, x: f32, y: f32, dx: i64, dy: i64) -> [u8; 3] {
    let (x, y) = ((x * picture.width() as f32) as i64 + dx, (y * picture.height() as f32) as i64 + dy);
    picture.get_pixel(u32::try_from(x).unwrap(), u32::try_from(y).unwrap()).0
}

fn is_near(pixel: [u8; 3], color: Rgb) -> bool {
    pixel.iter().zip([color.0, color.1, color.2]).all(|(have, want)| have.abs_diff(want) < 48)
}

/// The middles of the four lines have the colour of the class, what is inside and outside is grey.
fn has_the_box(picture: &image::RgbImage) -> bool {
    let [x0, y0, x1, y1] = BOX;
    let (x, y) = (f32::midpoint(x0, x1), f32::midpoint(y0, y1));
    let lines = [
        at(picture, x0, y, 3, 0),
        at(picture, x1, y, -4, 0),
        at(picture, x, y0, 0, 3),
        at(picture, x, y1, 0, -4),
    ];
    let ground = [at(picture, x, y, 0, 0), at(picture, 0.95, 0.95, 0, 0)];
    let grey = Rgb(GREY, GREY, GREY);
    lines.iter().all(|pixel| is_near(*pixel, class_color(CLASS)))
        && ground.iter().all(|pixel| is_near(*pixel, grey))
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn two_clients_see_the_boxes_where_they_are() {
    let server = server();
    let mount = Arc::new(server.mount("line3", options()).unwrap());
    let _camera = Camera::start(&mount, gst_video::VideoFormat::I420, 640, 360);
    let url = server.url("line3");
    let clients = ["tcp", "udp"].map(|protocol| (protocol, Client::open(&url, protocol)));
    for (protocol, client) in &clients {
        let picture = client.wait_for(protocol, has_the_box);
        assert_eq!((picture.width(), picture.height()), (640, 360), "{protocol}");
        let file = format!("{}/rtsp-{protocol}.png", env!("CARGO_TARGET_TMPDIR"));
        picture.save(file).unwrap();
    }
    // One encoder for both.
    let stats = mount.stats();
    assert!(stats.encoded <= stats.forwarded && stats.forwarded <= stats.fed, "{stats:?}");
}

#[test]
fn nothing_is_encoded_while_nobody_watches() {
    let server = server();
    let mount = Arc::new(server.mount("/line3", options()).unwrap());
    let _camera = Camera::start(&mount, gst_video::VideoFormat::Nv12, 320, 240);
    wait_until("frames are fed", || mount.stats().fed > 20);
    assert!(!mount.is_watched());
    assert_eq!((mount.stats().forwarded, mount.stats().encoded), (0, 0));

    let client = Client::open(&server.url("line3"), "tcp");
    client.wait_for("the box", has_the_box);
    assert!(mount.is_watched() && mount.stats().encoded > 0);

    drop(client);
    assert_encoding_stops(&mount);
    // And begins again.
    Client::open(&server.url("line3"), "udp").wait_for("the box", has_the_box);
}

fn assert_encoding_stops(mount: &Mount) {
    wait_until("the stream ends with its last client", || !mount.is_watched());
    // What was inside the encoder may still come out.
    std::thread::sleep(Duration::from_millis(200));
    let (before, fed) = (mount.stats(), mount.stats().fed);
    wait_until("frames are fed", || mount.stats().fed > fed + 10);
    let after = mount.stats();
    assert_eq!((after.forwarded, after.encoded), (before.forwarded, before.encoded));
}

#[test]
fn a_client_that_vanishes_without_a_word_stops_the_encoding() {
    let server = server();
    let mount = Arc::new(server.mount("line3", options()).unwrap());
    let _camera = Camera::start(&mount, gst_video::VideoFormat::I420, 320, 240);
    let connection = play_by_hand(&server);
    wait_until("frames are encoded", || mount.stats().encoded > 5);
    drop(connection);
    assert_encoding_stops(&mount);
}

/// Plays over TCP with the least of a protocol, so that the connection can be cut at any time.
fn play_by_hand(server: &RtspServer) -> TcpStream {
    let mut connection = TcpStream::connect(server.address()).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let url = server.url("line3");
    let mut ask = |method: &str, url: &str, seq: u32, header: &str| {
        write!(connection, "{method} {url} RTSP/1.0\r\nCSeq: {seq}\r\n{header}\r\n").unwrap();
        let mut answer = [0; 4096];
        let length = connection.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.starts_with("RTSP/1.0 200"), "{method}: {answer}");
        answer
    };
    let description = ask("DESCRIBE", &url, 1, "Accept: application/sdp\r\n");
    assert!(description.contains("H264/90000"), "{description}");
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let setup = ask("SETUP", &format!("{url}/stream=0"), 2, transport);
    let session = setup.lines().find_map(|line| line.strip_prefix("Session: ")).unwrap();
    let session = session.split(';').next().unwrap();
    ask("PLAY", &url, 3, &format!("Session: {session}\r\n"));
    connection
}

#[test]
fn a_client_may_come_before_the_camera() {
    let server = server();
    let mount = Arc::new(server.mount("line3", options()).unwrap());
    let client = Client::open(&server.url("line3"), "tcp");
    let waiting =
        client.wait_for("a dark picture", |picture| is_near(at(picture, 0.5, 0.6, 0, 0), Rgb(28, 28, 28)));
    waiting.save(format!("{}/rtsp-waiting.png", env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let camera = Camera::start(&mount, gst_video::VideoFormat::I420, 320, 240);
    client.wait_for("the camera's picture", |picture| picture.width() == 320 && has_the_box(picture));
    // The camera goes: the picture turns dark, the stream goes on.
    drop(camera);
    client.wait_for("a dark picture again", |picture| is_near(at(picture, 0.5, 0.6, 0, 0), Rgb(28, 28, 28)));
}

#[test]
fn the_stream_follows_a_camera_that_changes_its_size() {
    let server = server();
    let mount = Arc::new(server.mount("line3", options()).unwrap());
    let mut camera = Camera::start(&mount, gst_video::VideoFormat::I420, 320, 240);
    let client = Client::open(&server.url("line3"), "tcp");
    client.wait_for("320x240", |picture| picture.dimensions() == (320, 240) && has_the_box(picture));
    for (format, size) in [
        (gst_video::VideoFormat::Nv12, (640, 480)),
        // H.264 with halved chroma has even sizes only.
        (gst_video::VideoFormat::I420, (321, 241)),
        (gst_video::VideoFormat::Rgb, (480, 270)),
        (gst_video::VideoFormat::Gray8, (160, 120)),
    ] {
        drop(camera);
        camera = Camera::start(&mount, format, size.0, size.1);
        let is_right = |picture: &image::RgbImage| {
            picture.width().abs_diff(size.0) <= 1 && picture.height().abs_diff(size.1) <= 1
        };
        let picture = client.wait_for(&format!("{format} {size:?}"), is_right);
        assert_eq!((picture.width() % 2, picture.height() % 2), (0, 0));
        if format != gst_video::VideoFormat::Gray8 {
            client.wait_for(&format!("the box on {format} {size:?}"), |picture| {
                is_right(picture) && has_the_box(picture)
            });
        }
    }
}

#[test]
fn every_encoder_that_is_installed_will_do() {
    let server = server();
    for encoder in ["x264enc", "openh264enc"] {
        if gst::ElementFactory::find(encoder).is_none() {
            eprintln!("skipped: no {encoder} here");
            continue;
        }
        let options = MountOptions { encoder: encoder.to_owned(), ..options() };
        let mount = Arc::new(server.mount(encoder, options).unwrap());
        let _camera = Camera::start(&mount, gst_video::VideoFormat::Nv12, 321, 241);
        Client::open(&server.url(encoder), "tcp").wait_for(encoder, has_the_box);
    }
}

#[test]
fn a_camera_that_is_taken_off_ends_its_stream_and_no_other() {
    let server = server();
    let kept = Arc::new(server.mount("kept", options()).unwrap());
    let gone = Arc::new(server.mount("gone", options()).unwrap());
    let _camera = Camera::start(&kept, gst_video::VideoFormat::I420, 320, 240);
    let camera = Camera::start(&gone, gst_video::VideoFormat::I420, 320, 240);
    let (watching, losing) =
        (Client::open(&server.url("kept"), "tcp"), Client::open(&server.url("gone"), "tcp"));
    losing.wait_for("the box", has_the_box);
    drop(camera);
    drop(gone);
    wait_until("the stream ends", || losing.sink.is_eos() || losing.next().is_none());
    watching.wait_for("the other's box", has_the_box);
}

#[test]
fn a_port_in_use_is_a_sentence() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = RtspServer::start(SocketAddr::from(([127, 0, 0, 1], port))).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "outputs.rtsp.listen: port {port} of 127.0.0.1 is in use by another program; stop that or choose another \
             port"
        )
    );
    assert_eq!(error.exit(), edgevision::error::Exit::Unavailable);
}

#[test]
fn an_address_of_somebody_else_is_a_sentence() {
    // TEST-NET-1 (RFC 5737) belongs to nobody.
    let error = RtspServer::start(SocketAddr::from(([192, 0, 2, 1], 8554))).err().unwrap();
    assert_eq!(
        error.to_string(),
        "outputs.rtsp.listen: 192.0.2.1 is no address of this machine; write one of its own, 127.0.0.1 (this machine \
         only) or 0.0.0.0 (all)"
    );
}

#[test]
fn an_encoder_that_is_not_there_is_a_sentence() {
    let server = server();
    let options = MountOptions { encoder: "nosuchenc".to_owned(), ..options() };
    assert_eq!(
        server.mount("line3", options).err().unwrap().to_string(),
        "outputs.rtsp.encoder: there is no GStreamer element `nosuchenc`; install its plugin or write `auto`"
    );
}
