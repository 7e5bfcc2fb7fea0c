//! Whose turn it is: one person per question, or as many as are wanted; clips, undo, restarts.

use std::time::Duration;

use telos::{
    label,
    label::Annotator,
    rewards::feedback::Choice,
    rewards::teacher::Teacher,
    rewards::teacher::people::{PeopleConfig, PeopleTeacher},
};

use crate::{
    http::{Browser, Person},
    run::{ask, ask_blindly, empty_run, options, serve, stored},
};

#[test]
fn the_page_and_its_clips_come_from_this_server_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let queries = ask(&run, 0, 2);
    let served = serve(&run, &options());
    let mut ann = Person::at(served.address, "ann");
    for (path, kind) in [
        ("/", "text/html"),
        ("/label.css", "text/css"),
        ("/label.js", "text/javascript"),
        ("/clips.js", "text/javascript"),
    ] {
        let page = ann.browser.get(path).unwrap();
        assert_eq!(page.status, 200, "{path}");
        assert!(page.headers.contains(&format!("content-type: {kind}")), "{}", page.headers);
        assert!(
            page.headers.contains("default-src 'none'") && page.headers.contains("nosniff"),
            "{}",
            page.headers
        );
        let text = String::from_utf8(page.body).unwrap();
        assert!(
            !text.contains("http://") && !text.contains("https://") && !text.contains("src=\"//"),
            "{path}"
        );
    }
    assert_eq!(ann.next(8).unwrap(), queries.iter().map(|query| query.id().to_string()).collect::<Vec<_>>());
    for side in 0..2 {
        let clip = ann.browser.get(&format!("/api/clip/{}/{side}", queries[1].id())).unwrap();
        assert_eq!(clip.status, 200, "{}", String::from_utf8_lossy(&clip.body));
        assert!(clip.headers.contains("content-type: image/png"), "{}", clip.headers);
        // 16 frames (30 steps of 0.02 s at 25 per second) of 400 by 300 pixels, four in a row.
        let side_of = |at: usize| u32::from_be_bytes(clip.body[at..at + 4].try_into().unwrap());
        let body = ann
            .browser
            .post("/api/next", &serde_json::json!({"annotator": "ann", "client": "page-of-ann", "count": 1}))
            .unwrap()
            .json();
        let layout = &body["queries"][0]["clips"][side];
        let columns = layout["columns"].as_u64().unwrap();
        let rows = layout["frames"].as_u64().unwrap().div_ceil(columns);
        assert_eq!((u64::from(side_of(16)), u64::from(side_of(20))), (columns * 400, rows * 300), "{layout}");
    }
}

#[test]
fn two_annotators_never_hold_the_same_question() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let all = ask_blindly(&run, 0, 7);
    let served = serve(&run, &options());
    let (mut ann, mut bob) = (Person::at(served.address, "ann"), Person::at(served.address, "bob"));
    assert_eq!(ann.next(3).unwrap(), all[..3]);
    assert_eq!(bob.next(3).unwrap(), all[3..6]);
    // Another page of the same person is another page.
    let mut ann_again = Person { client: "another-page".into(), ..Person::at(served.address, "ann") };
    assert_eq!(ann_again.next(3).unwrap(), all[6..]);
    // A reload gets back what it had.
    assert_eq!(Person::at(served.address, "ann").next(3).unwrap(), all[..3]);

    assert_eq!(bob.answer(&all[0], "first").unwrap().outcome(), (409, "leased".into()));
    assert_eq!(ann.answer(&all[0], "first").unwrap().status, 200);
    assert_eq!(bob.answer(&all[0], "first").unwrap().outcome(), (409, "answered".into()));
    assert_eq!(ann.answer(&all[0], "second").unwrap().outcome(), (409, "answered_by_you".into()));
    // The same request once more, because its reply was lost.
    assert_eq!(ann.answer(&all[0], "first").unwrap().status, 200);
    assert_eq!(stored(&run).len(), 1);
}

#[test]
fn leases_end() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let all = ask_blindly(&run, 0, 2);
    let served = serve(&run, &telos::label::ServerOptions { lease: Duration::from_millis(50), ..options() });
    let (mut ann, mut bob) = (Person::at(served.address, "ann"), Person::at(served.address, "bob"));
    assert_eq!(ann.next(2).unwrap(), all);
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(bob.next(2).unwrap(), all);
    // Ann comes back late; the question is still hers if nobody holds it by then.
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(ann.answer(&all[1], "equal").unwrap().status, 200);
    assert_eq!(bob.answer(&all[1], "equal").unwrap().outcome(), (409, "answered".into()));
}

#[test]
fn agreement_is_measured_where_two_people_answer() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let all = ask_blindly(&run, 0, 50);
    let agreeing = telos::label::ServerOptions { agreement: 2, ..options() };
    let served = serve(&run, &agreeing);
    let mut people = [Person::at(served.address, "ann"), Person::at(served.address, "bob")];
    // The example of Cohen's kappa: 20 times both first, 5 and 10 times apart, 15 times both second.
    for (at, query) in all.iter().enumerate() {
        let choices = match at {
            0..20 => ["first", "first"],
            20..25 => ["first", "second"],
            25..35 => ["second", "first"],
            _ => ["second", "second"],
        };
        for (person, choice) in people.iter_mut().zip(choices) {
            assert_eq!(person.next(1).unwrap(), std::slice::from_ref(query));
            assert_eq!(person.answer(query, choice).unwrap().status, 200);
        }
    }
    let status = people[0].browser.get("/api/progress").unwrap().json();
    assert!((status["kappa"].as_f64().unwrap() - 0.4).abs() < 1e-9, "{status}");
    assert_eq!((&status["compared"], &status["answered"]), (&50.into(), &50.into()));
    let mut eve = Person::at(served.address, "eve");
    assert!(eve.next(5).unwrap().is_empty());
    assert_eq!(eve.answer(&all[0], "first").unwrap().outcome(), (409, "answered".into()));
    // A server that is started for one person finishes what was begun for two.
    drop(served);
    let more = ask_blindly(&run, 1, 2);
    let served = serve(&run, &agreeing);
    assert_eq!(Person::at(served.address, "ann").answer(&more[0], "first").unwrap().status, 200);
    drop(served);
    let served = serve(&run, &options());
    assert_eq!(Person::at(served.address, "bob").next(5).unwrap(), more);
}

