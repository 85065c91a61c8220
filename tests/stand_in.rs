//! A stand-in for a service over HTTP, on loopback, in this process: answers what a test says, hangs, or closes the connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// What a stand-in does with a request.
pub(crate) enum Answer {
    /// A status and a body of JSON.
    Json(u16, serde_json::Value),
    /// A redirect (307) to this place.
    Redirect(String),
    /// These bytes, whatever they are, and the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, for as long as the client waits.
    Hang,
    /// The end of the connection.
    Close,
}

/// What answers.
type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// What a server was asked.
#[derive(Default)]
struct Notes {
    seen: Mutex<Vec<Request>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// A server that is there until it is dropped.
pub(crate) struct StandIn {
    port: u16,
    stop: Arc<AtomicBool>,
    notes: Arc<Notes>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl StandIn {
    /// Starts on a free port; every connection has a thread of its own.
    pub(crate) fn start(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(None, handler)
    }

    /// The same, speaking TLS.
    pub(crate) fn start_with(
        tls: Option<Arc<rustls::ServerConfig>>,
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_as(tls, false, handler)
    }

    /// A proxy that is, over TLS, every host that it is asked for.
    pub(crate) fn start_proxy(
        tls: Arc<rustls::ServerConfig>,
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_as(Some(tls), true, handler)
    }

    fn start_as(
        tls: Option<Arc<rustls::ServerConfig>>,
        proxy: bool,
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, notes) = (Arc::new(AtomicBool::new(false)), Arc::new(Notes::default()));
        let handler: Arc<Handler> = Arc::new(handler);
        let (stopped, noted) = (stop.clone(), notes.clone());
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(connection) = connection else { continue };
                let (stopped, noted, handler, tls) = (stopped.clone(), noted.clone(), handler.clone(), tls.clone());
                // A client may go away at any moment.
                std::thread::spawn(move || match tls {
                    None => drop(converse(connection, &handler, &noted, &stopped)),
                    Some(config) => {
                        if proxy && connect(&connection).is_err() {
                            return;
                        }
                        let Ok(session) = rustls::ServerConnection::new(config) else { return };
                        drop(converse(rustls::StreamOwned::new(session, connection), &handler, &noted, &stopped));
                    }
                });
            }
        });
        Self { port, stop, notes, thread: Some(thread) }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// What it was asked so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.notes.seen.lock().unwrap().clone()
    }

    /// How many requests it was answering at the same time, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.notes.most_at_once.load(Ordering::SeqCst)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A port where nobody listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Answers the request for a connection.
fn connect(mut connection: &TcpStream) -> std::io::Result<()> {
    read(&mut BufReader::new(connection))?;
    connection.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
}

fn converse(stream: impl Read + Write, handler: &Arc<Handler>, notes: &Notes, stop: &AtomicBool) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream)? {
        notes.seen.lock().unwrap().push(request.clone());
        let now = notes.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        notes.most_at_once.fetch_max(now, Ordering::SeqCst);
        let answer = handler(&request);
        notes.at_once.fetch_sub(1, Ordering::SeqCst);
        let out = stream.get_mut();
        match answer {
            Answer::Json(status, body) => {
                let body = body.to_string();
                write!(
                    out,
                    "HTTP/1.1 {status} It Is\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )?;
            }
            Answer::Redirect(to) => write!(out, "HTTP/1.1 307 There\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")?,
            Answer::Raw(bytes) => {
                out.write_all(&bytes)?;
                return out.flush();
            }
            Answer::Hang => {
                while !stop.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                return Ok(());
            }
            Answer::Close => return Ok(()),
        }
        out.flush()?;
    }
    Ok(())
}

fn read(stream: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, path, headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    stream.read_exact(&mut request.body)?;
    Ok(Some(request))
}
