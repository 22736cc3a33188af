//! Those who are slow on purpose, by slowhttptest: they take no more than one source may have, are sent away when
//! their time is over, and others are served meanwhile (A1).

use std::fmt::Display;
use std::io::Write;
use std::thread;

use super::door::counted;
use super::line::Line;
use super::support::bare::Bare;
use super::support::gate::{Gate, Setup};
use super::support::program::Program;
use super::support::wire::read_head;
use super::tool::Tool;

/// An answer of this length does not fit into the buffers of the kernel.
const LONG: usize = 64 << 20;

/// Files for visitors and what they ask for, and how many connections are tried, for each worker.
const FILES: usize = 64;
const TRIED: usize = 80;

/// A site by http on whose `/open/**` anybody may do anything, with room for few.
struct Few {
    program: Program,
    workers: usize,
    /// What one source may have.
    bound: usize,
    /// Its files when nobody is here.
    files: usize,
    _gate: Gate,
}

impl Few {
    fn new() -> Self {
        let app = Bare::new(|_, mut stream| {
            let Some(head) = read_head(&mut stream) else {
                return;
            };
            let close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length:";
            if head.first.contains("/long") {
                let head = format!("{close} {LONG}\r\n\r\n");
                drop(stream.get_mut().write_all(head.as_bytes()));
                let piece = vec![b'x'; 1 << 20];
                let _ = (0..LONG >> 20).all(|_| stream.get_mut().write_all(&piece).is_ok());
                return;
            }
            // However slowly a body comes, and though it may never end.
            let length = head.field("content-length").unwrap_or("0");
            let length: u64 = length.parse().unwrap();
            let mut body = std::io::Read::take(&mut stream, length);
            drop(std::io::copy(&mut body, &mut std::io::sink()));
            let short = format!("{close} 2\r\n\r\nOK");
            drop(stream.get_mut().write_all(short.as_bytes()));
        });
        let gate = Setup::new(&app.url())
            .with("[log]\nformat = \"json\"\n[admin]\nhttp = \"127.0.0.1:0\"")
            .routes(&[("/open/**", "public-full")])
            .start()
            .stopped();
        let workers = thread::available_parallelism().unwrap().get();
        let files = 64 + workers * FILES;
        let program = Program::limited(&gate, &format!("ulimit -n {files}"));
        // Whatever is opened at first use is open now.
        assert_eq!(neighbour(&program), 200);
        assert_eq!(counted(&program, "panic"), 0);
        // It says itself how many it lets in with so few files; half of that is for one source, each worker for itself.
        let log = program.log();
        let (_, all) = log.split_once("\"connections\":").unwrap();
        let all = all.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        let each = all.parse::<usize>().unwrap() / workers;
        Self {
            files: program.open(),
            program,
            workers,
            bound: each.div_ceil(2) * workers,
            _gate: gate,
        }
    }

    /// slowhttptest, with far more connections than one source may have.
    fn tool(&self, more: &[&str], path: &str) -> Tool {
        let tried = TRIED * self.workers;
        let door = self.program.address;
        let url = format!("http://app.localhost{path}");
        // The gateway stands as a proxy there: a request is for the site's name, whatever the address.
        let mut arguments: Vec<&dyn Display> = vec![&"-l", &"200", &"-c", &tried, &"-r", &tried];
        arguments.extend::<[&dyn Display; 6]>([&"-p", &"1", &"-d", &door, &"-u", &url]);
        arguments.extend(more.iter().map(|one| one as &dyn Display));
        Tool::start("slowhttptest", &arguments)
    }

    /// Reads what the tool says, to the end or until `done`; whenever it tells of itself, which it does every five seconds,
    /// somebody else is served. Gives how many connections it had at once, as it says itself.
    fn watch(&self, tool: &mut Tool, done: impl Fn() -> bool) -> usize {
        let mut most = 0;
        while let Some(line) = tool.line() {
            if line.starts_with("connected:") {
                let here: usize = line.split_whitespace().last().unwrap().parse().unwrap();
                most = most.max(here);
                assert_eq!(neighbour(&self.program), 200, "somebody else is served");
                if done() {
                    break;
                }
            }
        }
        most
    }

    /// Lets it have its way until it has no connection left, which is well before its time is over.
    fn attacked(&self, more: &[&str], path: &str) -> usize {
        let mut tool = self.tool(more, path);
        let most = self.watch(&mut tool, || false);
        let said = tool.end();
        assert!(said.contains("No open connections left"), "{said}");
        self.is_itself_again();
        most
    }

    fn is_itself_again(&self) {
        self.program.closes(self.files);
        assert_eq!(neighbour(&self.program), 200);
        assert_eq!(counted(&self.program, "panic"), 0);
    }

    fn overdue(&self) -> usize {
        counted(&self.program, "overdue").try_into().unwrap()
    }
}

#[test]
fn a1_heads_that_never_end_are_sent_away() {
    let few = Few::new();
    for path in ["/", "/open/here"] {
        let before = few.overdue();
        assert_eq!(few.attacked(&["-H", "-i", "2"], path), few.bound);
        assert!(few.overdue() >= before + few.bound);
    }
}

#[test]
fn a1_bodies_that_never_end_are_sent_away() {
    let few = Few::new();
    // Where anybody may send one it goes on to the application for as long as it comes well.
    let slow = ["-B", "-i", "2", "-s", "100000"];
    assert!(few.attacked(&slow, "/open/here") <= few.bound);
    let more: usize = counted(&few.program, "refused").try_into().unwrap();
    assert!(more >= TRIED * few.workers - few.bound, "{more}");
    few.attacked(&slow, "/");
}

#[test]
fn a1_readers_that_do_not_read_are_sent_away() {
    let few = Few::new();
    // A byte every five seconds, of what came in one piece: nothing new fits in behind it.
    let slow = ["-X", "-w", "64", "-y", "128", "-n", "5", "-z", "1"];
    let mut tool = few.tool(&slow, "/open/long");
    let most = few.watch(&mut tool, || few.overdue() >= few.bound);
    assert_eq!(most, few.bound);
    assert!(few.overdue() >= few.bound);
    // It does not know yet, since it has not read as far as that.
    few.is_itself_again();
}

#[test]
fn a1_ranges_by_the_hundred_are_requests_like_others() {
    let few = Few::new();
    for path in ["/open/here", "/"] {
        few.attacked(&["-R", "-a", "5", "-b", "1000"], path);
    }
}

/// The status that somebody at another address gets.
fn neighbour(program: &Program) -> u16 {
    Line::from(5, program.address).status("/open/here")
}
