//! What is asked, and what becomes of it.

use std::sync::mpsc::channel;

use telos_rewards::{
    feedback::Choice,
    judge::{
        CritiqueQuestion, Endpoint, EndpointConfig, Judge, JudgeError, JudgePool, Opinion, OutcomeQuestion,
        PairQuestion, Part, Prompt, ReplyCache, YesNoQuestion,
    },
};

use crate::server::{Act, Server};

fn prompt() -> Prompt {
    Prompt::text("which?", 5)
}

#[test]
fn transient_faults_are_waited_out_and_final_ones_are_not() {
    let server = Server::new(vec![
        Act::Status(429, Some(0)),
        Act::Status(500, Some(0)),
        Act::Cut,
        Act::Garbage,
        Act::Say("done"),
        Act::Status(401, None),
    ]);
    let mut endpoint = server.endpoint();
    assert_eq!(endpoint.complete(&prompt()).unwrap().text, "done");
    let tally = endpoint.tally();
    assert_eq!((tally.answered, tally.retried, tally.failed), (1, 4, 0));
    assert_eq!((tally.prompt_tokens, tally.completion_tokens), (100, 10));
    let error = endpoint.complete(&prompt()).unwrap_err();
    assert!(matches!(error, JudgeError::Refused { status: 401, .. }), "{error}");
    assert_eq!(endpoint.tally().retried, 4, "a wrong key does not get better");
}

#[test]
fn a_slow_or_absent_server_is_given_up_after_the_attempts() {
    let server = Server::new(vec![Act::Stall, Act::Stall]);
    let config = EndpointConfig { timeout: 0.1, attempts: 2, ..server.config.clone() };
    let mut endpoint = Endpoint::new(&config, None).unwrap();
    let error = endpoint.complete(&prompt()).unwrap_err().to_string();
    assert!(error.contains("2 times"), "{error}");
    assert_eq!(endpoint.tally().failed, 1);
    let nobody = EndpointConfig { url: "http://127.0.0.1:9/v1".into(), attempts: 1, ..config };
    let error = Endpoint::new(&nobody, None).unwrap().complete(&prompt()).unwrap_err();
    assert!(matches!(error, JudgeError::Unreachable { .. }), "{error}");
}

#[test]
fn nothing_is_asked_or_paid_twice() {
    let server = Server::new(vec![Act::Say("yes"), Act::Say("no"), Act::Say("again")]);
    let directory = tempfile::tempdir().unwrap();
    let cache = || Some(ReplyCache::open(directory.path()).unwrap());
    let mut endpoint = Endpoint::new(&server.config, cache()).unwrap();
    assert_eq!(endpoint.complete(&prompt()).unwrap().text, "yes");
    assert_eq!(endpoint.complete(&prompt()).unwrap().text, "yes");
    let other = Prompt { sample: 1, ..prompt() };
    assert_eq!(endpoint.complete(&other).unwrap().text, "no", "another sample is another request");
    // Another process, later.
    let mut endpoint = Endpoint::new(&server.config, cache()).unwrap();
    assert_eq!(endpoint.complete(&prompt()).unwrap().text, "yes");
    assert_eq!((endpoint.tally().cached, endpoint.tally().answered), (1, 0));
    // A damaged file is asked for again.
    for file in std::fs::read_dir(directory.path()).unwrap() {
        std::fs::write(file.unwrap().path(), "{\"te").unwrap();
    }
    assert_eq!(endpoint.complete(&prompt()).unwrap().text, "again");
}

#[test]
fn a_budget_is_not_exceeded_by_more_than_the_last_request() {
    let server = Server::new(vec![Act::Say("a"), Act::Say("b"), Act::Say("c")]);
    // 100 tokens read and 10 written cost 2e-4 + 1e-4.
    let config = EndpointConfig {
        prompt_price: 2.0,
        completion_price: 10.0,
        budget: Some(5e-4),
        ..server.config.clone()
    };
    let mut endpoint = Endpoint::new(&config, None).unwrap();
    endpoint.complete(&prompt()).unwrap();
    endpoint.complete(&prompt()).unwrap();
    assert!((endpoint.tally().cost - 6e-4).abs() < 1e-12);
    let error = endpoint.complete(&prompt()).unwrap_err();
    assert!(matches!(error, JudgeError::Exhausted { .. }), "{error}");
    assert_eq!(server.words().len(), 2, "nothing more was sent");
}

#[test]
fn a_pair_counts_only_if_both_orders_agree() {
    let question = PairQuestion {
        goal: "the drawer is open".into(),
        shown: ["first", "second"].map(|name| vec![Part::Picture(name.into())]),
    };
    let verdict = |script: [&'static str; 4]| {
        let server = Server::new(script.into_iter().map(Act::Say).collect());
        let verdict = server.endpoint().ask(&question);
        (verdict, server.words())
    };
    // The better picture is the second, whatever its place.
    let (choice, words) = verdict(["2 is wider open", "1", "1 is wider open", "0"]);
    assert_eq!(choice.unwrap(), Choice::Second);
    assert!(words[1].contains("2 is wider open") && words[0].contains("the drawer is open"));
    let (first, second) = ("Zmlyc3Q=", "c2Vjb25k");
    assert!(words[0].find(first) < words[0].find(second) && words[2].find(second) < words[2].find(first));
    // A judge that always prefers what it sees first, and one that sees no difference.
    assert_eq!(verdict(["a", "0", "b", "0"]).0.unwrap(), Choice::Skip);
    assert_eq!(verdict(["a", "-1", "b", "-1"]).0.unwrap(), Choice::Skip);
    let server = Server::new(vec![Act::Say("a"), Act::Say("both are fine")]);
    let mut endpoint = server.endpoint();
    assert!(matches!(endpoint.ask(&question), Err(JudgeError::Unparsable { .. })));
    assert_eq!(endpoint.tally().unparsable, 1);
}

