//! What was counted is not to be had (A3, A4).

use std::fs;

use super::line::Line;
use super::support::app::App;
use super::support::gate::Setup;
use super::support::program::Program;

/// What is shut stays shut, for those with a grant too, since nobody knows whose were revoked; the rest works.
#[test]
fn a3_without_its_state_what_is_open_works_and_nothing_opens() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[log]\nformat = \"json\"")
        .routes(&[("/open/**", "public-full")])
        .start();
    let ann = gate.signed_in("ann");
    let gate = gate.stopped();
    let file = gate.file("state/state.redb");
    let length = fs::metadata(&file).unwrap().len();
    for damage in [
        b"garbage".to_vec(),
        Vec::new(),
        vec![0; usize::try_from(length).unwrap()],
    ] {
        app.forget();
        fs::write(&file, &damage).unwrap();
        let program = Program::start(&gate);
        program.logs(&["state.damaged"], 0);
        let mut visitor = Line::stranger(program.address);
        assert_eq!(visitor.status("/open/news"), 200);
        assert_eq!(visitor.status("/"), 303);
        assert_eq!(ann.clone().at(program.address).get("/").status(), 303);
        let mut bob = program.browser();
        bob.ask("/", "bob");
        assert_eq!(bob.get("/").status(), 303);
        assert_eq!(Line::stranger(program.address).status("/open/news"), 200);
        assert_eq!(program.messages.count(), 0, "every limit counts as used up");
        assert!(app.lines().iter().all(|line| line.contains("/open/")));
        drop(program);
        fs::remove_file(&file).unwrap();
    }
    let program = Program::start(&gate);
    assert_eq!(ann.at(program.address).get("/").status(), 200, "anew");
}
