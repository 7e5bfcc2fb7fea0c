//! A server that speaks the protocol and takes its time.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// What it says to everything: no difference, and no cause for the client to stop.
const REPLY: &str =
    r#"{"choices":[{"message":{"content":"-1"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;

/// Serves any number of connections until the process ends.
pub(super) struct SlowServer {
    url: String,
    answered: Arc<AtomicU64>,
}

impl SlowServer {
    /// A server on a free port of this machine that answers each request after `thinking`.
    pub(super) fn start(thinking: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let answered = Arc::new(AtomicU64::new(0));
        let count = answered.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = count.clone();
                thread::spawn(move || {
                    // A client that has gone away needs no answer.
                    if serve(&stream, thinking).is_ok() {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Ok(Self { url, answered })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Requests that were answered so far.
    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

/// Answers one request.
fn serve(mut stream: &TcpStream, thinking: Duration) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    thread::sleep(thinking);
    let length = REPLY.len();
    write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{REPLY}")
}
