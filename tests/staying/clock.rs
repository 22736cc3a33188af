//! The machine's clock is set while the program runs, and between two runs (A5): by Debian's libfaketime.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::app::App;
use super::support::gate::{Gate, Setup};
use super::support::program::Program;

/// Commands of a shell after which what it runs has a clock of its own, with these variables of libfaketime's.
pub fn faked(variables: &str) -> String {
    let library = fs::read_dir("/usr/lib")
        .unwrap()
        .map(|folder| folder.unwrap().path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists())
        .expect("Debian's package libfaketime is there");
    format!("export LD_PRELOAD={} {variables}", library.display())
}

/// A wall clock that can be set; the steady one goes on.
struct Wall(PathBuf);

impl Wall {
    fn new(gate: &Gate) -> Self {
        let wall = Self(gate.file("wall"));
        wall.set("+0");
        wall
    }

    /// So far from the true time: `+2h`. In one step, since it is read all the time.
    fn set(&self, by: &str) {
        let new = self.0.with_extension("new");
        fs::write(&new, by).unwrap();
        fs::rename(new, &self.0).unwrap();
    }

    fn program(&self, gate: &Gate) -> Program {
        let file = self.0.display();
        Program::limited(
            gate,
            &faked(&format!(
                "FAKETIME_TIMESTAMP_FILE={file} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1"
            )),
        )
    }
}

fn gate(app: &App) -> Gate {
    let setup = Setup::new(&app.url()).with("[log]\nformat = \"json\"");
    setup.start().stopped()
}

#[test]
fn a5_a_clock_that_is_set_back_revives_nothing_not_even_over_a_restart() {
    let app = App::new();
    let gate = gate(&app);
    let wall = Wall::new(&gate);
    let program = wall.program(&gate);
    let mut ann = program.browser();
    ann.pass_ask("/", "ann", &program.messages);
    assert_eq!(ann.clone().get("/").status(), 200);
    wall.set("+2h");
    assert_eq!(ann.clone().get("/").status(), 303, "idle for two hours");
    wall.set("+0");
    assert_eq!(ann.clone().get("/").status(), 303, "and so it stays");
    program.logs(&["clock.behind"], 0);
    let mut bob = program.browser();
    bob.pass_ask("/", "bob", &program.messages);
    assert_eq!(bob.clone().get("/").status(), 200, "others go on");

    program.kill();
    let program = wall.program(&gate);
    let ends = |program: &Program| ann.clone().at(program.address).get("/").status();
    assert_eq!(ends(&program), 303, "after a crash");
    assert_eq!(bob.clone().at(program.address).get("/").status(), 200);
    wall.set("-1d");
    assert_eq!(ends(&program), 303);
    assert_eq!(bob.clone().at(program.address).get("/").status(), 200);
    drop(program);
    let program = wall.program(&gate);
    assert_eq!(ends(&program), 303, "after a restart");
    assert_eq!(bob.at(program.address).get("/").status(), 200);
}

/// Of another gateway with the same key, say, whose clock is ahead.
#[test]
fn a5_a_grant_from_more_than_a_minute_ahead_is_none() {
    let app = App::new();
    let gate = gate(&app);
    let wall = Wall::new(&gate);
    wall.set("+1h");
    let program = wall.program(&gate);
    let mut ann = program.browser();
    ann.pass_ask("/", "ann", &program.messages);
    drop(program);
    forget(&gate.file("state/state.redb"));
    wall.set("+0");
    let program = wall.program(&gate);
    let ann = ann.at(program.address);
    assert_eq!(ann.clone().get("/").status(), 303);
    wall.set("+58m");
    assert_eq!(ann.clone().get("/").status(), 303);
    wall.set("+3570");
    assert_eq!(ann.clone().get("/").status(), 200);
}

/// What the last process counted and saw.
fn forget(file: &Path) {
    fs::remove_file(file).unwrap();
}
