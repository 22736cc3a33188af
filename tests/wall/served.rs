//! What real servers serve as guarded, Countersign keeps (R1, R2).
//!
//! Each spelling is sent to the server itself first. Where that gives the guarded page away, it is sent through Countersign by
//! a stranger: the page must not come, the server must not even see the request, and the answer is a way to a code or a refusal.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use super::ask;
use super::bend;
use super::gate;
use super::list::{self, show};
use super::server::{SECRET, Server};

#[test]
fn r1_r2_what_nginx_serves_as_guarded_needs_a_code() {
    serves_none(&Server::nginx());
}

#[test]
fn r1_r2_what_apache_and_php_serve_as_guarded_needs_a_code() {
    serves_none(&Server::apache());
}

#[test]
fn r1_r2_what_tomcat_serves_as_guarded_needs_a_code() {
    serves_none(&Server::tomcat());
}

/// What came of one of a server's doors.
struct Tried {
    name: &'static str,
    /// How many it served as guarded when it was asked itself.
    served: usize,
    /// What a stranger got, where that was no way to a code and no refusal.
    wrong: Vec<String>,
}

fn serves_none(server: &Server) {
    let listed: Vec<Vec<u8>> = list::classes()
        .into_iter()
        .flat_map(|class| class.rows)
        .map(|row| row.target)
        .collect();
    let targets = [listed.clone(), bend::more(&listed)].concat();
    let tried: Vec<Tried> = thread::scope(|all| {
        let runs: Vec<_> = (0..)
            .zip(&server.doors)
            .map(|(at, &(name, address))| {
                let targets = &targets;
                all.spawn(move || attempt(name, address, targets, at * 1_000_000))
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wall");
    fs::create_dir_all(&folder).unwrap();
    for Tried {
        name,
        served,
        wrong,
    } in tried
    {
        let said = format!("{served} of {}\n", targets.len());
        fs::write(folder.join(format!("{name}.served")), said).unwrap();
        assert!(served > 50, "{name} serves {served} only");
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    }
    let numbers = server.numbers();
    assert!(
        numbers.len() > targets.len(),
        "the log is one of all requests"
    );
    let strangers = numbers.into_iter().filter(|number| number % 2 == 1);
    assert_eq!(strangers.collect::<Vec<_>>(), [0; 0], "they reached it");
}

/// Asks for everything itself, and for what is served as guarded through two gates. What strangers ask has odd numbers.
fn attempt(name: &'static str, address: SocketAddr, targets: &[Vec<u8>], from: usize) -> Tried {
    let url = format!("http://{address}");
    let gates = [gate::before(&url), gate::narrow(&url)];
    let (mut served, mut wrong) = (0, Vec::new());
    for (row, target) in targets.iter().enumerate() {
        let number = from + row * 10;
        if !ask::get(address, target, number).has(SECRET) {
            continue;
        }
        served += 1;
        for (which, gate) in gates.iter().enumerate() {
            let reply = ask::get(gate.address, target, number + 1 + 2 * which);
            let status = reply.status();
            let asked = status == 303 && reply.has("/.countersign/");
            let refused = [400, 401, 403, 405, 421].contains(&status);
            if reply.has(SECRET) || !(asked || refused) {
                wrong.push(format!("{} {status}", show(target)));
            }
        }
    }
    Tried {
        name,
        served,
        wrong,
    }
}
