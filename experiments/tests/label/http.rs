//! A browser of few words: HTTP/1.1 over one connection, JSON in and out.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

/// What a server said.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// The status, and the reason where the request was refused.
    pub(crate) fn outcome(&self) -> (u16, String) {
        let reason = if self.status == 200 { Value::Null } else { self.json()["error"].clone() };
        (self.status, reason.as_str().unwrap_or_default().to_owned())
    }
}

/// A connection.
pub(crate) struct Browser {
    address: SocketAddr,
    connection: BufReader<TcpStream>,
}

impl Browser {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { address, connection: BufReader::new(stream) })
    }

    /// Sends a request as it stands and reads the response.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<Response> {
        self.connection.get_mut().write_all(request)?;
        let mut headers = String::new();
        while !headers.ends_with("\r\n\r\n") {
            if self.connection.read_line(&mut headers)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        headers.make_ascii_lowercase();
        let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.connection.read_exact(&mut body)?;
        Ok(Response { status, headers, body })
    }

    /// A request with headers of its own beside those of every browser.
    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Response> {
        let mut text = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "Host") {
            text.push_str(&format!("Host: {}\r\n", self.address));
        }
        headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        self.send(format!("{text}\r\n{body}").as_bytes())
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Response> {
        self.request("GET", path, &[], "")
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> io::Result<Response> {
        self.request("POST", path, &[("Content-Type", "application/json")], &body.to_string())
    }
}

/// A person at a page.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) client: String,
    pub(crate) browser: Browser,
}

impl Person {
    pub(crate) fn at(address: SocketAddr, name: &str) -> Self {
        let browser = Browser::open(address).unwrap();
        Self { name: name.into(), client: format!("page-of-{name}"), browser }
    }

    /// The queries that this page now holds.
    pub(crate) fn next(&mut self, count: usize) -> io::Result<Vec<String>> {
        let body = json!({ "annotator": self.name, "client": self.client, "count": count });
        let said = self.browser.post("/api/next", &body)?.json();
        let queries = said["queries"].as_array().unwrap_or_else(|| panic!("{said}"));
        Ok(queries.iter().map(|query| query["query"].as_str().unwrap().to_owned()).collect())
    }

    /// Answers with a key that follows from the query, as a page that repeats a request does.
    pub(crate) fn answer(&mut self, query: &str, choice: &str) -> io::Result<Response> {
        self.answer_with_key(query, choice, &format!("{}-{query}", self.client))
    }

    pub(crate) fn answer_with_key(&mut self, query: &str, choice: &str, key: &str) -> io::Result<Response> {
        let body = json!({
            "annotator": self.name, "client": self.client, "query": query, "choice": choice,
            "latency_ms": 1200, "key": key,
        });
        self.browser.post("/api/answer", &body)
    }

    pub(crate) fn undo(&mut self, query: Option<&str>) -> io::Result<Response> {
        let body = json!({ "annotator": self.name, "client": self.client, "query": query });
        self.browser.post("/api/undo", &body)
    }
}