#[test]
fn an_undone_question_comes_back_until_it_was_learned_from() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let mut teacher = PeopleTeacher::new(PeopleConfig { undo_seconds: 0.0 }, Some(&run.feedback())).unwrap();
    let queries = ask(&run, 9, 3);
    for query in &queries {
        teacher.submit(query.clone()).unwrap();
    }
    std::fs::remove_file(run.feedback().join("people/queries/000009.batch")).unwrap();
    teacher.poll(&mut Vec::new()).unwrap();
    let ids: Vec<String> = queries.iter().map(|query| query.id().to_string()).collect();
    let served = serve(&run, &options());
    let (mut ann, mut bob) = (Person::at(served.address, "ann"), Person::at(served.address, "bob"));
    assert_eq!(ann.next(2).unwrap(), ids[..2]);
    assert_eq!(ann.undo(None).unwrap().outcome(), (409, "nothing_to_undo".into()));
    ann.answer(&ids[0], "first").unwrap();
    ann.answer(&ids[1], "second").unwrap();
    assert_eq!(bob.undo(Some(&ids[0])).unwrap().outcome(), (403, "not_yours".into()));
    assert_eq!(bob.undo(None).unwrap().outcome(), (409, "nothing_to_undo".into()));
    assert_eq!(ann.undo(None).unwrap().json()["query"], ids[1].as_str());
    assert_eq!(stored(&run).len(), 1);
    // It is hers again, before all others.
    assert_eq!(ann.next(1).unwrap(), ids[1..2]);
    assert_eq!(bob.next(1).unwrap(), ids[2..]);
    assert_eq!(ann.answer_with_key(&ids[1], "equal", "other-key").unwrap().status, 200);

    let mut answers = Vec::new();
    while answers.len() < 2 {
        std::thread::sleep(Duration::from_millis(20));
        teacher.poll(&mut answers).unwrap();
    }
    assert_eq!(ann.undo(None).unwrap().outcome(), (409, "learned".into()));
    assert_eq!(ann.undo(Some(&ids[0])).unwrap().outcome(), (409, "learned".into()));
    assert_eq!(stored(&run).len(), 2);

    let table = label::export(&run, label::ExportFormat::Csv).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0].join(","), "query,choice,annotator,at_ms,latency_ms,wanted,learned");
    let facts = |row: &[&str]| [row[0], row[1], row[2], row[4], row[5], row[6]].join(" ");
    assert_eq!(facts(&rows[1]), format!("{} first ann 1200 1 true", ids[0]));
    assert_eq!(facts(&rows[2]), format!("{} equal ann 1200 1 true", ids[1]));
    let lines = label::export(&run, label::ExportFormat::Jsonl).unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["choice"], &first["learned"]), (&"first".into(), &true.into()));
}

#[test]
fn new_questions_appear_while_the_server_runs() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let served = serve(&run, &options());
    let mut ann = Person::at(served.address, "ann");
    assert!(ann.next(5).unwrap().is_empty());
    let first = ask_blindly(&run, 0, 2);
    std::thread::sleep(Duration::from_millis(350));
    assert_eq!(ann.next(5).unwrap(), first);
    let second = ask_blindly(&run, 1, 1);
    std::thread::sleep(Duration::from_millis(350));
    assert_eq!(ann.next(5).unwrap(), [&first[..], &second[..]].concat());
    let status = Browser::open(served.address).unwrap().get("/api/progress").unwrap().json();
    assert_eq!((&status["asked"], &status["budget"]), (&3.into(), &6000.into()));
}

#[test]
fn somebody_at_this_machine_answers_without_a_server() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    let queries = ask(&run, 0, 2);
    let mut ann = Annotator::open(&run, "ann").unwrap();
    let busy = label::LabelServer::bind(&run, &options()).err().unwrap();
    assert_eq!(busy.exit_code(), 2, "{busy}");
    let first = ann.next_pair().unwrap().unwrap();
    assert_eq!((&first.query, first.query.id()), (&queries[0], ann.next_pair().unwrap().unwrap().query.id()));
    ann.answer(&first, Choice::First, Duration::from_millis(30)).unwrap();
    assert_eq!(stored(&run)[0].latency_ms, 30);
    assert_eq!(ann.undo().unwrap(), queries[0].id());
    let again = ann.next_pair().unwrap().unwrap();
    ann.answer(&again, Choice::Equal, Duration::ZERO).unwrap();
    let second = ann.next_pair().unwrap().unwrap();
    ann.answer(&second, Choice::Skip, Duration::ZERO).unwrap();
    assert!(ann.next_pair().unwrap().is_none() && ann.undo().is_ok());
    let refused = ann.answer(&again, Choice::First, Duration::ZERO).unwrap_err().to_string();
    assert!(refused.contains("answered"), "{refused}");
    drop(ann);
    let kept = stored(&run);
    assert_eq!((kept.len(), kept[0].choice, kept[0].annotator.as_str()), (1, Choice::Equal, "ann"));
    serve(&run, &options());
}