#[test]
fn other_questions_reach_their_verdicts() {
    let server = Server::new(vec![
        Act::Chances(&[("Yes", 0.6), ("No", 0.2)]),
        Act::Chances(&[("no", 0.5), (" yes", 0.5)]),
        Act::Say("It stood up.\nYes."),
        Act::Say("Slow."),
        Act::Say("4"),
        Act::Say("Shaky."),
        Act::Say("hard to say"),
        Act::Say("Good."),
        Act::Say("8/10"),
    ]);
    let mut endpoint = server.endpoint();
    let about = vec![Part::Text("The robot lies on the floor.".into())];
    let questions = vec!["Is it lying?".into(), "Is it at rest?".into()];
    let likely = endpoint.ask(&YesNoQuestion { about: about.clone(), questions }).unwrap();
    assert!((likely - 0.625).abs() < 1e-6, "{likely}");
    let outcome = OutcomeQuestion {
        task: "A robot should stand up.".into(),
        examples: vec![("It fell.".into(), false)],
        outcome: vec![Part::Text("It stood up after 3 s.".into())],
        question: "Did it stand up?".into(),
    };
    assert!(endpoint.ask(&outcome).unwrap());
    let critique = CritiqueQuestion { about, goal: "stand".into(), critiques: 3, temperature: 0.7 };
    assert!((endpoint.ask(&critique).unwrap() - 0.6).abs() < 1e-6, "one of three critiques has no score");
    let words = server.words();
    assert!(words[2].contains("It fell.\\nDid it stand up? no"), "{}", words[2]);
}

#[test]
fn a_pool_never_keeps_anybody_waiting() {
    // Two servers; the first holds its first reply back until the second has given all of its own.
    let (go_on, held) = channel();
    let servers = [
        Server::new(vec![Act::Hold(held), Act::Say("yes"), Act::Say("no")]),
        Server::new(vec![Act::Say("yes"), Act::Say("maybe"), Act::Say("no")]),
    ];
    let question = |number: u32| OutcomeQuestion {
        task: "t".into(),
        examples: vec![],
        outcome: vec![Part::Text(number.to_string())],
        question: "q?".into(),
    };
    let mut pool = JudgePool::new(servers.iter().map(Server::endpoint).collect());
    let tickets: Vec<u64> =
        (0..6).map(|number| pool.submit(question(number)).expect("both threads live")).collect();
    assert_eq!(pool.pending(), 6);
    let mut verdicts = vec![None; 6];
    let mut order = Vec::new();
    while let Some(Opinion { ticket, verdict, .. }) = pool.wait() {
        order.push(ticket);
        verdicts[ticket as usize] = Some(verdict.ok());
        if order.len() == 3 {
            go_on.send(()).unwrap();
        }
    }
    assert_eq!(order.len(), tickets.len());
    assert_eq!(order[..3], [1, 3, 5], "the slow server holds up nobody but itself");
    // The held reply is the number 1, which is neither yes nor no.
    let expected = [None, Some(true), Some(true), None, Some(false), Some(false)];
    assert_eq!(verdicts, expected.map(Some));
    let tallies = pool.finish();
    assert_eq!(tallies.iter().map(|tally| tally.unparsable).sum::<u64>(), 2);
}

#[test]
fn keys_come_from_the_environment_and_wrong_configurations_are_named() {
    let server = Server::new(vec![Act::Say("a")]);
    let named = |name: &str| EndpointConfig { key_variable: Some(name.into()), ..server.config.clone() };
    // Cargo sets this one for every test.
    Endpoint::new(&named("CARGO_PKG_NAME"), None).unwrap().complete(&prompt()).unwrap();
    let (key, body) = server.requests.recv().unwrap();
    assert_eq!(key.as_deref(), Some("Bearer telos-rewards"));
    assert!(!body.to_string().contains("telos-rewards"));
    let error = |config: EndpointConfig| Endpoint::new(&config, None).err().unwrap().to_string();
    assert!(error(named("TELOS_NO_SUCH_KEY")).contains("TELOS_NO_SUCH_KEY"));
    assert!(
        error(EndpointConfig { url: "localhost".into(), ..server.config.clone() }).contains("`endpoint.url`")
    );
    assert!(
        error(EndpointConfig { model: String::new(), ..server.config.clone() }).contains("`endpoint.model`")
    );
    assert!(error(EndpointConfig { attempts: 0, ..server.config.clone() }).contains("`endpoint.attempts`"));
    assert!(error(EndpointConfig { timeout: -1.0, ..server.config.clone() }).contains("`endpoint.timeout`"));
}
