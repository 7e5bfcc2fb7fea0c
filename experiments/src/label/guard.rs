//! Who may speak to the server: its own pages, with the token where there is one, at a bearable rate.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Mutex,
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::{rate_limit::RateLimit, refusal::Refusal, routes::App};

/// The checks of one server.
#[derive(Debug)]
pub(super) struct Guard {
    /// Hash of the token; `None` where none is needed.
    token: Option<[u8; 32]>,
    /// Where the server listens.
    address: SocketAddr,
    // Every connection counts against the same limit, for a few nanoseconds each.
    rate: Mutex<RateLimit>,
}

impl Guard {
    pub(super) fn new(token: Option<&str>, address: SocketAddr, requests_per_second: f64) -> Self {
        let token = token.map(|token| Sha256::digest(token).into());
        Self { token, address, rate: Mutex::new(RateLimit::new(requests_per_second)) }
    }

    fn check(&self, from: IpAddr, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut rate = self.rate.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let admitted = rate.admit(from, Instant::now());
        drop(rate);
        if !admitted {
            return Err(Refusal::TooFast);
        }
        let host = text(headers, header::HOST).ok_or(Refusal::CrossSite)?;
        // A name that somebody else's DNS resolves to this machine would make their page ours.
        if self.address.ip().is_loopback() && !is_loopback(host) {
            return Err(Refusal::CrossSite);
        }
        if !path.starts_with("/api/") {
            return Ok(());
        }
        let own = format!("http://{host}");
        let secure = format!("https://{host}");
        let foreign_origin = headers
            .get(header::ORIGIN)
            .is_some_and(|origin| *origin != own.as_str() && *origin != secure.as_str());
        let foreign_site = headers
            .get("sec-fetch-site")
            .is_some_and(|site| *site != "same-origin" && (*site != "none" || *method != Method::GET));
        if foreign_origin || foreign_site {
            return Err(Refusal::CrossSite);
        }
        if *method == Method::POST {
            let json = text(headers, header::CONTENT_TYPE)
                .and_then(|kind| kind.split(';').next())
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
            if !json {
                return Err(Refusal::NotJson);
            }
        }
        let Some(token) = &self.token else { return Ok(()) };
        let given = text(headers, header::AUTHORIZATION)
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(Refusal::Token)?;
        // Hashes are compared whole, so the time tells nothing about where a guess goes wrong.
        let given: [u8; 32] = Sha256::digest(given).into();
        let difference = given.iter().zip(token).fold(0, |sum, (a, b)| sum | (a ^ b));
        if std::hint::black_box(difference) == 0 { Ok(()) } else { Err(Refusal::Token) }
    }
}

/// Lets a request through, or refuses it.
pub(super) async fn guard(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let verdict = app.guard.check(from.ip(), request.method(), request.uri().path(), request.headers());
    let mut response = match verdict {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in SECURITY {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// Nothing is loaded from elsewhere, and nobody else may embed or read what is here.
const SECURITY: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether `host`, with or without a port, is this machine by its local names.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_local_names_are_local() {
        for host in ["localhost", "LOCALHOST:7878", "127.0.0.1:80", "[::1]:7878", "127.8.9.1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["example.org", "localhost.example.org:80", "10.0.0.1", "[::2]", "", "127.0.0.1.nip.io"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn requests_of_other_sites_and_strangers_are_refused() {
        let address = "0.0.0.0:7878".parse().unwrap();
        let guard = Guard::new(Some("correct horse battery"), address, 1000.0);
        let ip = IpAddr::from([10, 0, 0, 9]);
        let good: &[(&'static str, &str)] = &[
            ("host", "lab:7878"),
            ("origin", "http://lab:7878"),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json; charset=utf-8"),
            ("authorization", "Bearer correct horse battery"),
        ];
        let check =
            |pairs: &[(&'static str, &str)]| guard.check(ip, &Method::POST, "/api/answer", &headers(pairs));
        assert_eq!(check(good), Ok(()));
        let with = |name: &'static str, value: &'static str| {
            let mut pairs: Vec<_> = good.iter().copied().filter(|(other, _)| *other != name).collect();
            if !value.is_empty() {
                pairs.push((name, value));
            }
            check(&pairs)
        };
        assert_eq!(with("origin", "http://evil.example"), Err(Refusal::CrossSite));
        assert_eq!(with("origin", "null"), Err(Refusal::CrossSite));
        assert_eq!(with("sec-fetch-site", "cross-site"), Err(Refusal::CrossSite));
        assert_eq!(with("sec-fetch-site", "same-site"), Err(Refusal::CrossSite));
        assert_eq!(with("host", ""), Err(Refusal::CrossSite));
        assert_eq!(with("content-type", "text/plain"), Err(Refusal::NotJson));
        assert_eq!(with("content-type", ""), Err(Refusal::NotJson));
        assert_eq!(with("authorization", "Bearer correct horse batterx"), Err(Refusal::Token));
        assert_eq!(with("authorization", "correct horse battery"), Err(Refusal::Token));
        assert_eq!(with("authorization", ""), Err(Refusal::Token));
        // The page itself holds nothing secret: it is what asks for the token.
        assert_eq!(guard.check(ip, &Method::GET, "/", &headers(&[("host", "lab")])), Ok(()));
        let local = Guard::new(None, "127.0.0.1:7878".parse().unwrap(), 1000.0);
        let rebound = headers(&[("host", "evil.example:7878")]);
        assert_eq!(local.check(ip, &Method::GET, "/", &rebound), Err(Refusal::CrossSite));
    }
}
