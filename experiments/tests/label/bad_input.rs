//! Requests that are refused: each with a status and a reason, and nothing changed.

use serde_json::{Value, json};
use telos::label::{LabelServer, ServerOptions};

use crate::{
    http::{Browser, Person},
    run::{ask_blindly, empty_run, options, serve, stored},
};

#[test]
fn bad_input_in_a_label_is_refused_with_a_reason() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let all = ask_blindly(&run, 0, 3);
    let served = serve(&run, &options());
    let mut ann = Person::at(served.address, "ann");
    assert_eq!(ann.next(1).unwrap().len(), 1);
    let good = json!({
        "annotator": "ann", "client": "page-of-ann", "query": all[0], "choice": "first", "latency_ms": 5, "key": "k",
    });
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    let cases = [
        (with("query", "0123456789abcdef".into()), 404, "unknown_query"),
        (with("query", "../../etc/passwd".into()), 404, "unknown_query"),
        (with("query", 7.into()), 422, "out_of_range"),
        (with("choice", "both".into()), 422, "out_of_range"),
        (with("choice", 3.into()), 422, "out_of_range"),
        (with("choice", json!({ "rating": 3 })), 422, "out_of_range"),
        (with("latency_ms", (-1).into()), 422, "out_of_range"),
        (with("annotator", "".into()), 422, "out_of_range"),
        (with("annotator", "  ".into()), 422, "out_of_range"),
        (with("annotator", "x".repeat(41).into()), 422, "out_of_range"),
        (with("annotator", "a\nb".into()), 422, "out_of_range"),
        (with("key", "".into()), 422, "out_of_range"),
        (with("client", "\u{e9}".into()), 422, "out_of_range"),
        (json!({}), 422, "out_of_range"),
        (json!([1, 2]), 422, "out_of_range"),
        (with("key", "x".repeat(5000).into()), 413, "too_large"),
    ];
    for (body, status, reason) in cases {
        // A server may close the connection after a body that it does not read.
        let response = Browser::open(served.address).unwrap().post("/api/answer", &body).unwrap();
        assert_eq!(response.outcome(), (status, reason.into()), "{body}");
        assert!(!response.json()["message"].as_str().unwrap().is_empty());
    }
    let json_type = ("Content-Type", "application/json");
    let refused = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        Browser::open(served.address).unwrap().request(method, path, headers, body).unwrap().outcome()
    };
    let body = good.to_string();
    assert_eq!(refused("POST", "/api/answer", &[json_type], "{\"annotator\": "), (400, "malformed".into()));
    assert_eq!(
        refused("POST", "/api/answer", &[("Content-Type", "text/plain")], &body),
        (415, "not_json".into())
    );
    assert_eq!(refused("POST", "/api/answer", &[], &body), (415, "not_json".into()));
    let foreign = |name, value| refused("POST", "/api/answer", &[json_type, (name, value)], &body);
    assert_eq!(foreign("Origin", "http://evil.example"), (403, "cross_site".into()));
    assert_eq!(foreign("Origin", "null"), (403, "cross_site".into()));
    assert_eq!(foreign("Sec-Fetch-Site", "cross-site"), (403, "cross_site".into()));
    assert_eq!(foreign("Host", "evil.example"), (403, "cross_site".into()));
    assert_eq!(refused("GET", "/", &[("Host", "evil.example")], ""), (403, "cross_site".into()));
    assert_eq!(refused("GET", "/api/answer", &[], ""), (404, "not_found".into()));
    assert_eq!(refused("GET", "/../Cargo.toml", &[], ""), (404, "not_found".into()));
    assert_eq!(refused("GET", &format!("/api/clip/{}/2", all[0]), &[], ""), (404, "not_found".into()));
    assert_eq!(refused("GET", "/api/clip/ffffffffffffffff/0", &[], ""), (404, "unknown_query".into()));
    // What cannot be drawn is said to be so.
    assert_eq!(refused("GET", &format!("/api/clip/{}/0", all[0]), &[], ""), (500, "not_drawable".into()));
    for count in [json!(0), json!(17), json!(-1), json!("many")] {
        let body = json!({ "annotator": "ann", "client": "c", "count": count });
        assert_eq!(ann.browser.post("/api/next", &body).unwrap().status, 422, "{body}");
    }
    // Bytes that are no request at all.
    let outcome =
        Browser::open(served.address).unwrap().send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n");
    assert!(outcome.is_err() || outcome.unwrap().status == 400);

    assert!(stored(&run).is_empty());
    // After all this, the good one still counts.
    assert_eq!(ann.browser.post("/api/answer", &good).unwrap().status, 200);
    assert_eq!(stored(&run).len(), 1);
}

#[test]
fn requests_are_limited_in_rate() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let served = serve(&run, &ServerOptions { requests_per_second: 5.0, ..options() });
    let mut browser = Browser::open(served.address).unwrap();
    let statuses: Vec<u16> = (0..100).map(|_| browser.get("/api/progress").unwrap().status).collect();
    assert_eq!(statuses[..10], [200; 10]);
    let limited = statuses.iter().filter(|status| **status == 429).count();
    assert!(limited > 0 && statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
}

#[test]
fn other_addresses_need_a_token() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let everywhere = ServerOptions { address: "0.0.0.0:0".parse().unwrap(), ..options() };
    let error = LabelServer::bind(&run, &everywhere).err().unwrap().to_string();
    assert!(error.contains("--token"), "{error}");
    let error = LabelServer::bind(&run, &ServerOptions { token: Some("short".into()), ..options() });
    let error = error.err().unwrap().to_string();
    assert!(error.contains("16 characters"), "{error}");

    let token = "correct-horse-battery";
    let served = serve(&run, &ServerOptions { token: Some(token.into()), ..everywhere });
    let address = (std::net::Ipv4Addr::LOCALHOST, served.address.port()).into();
    let mut browser = Browser::open(address).unwrap();
    let mut ask =
        |headers: &[(&str, &str)]| browser.request("GET", "/api/progress", headers, "").unwrap().outcome();
    assert_eq!(ask(&[]), (401, "token".into()));
    assert_eq!(ask(&[("Authorization", "Bearer correct-horse-batterz")]), (401, "token".into()));
    assert_eq!(ask(&[("Authorization", &format!("Bearer {token}"))]).0, 200);
    assert_eq!(
        ask(&[("Authorization", &format!("Bearer {token}")), ("Origin", "http://evil.example")]).0,
        403
    );
}

#[test]
fn a_second_server_and_a_run_that_asks_nobody_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let served = serve(&run, &options());
    let error = LabelServer::bind(&run, &options()).err().unwrap();
    assert!(error.to_string().contains("another process"), "{error}");
    assert_eq!(error.exit_code(), 2);
    drop(served);
    std::fs::remove_dir_all(run.feedback()).unwrap();
    let error = LabelServer::bind(&run, &options()).err().unwrap();
    assert!(error.to_string().contains("kind = \"people\""), "{error}");
    assert_eq!(error.exit_code(), 2);
}
