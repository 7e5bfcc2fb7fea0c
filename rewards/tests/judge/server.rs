//! A server on this machine.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use telos_rewards::judge::{Endpoint, EndpointConfig};

/// What the server does with a request.
pub(crate) enum Act {
    /// Completes it with these words.
    Say(&'static str),
    /// With words of this request's own.
    Write(String),
    /// With these chances of the first token.
    Chances(&'static [(&'static str, f64)]),
    /// With this status and, perhaps, a time to wait.
    Status(u16, Option<u32>),
    /// With half of a response.
    Cut,
    /// With something that is no JSON.
    Garbage,
    /// After a second.
    Stall,
    /// When it is told to.
    Hold(Receiver<()>),
}

/// A server on this machine that acts by a script, request by request, and tells what it was sent.
pub(crate) struct Server {
    pub(crate) config: EndpointConfig,
    /// Keys and bodies.
    pub(crate) requests: Receiver<(Option<String>, Value)>,
}

impl Server {
    pub(crate) fn new(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        thread::spawn(move || {
            for (act, stream) in script.into_iter().zip(listener.incoming()) {
                let mut stream = stream.unwrap();
                let _ = sender.send(read_request(&stream));
                respond(&mut stream, &act);
            }
        });
        Self { config: EndpointConfig { url, model: "judge".into(), ..EndpointConfig::default() }, requests }
    }

    /// A server that does with each request, many at a time, what `rule` says of its body.
    pub(crate) fn by(rule: impl Fn(&Value) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        let rule = Arc::new(rule);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, rule, sender) = (stream.unwrap(), rule.clone(), sender.clone());
                thread::spawn(move || {
                    let request = read_request(&stream);
                    let act = rule(&request.1);
                    let _ = sender.send(request);
                    respond(&mut stream, &act);
                });
            }
        });
        Self { config: EndpointConfig { url, model: "judge".into(), ..EndpointConfig::default() }, requests }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.config, None).unwrap()
    }

    /// The words of the requests so far.
    pub(crate) fn words(&self) -> Vec<String> {
        self.requests.try_iter().map(|(_, body)| body["messages"][0]["content"].to_string()).collect()
    }
}

fn read_request(stream: &TcpStream) -> (Option<String>, Value) {
    let mut reader = BufReader::new(stream);
    let (mut length, mut key) = (0, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => key = Some(value.to_owned()),
            _ => (),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (key, serde_json::from_slice(&body).unwrap())
}

fn respond(stream: &mut TcpStream, act: &Act) {
    let completion = |text: &str, chances: &[(&str, f64)]| {
        let top: Vec<Value> =
            chances.iter().map(|(token, p)| json!({"token": token, "logprob": p.ln()})).collect();
        json!({
            "choices": [{"message": {"content": text}, "logprobs": {"content": [{"top_logprobs": top}]}}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10},
        })
        .to_string()
    };
    let (status, body, wait) = match act {
        Act::Say(text) => (200, completion(text, &[]), None),
        Act::Write(text) => (200, completion(text, &[]), None),
        Act::Chances(chances) => (200, completion(chances[0].0, chances), None),
        Act::Status(status, wait) => (*status, "no".into(), *wait),
        Act::Cut | Act::Stall | Act::Hold(_) => (200, completion("1", &[]), None),
        Act::Garbage => (200, "<html>".into(), None),
    };
    if matches!(act, Act::Stall) {
        thread::sleep(Duration::from_secs(1));
    }
    if let Act::Hold(go_on) = act {
        go_on.recv().unwrap();
    }
    let wait = wait.map_or(String::new(), |seconds| format!("Retry-After: {seconds}\r\n"));
    let head =
        format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{wait}Content-Length: {}\r\n\r\n", body.len());
    let sent = if matches!(act, Act::Cut) { &body[..body.len() / 2] } else { &body };
    // A client that has lost patience is gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent.as_bytes()));
}
