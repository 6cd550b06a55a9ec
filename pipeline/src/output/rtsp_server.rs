//! The RTSP server: one for all cameras, on a thread and a main context of its own.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread::JoinHandle,
    time::Duration,
};

use gst::glib;
use gst_rtsp_server::{gio, prelude::*};

use super::{
    rtsp_mount::{Mount, MountOptions},
    rtsp_stream::{self, Stream},
};
use crate::error::{AppError, Exit};

/// How often silent cameras and vanished clients are looked for.
const TICK: Duration = Duration::from_millis(400);
/// A UDP client that has not been heard of for so long has vanished. Clients learn this in the session header and
/// report in time.
const SESSION_TIMEOUT_SECONDS: u32 = 20;

type Streams = Arc<Mutex<Vec<Weak<Stream>>>>;

/// A server that listens; ends when dropped, with all its streams.
pub struct RtspServer {
    server: gst_rtsp_server::RTSPServer,
    points: gst_rtsp_server::RTSPMountPoints,
    address: SocketAddr,
    streams: Streams,
    main_loop: glib::MainLoop,
    thread: Option<JoinHandle<()>>,
}

impl RtspServer {
    /// Listens. Port 0 takes any free one.
    ///
    /// # Errors
    /// Nobody can listen there; the sentence says why and what to do.
    pub fn start(listen: SocketAddr) -> Result<Self, AppError> {
        gst::init().map_err(|error| {
            AppError::new(Exit::Unavailable, format!("GStreamer does not start: {error}"))
        })?;
        rtsp_stream::register_overlay()?;
        let server = gst_rtsp_server::RTSPServer::new();
        server.set_address(&listen.ip().to_string());
        server.set_service(&listen.port().to_string());
        let context = glib::MainContext::new();
        let source = server
            .create_source(None::<&gio::Cancellable>)
            .map_err(|error| AppError::new(Exit::Unavailable, refusal(listen, &error)).because(error))?;
        source.attach(Some(&context));
        let streams = Streams::default();
        let address =
            SocketAddr::new(listen.ip(), u16::try_from(server.bound_port()).unwrap_or(listen.port()));
        let points = server.mount_points().unwrap_or_default();
        server.set_mount_points(Some(&points));
        tend(&server, &context, &streams);
        let main_loop = glib::MainLoop::new(Some(&context), false);
        let thread = run(context, main_loop.clone())?;
        Ok(Self { server, points, address, streams, main_loop, thread: Some(thread) })
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a player on this machine opens to see the stream at `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("rtsp://{address}/{}", path.trim_start_matches('/'))
    }

    /// Publishes a camera at `path` (with or without a leading `/`).
    ///
    /// # Errors
    /// No encoder, or an element is missing.
    pub fn mount(&self, path: &str, options: MountOptions) -> Result<Mount, AppError> {
        let stream = Arc::new(Stream::new(options)?);
        let path = format!("/{}", path.trim_start_matches('/'));
        self.points.add_factory(&path, stream.factory());
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|stream| stream.strong_count() > 0);
        streams.push(Arc::downgrade(&stream));
        Ok(Mount { stream, path, points: self.points.clone() })
    }
}

impl Drop for RtspServer {
    fn drop(&mut self) {
        self.server.client_filter(Some(&mut |_, _| gst_rtsp_server::RTSPFilterResult::Remove));
        quit(&self.main_loop);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the RTSP server's thread has panicked");
        }
    }
}

/// Sets the server up for many clients and its timer for silent cameras and vanished clients.
fn tend(server: &gst_rtsp_server::RTSPServer, context: &glib::MainContext, streams: &Streams) {
    // A client may have to wait for a camera's first frame: it must not keep the others waiting.
    if let Some(threads) = server.thread_pool() {
        threads.set_max_threads(-1);
    }
    server.connect_client_connected(|_, client| {
        client.connect_new_session(|_, session| session.set_timeout(SESSION_TIMEOUT_SECONDS));
    });
    let (sessions, streams) = (server.session_pool(), Arc::clone(streams));
    let tick = move || {
        if let Some(sessions) = &sessions {
            sessions.cleanup();
        }
        let alive: Vec<_> = streams.lock().unwrap_or_else(PoisonError::into_inner).clone();
        alive.iter().filter_map(Weak::upgrade).for_each(|stream| stream.tick());
        glib::ControlFlow::Continue
    };
    glib::timeout_source_new(TICK, Some("edgevision-rtsp"), glib::Priority::DEFAULT, tick)
        .attach(Some(context));
}

fn run(context: glib::MainContext, main_loop: glib::MainLoop) -> Result<JoinHandle<()>, AppError> {
    std::thread::Builder::new()
        .name("rtsp-server".to_owned())
        .spawn(move || {
            if context.with_thread_default(|| main_loop.run()).is_err() {
                tracing::error!("the RTSP server has lost its main context");
            }
        })
        .map_err(|error| AppError::new(Exit::Internal, format!("rtsp: no thread: {error}")))
}

/// Ends the loop from inside: a `quit` from here would be lost if its thread has not come to `run` yet.
fn quit(main_loop: &glib::MainLoop) {
    let inner = main_loop.clone();
    let end = move || {
        inner.quit();
        glib::ControlFlow::Break
    };
    glib::idle_source_new(Some("edgevision-rtsp-end"), glib::Priority::HIGH, end)
        .attach(Some(&main_loop.context()));
}

/// Why nobody can listen there. GLib tells it in prose only, so the system is asked once more.
fn refusal(listen: SocketAddr, error: &glib::Error) -> String {
    let kind = TcpListener::bind(listen).map_or_else(|error| error.kind(), |_| io::ErrorKind::Other);
    let (address, port) = (listen.ip(), listen.port());
    match kind {
        io::ErrorKind::AddrInUse => format!(
            "outputs.rtsp.listen: port {port} of {address} is in use by another program; stop that or choose another \
             port"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "outputs.rtsp.listen: no permission to listen on port {port} of {address}; choose a port from 1024 up"
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "outputs.rtsp.listen: {address} is no address of this machine; write one of its own, 127.0.0.1 (this \
             machine only) or 0.0.0.0 (all)"
        ),
        _ => format!("outputs.rtsp.listen: cannot listen on {listen}: {}", error.message()),
    }
}
