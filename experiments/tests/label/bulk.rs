//! 5,000 labels by several people at once, with lost replies and changes of mind: none is lost, none
//! counts twice.

use std::{collections::BTreeMap, thread};

use crate::{
    http::Person,
    run::{ask_blindly, empty_run, options, serve, stored},
};

const LABELS: usize = 5000;
const CHOICES: [&str; 4] = ["first", "second", "equal", "skip"];

/// Works until nothing is left; returns what was acknowledged and not undone.
fn label(mut person: Person) -> BTreeMap<String, &'static str> {
    let mut acknowledged = BTreeMap::new();
    loop {
        let queries = person.next(8).unwrap();
        if queries.is_empty() {
            return acknowledged;
        }
        for (at, query) in queries.into_iter().enumerate() {
            let number = u64::from_str_radix(&query, 16).unwrap();
            let choice = CHOICES[(number % 4) as usize];
            assert_eq!(person.answer(&query, choice).unwrap().status, 200);
            match number % 7 {
                // The reply was lost: the page asks again.
                0 => assert_eq!(person.answer(&query, choice).unwrap().status, 200),
                1 if at == 0 => {
                    assert_eq!(person.undo(Some(&query)).unwrap().status, 200);
                    let other = CHOICES[((number + 1) % 4) as usize];
                    let key = format!("again-{query}");
                    assert_eq!(person.answer_with_key(&query, other, &key).unwrap().status, 200);
                    acknowledged.insert(query, other);
                    continue;
                }
                _ => {}
            }
            acknowledged.insert(query, choice);
        }
    }
}

#[test]
fn five_thousand_labels_none_lost_and_none_doubled() {
    let scratch = tempfile::tempdir().unwrap();
    let run = empty_run(&scratch.path().join("run"));
    for number in 0..5 {
        ask_blindly(&run, number, LABELS / 5);
    }
    let served = serve(&run, &options());
    let names = ["ann", "bob", "eve"];
    let acknowledged: Vec<BTreeMap<String, &str>> = thread::scope(|scope| {
        let people = names.map(|name| scope.spawn(move || label(Person::at(served.address, name))));
        people.into_iter().map(|person| person.join().unwrap()).collect()
    });
    drop(served);
    assert_eq!(acknowledged.iter().map(BTreeMap::len).sum::<usize>(), LABELS);
    let stored = stored(&run);
    assert_eq!(stored.len(), LABELS);
    for answer in stored {
        let person = names.iter().position(|name| *name == answer.annotator).unwrap();
        let choice = acknowledged[person][&answer.query.to_string()];
        assert_eq!(format!("{:?}", answer.choice).to_lowercase(), choice);
    }
}
