//! `kill -9` of the server, again and again, while people label: whatever was acknowledged is there.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::{
    http::{Browser, Person},
    run::{ask_blindly, empty_run, stored},
};

const KILLS: usize = 100;

fn start(run: &Path) -> (Child, SocketAddr) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_telos"))
        .args(["label", "serve"])
        .arg(run)
        .args(["--bind", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().rsplit("http://").next().unwrap().trim_end_matches('/');
    (server, address.parse().unwrap_or_else(|_| panic!("no address in {line:?}")))
}

/// Labels until the server dies or nothing is left, and notes what was acknowledged.
fn label(address: SocketAddr, name: &str, acknowledged: &mut BTreeMap<String, String>) {
    let Ok(browser) = Browser::open(address) else { return };
    let mut person = Person { name: name.into(), client: format!("page-of-{name}"), browser };
    while let Ok(queries) = person.next(4) {
        if queries.is_empty() {
            return;
        }
        for query in queries {
            // A lost reply leaves the page in doubt: it asks again, with the same key.
            let Ok(response) = person.answer(&query, "second") else { return };
            assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
            acknowledged.insert(query, name.to_owned());
        }
    }
}

#[test]
fn a_hundred_kills_lose_no_acknowledged_label() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("run");
    let run = empty_run(&path);
    ask_blindly(&run, 0, 6000);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut acknowledged = [BTreeMap::new(), BTreeMap::new()];
    let mut working = 0;
    for kill in 0..KILLS {
        let (mut server, address) = start(&path);
        let before: usize = acknowledged.iter().map(BTreeMap::len).sum();
        thread::scope(|scope| {
            let [ann, bob] = &mut acknowledged;
            let people =
                [scope.spawn(|| label(address, "ann", ann)), scope.spawn(|| label(address, "bob", bob))];
            thread::sleep(Duration::from_millis(rng.random_range(0..60)));
            server.kill().unwrap();
            server.wait().unwrap();
            people.into_iter().for_each(|person| person.join().unwrap());
        });
        let stored = stored(&run);
        let now: usize = acknowledged.iter().map(BTreeMap::len).sum();
        working += usize::from(now > before);
        let mut on_disk = BTreeMap::new();
        for answer in stored {
            let doubled = on_disk.insert(answer.query.to_string(), answer.annotator);
            assert_eq!(doubled, None, "kill {kill}");
        }
        for (query, name) in acknowledged.iter().flatten() {
            assert_eq!(on_disk.get(query), Some(name), "kill {kill}: an acknowledged label of {query}");
        }
    }
    println!(
        "{} labels acknowledged over {KILLS} kills",
        acknowledged.iter().map(BTreeMap::len).sum::<usize>()
    );
    assert!(working > KILLS / 4, "only {working} of {KILLS} kills came while somebody labelled");
}
