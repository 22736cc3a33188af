//! C7 where messages go by several channels, by vendors that check codes themselves, or nowhere: who has shown nothing
//! learns neither whether there is somebody by a name nor how a message to them fared.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc;
use std::thread;

use super::ask::{Visitor, all_alike, name_themselves, shape, visitors_named};
use super::support::app::App;
use super::support::browser::{path_of, token};
use super::support::gate::{Gate, Setup};
use super::support::post::Post;
use super::support::wire::{Answer, PATIENCE, read_body, read_head};

/// Who can be reached how. The mail server knows nobody whose name begins with `lost`.
const PEOPLE: &str = r#"
[[user]]
name = "both"
phone = "+12025550143"
email = "both@example.com"

[[user]]
name = "mailed"
email = "mailed@example.com"

[[user]]
name = "called"
phone = "+12025550167"

[[user]]
name = "lost"
phone = "+12025550168"
email = "lost@example.com"

[[user]]
name = "abroad"
phone = "+442079460018"
email = "abroad@example.com"

[[user]]
name = "neither"

[[user]]
name = "gone"
phone = "+12025550199"
email = "gone@example.com"
disabled = true
"#;

const NAMES: [&str; 9] = [
    "both",
    "nobody",
    "mailed",
    "called",
    "lost",
    "abroad",
    "neither",
    "gone",
    "+12025550111",
];

const CROWD: &str = "[limits]\nsends_per_hour = { network = 10000 }";
const NUMBERS_HAD_ENOUGH: &str = "[limits]\nsends_per_hour = { network = 10000, number = 1 }";
const SCOPES_HAD_ENOUGH: &str = "[limits]\nsends_per_hour = { network = 10000, all = 2 }";

/// What befalls the carriers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Text messages and calls fail.
    Down,
    /// They did when the first one was asked for, and do no more.
    Passing,
}

#[test]
fn c7_who_is_reached_how_and_how_messages_fare_shows_in_no_byte() {
    let app = App::new();
    for (limits, fault) in [
        (CROWD, Fault::None),
        (CROWD, Fault::Down),
        (CROWD, Fault::Passing),
        (NUMBERS_HAD_ENOUGH, Fault::None),
        (SCOPES_HAD_ENOUGH, Fault::None),
    ] {
        for channels in [
            "\"sms\", \"voice\", \"email\"",
            "\"email\", \"sms\"",
            "\"email\"",
        ] {
            let what = format!("{limits}, {fault:?}, {channels}");
            let post = Post::start();
            let gate = Setup::new(&app.url())
                .users(PEOPLE)
                .with(&post.tables())
                .with(limits)
                .with(&format!(
                    "[scopes.login]\ntitle = \"Sign in\"\nchannels = [{channels}]"
                ))
                .start();
            if fault != Fault::None {
                gate.messages.break_down();
            }
            go_all_the_way(&what, &gate, fault, channels);
        }
    }
}

/// Everything that a stranger can do, one after the other.
fn go_all_the_way(what: &str, gate: &Gate, fault: Fault, channels: &str) {
    let mut people = visitors_named(gate, &NAMES);
    name_themselves(&mut people);
    gate.settle();
    look(&format!("{what}: the page"), &mut people);
    if fault == Fault::Passing {
        gate.messages.come_back();
    }
    let buttons = [("send", "sms"), ("voice", "voice"), ("email", "email")];
    for (button, channel) in buttons {
        if !channels.contains(channel) {
            continue;
        }
        // Too early, and in time.
        for wait in [0, 121] {
            gate.later(wait);
            press(&format!("{what}: {button}"), gate, &mut people, button);
        }
    }
    for _ in 0..6 {
        all_alike(&format!("{what}: a wrong code"), &mut people, |visitor| {
            vec![visitor.browser.answer(&visitor.page, "000000")]
        });
        look(&format!("{what}: after a wrong code"), &mut people);
    }
    let button = if channels.contains("sms") {
        "send"
    } else {
        "email"
    };
    press(&format!("{what}: anew"), gate, &mut people, button);
    // No code lives any more, then the challenge ends.
    for wait in [301, 301] {
        gate.later(wait);
        look(&format!("{what}: later"), &mut people);
    }
}

fn press(what: &str, gate: &Gate, people: &mut [Visitor], button: &str) {
    all_alike(what, people, |visitor| {
        let pressed = visitor.browser.press(&visitor.page, button);
        visitor.page = path_of(pressed.field("location").unwrap());
        vec![pressed]
    });
    gate.settle();
    look(what, people);
}

/// The page, and what its script could ask for.
fn look(what: &str, people: &mut [Visitor]) -> Vec<Answer> {
    all_alike(what, people, |visitor| {
        let state = format!("{}/state", visitor.page);
        vec![
            visitor.browser.get(&visitor.page),
            visitor.browser.get(&state),
        ]
    })
}

/// A vendor that draws and checks codes itself: what it says to a wish for a code, and to what was typed.
struct Checker {
    address: SocketAddr,
    /// The paths that were asked for.
    asked: mpsc::Receiver<String>,
}

impl Checker {
    fn start(starts: &'static str, checks: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (told, asked) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let told = told.clone();
                thread::spawn(move || serve(stream.unwrap(), starts, checks, &told));
            }
        });
        Self { address, asked }
    }

    fn checks(&self) -> usize {
        let asked = self.asked.try_iter();
        asked.filter(|head| head.contains("Check")).count()
    }
}

fn serve(stream: TcpStream, starts: &str, checks: &str, told: &mpsc::Sender<String>) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = BufReader::new(stream);
    let Some(head) = read_head(&mut stream) else {
        return;
    };
    read_body(&head, &mut stream, false);
    drop(told.send(head.raw.clone()));
    let says = if head.raw.contains("Check") {
        checks
    } else {
        starts
    };
    if says == HANGS {
        drop(std::io::copy(&mut stream, &mut std::io::sink()));
        return;
    }
    let (status, body) = says.split_once(' ').unwrap();
    let length = body.len();
    drop(write!(
        stream.get_mut(),
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ));
}

const STARTED: &str = r#"201 {"sid":"VE00000000000000000000000000000001","status":"pending"}"#;
const NOT_IT: &str =
    r#"200 {"sid":"VE00000000000000000000000000000001","status":"pending","valid":false}"#;
const ENDED: &str = r#"404 {"code":20404,"message":"gone","status":404}"#;
const BAD_NUMBER: &str = r#"400 {"code":60200,"message":"no","status":400}"#;
const HAD_ENOUGH: &str = r#"429 {"code":60202,"message":"no","status":429}"#;
const BROKEN: &str = "500 {}";
const HANGS: &str = "hangs";

#[test]
fn c7_a_vendor_that_checks_codes_tells_nobody_who_is_known() {
    let app = App::new();
    for (starts, checks) in [
        (STARTED, NOT_IT),
        (STARTED, ENDED),
        (STARTED, HAD_ENOUGH),
        (STARTED, HANGS),
        (BAD_NUMBER, NOT_IT),
        (BROKEN, NOT_IT),
    ] {
        let vendor = Checker::start(starts, checks);
        let mut key = tempfile::NamedTempFile::new().unwrap();
        key.write_all(b"a token of thirty-two characters").unwrap();
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(key.path(), mode).unwrap();
        let gate = Setup::new(&app.url())
            .users(PEOPLE)
            .with(CROWD)
            .with(&format!(
                "[carriers.vendor.twilio]\nservice = \"verify\"\naccount = \"AC{0:032}\"\ntoken = \"file:{1}\"\n\
                 verify_service = \"VA{0:032}\"\nverify_base_url = \"http://{2}/v2\"\n\
                 [delivery]\nsms = [\"vendor\"]\nvoice = [\"vendor\"]",
                0,
                key.path().display(),
                vendor.address
            ))
            .start();
        let what = format!("{starts} and {checks}");
        let mut people = visitors_named(&gate, &["both", "nobody", "neither", "gone"]);
        name_themselves(&mut people);
        gate.settle();
        look(&format!("{what}: the page"), &mut people);
        gate.later(31);
        press(&format!("{what}: again"), &gate, &mut people, "send");
        gate.later(61);
        press(&format!("{what}: a call"), &gate, &mut people, "voice");
        answer_together(&format!("{what}: a wrong code"), &mut people);
        assert_eq!(vendor.checks(), usize::from(starts == STARTED), "{what}");
        look(&format!("{what}: after a wrong code"), &mut people);
        gate.later(301);
        look(&format!("{what}: later"), &mut people);
    }
}

/// All of them at once: each answer takes as long as most vendors need.
fn answer_together(what: &str, people: &mut [Visitor]) {
    let begun: Vec<_> = people
        .iter_mut()
        .map(|Visitor { browser, page, .. }| {
            let token = token(&browser.get(page));
            let form = [
                ("token", token.as_str()),
                ("code", "000000"),
                ("do", "answer"),
            ];
            browser.begin_post(page, &form)
        })
        .collect();
    let mut begun = begun.into_iter();
    all_alike(what, people, |visitor| {
        vec![visitor.browser.finish("POST", begun.next().unwrap())]
    });
}

/// Ten wrong answers to one name lock it. Another name of the same person must not show that, nor may it get more tries.
#[test]
fn c7_c4_a_lock_of_one_name_does_not_show_at_another_and_holds_there() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    for (one, other) in [("ann", "ann@example.com"), ("+12025550143", "ann")] {
        let mut seen = Vec::new();
        for (one, other) in [(one, other), ("nobody", "nobody@example.com")] {
            let mut attacker = gate.browser();
            for _ in 0..2 {
                attacker = gate.browser();
                let page = attacker.ask("/", one);
                for _ in 0..5 {
                    attacker.answer(&page, "000000");
                }
            }
            let before = gate.sent();
            let locked = attacker.ask("/", one);
            assert_eq!(attacker.get(&locked).status(), 429, "{one}");
            let mut browser = gate.browser();
            let page = browser.ask("/", other);
            let mut transcript = vec![browser.get(&page)];
            assert_eq!(transcript[0].status(), 200, "{other}");
            let known = gate.sent() > before + usize::from(one != "nobody");
            let code = if known {
                gate.messages.code(gate.sent())
            } else {
                "000000".to_owned()
            };
            transcript.push(browser.answer(&page, &code));
            transcript.push(browser.get(&page));
            assert!(
                transcript[2].text().contains("That is not the code"),
                "{other}"
            );
            seen.push(transcript.iter().map(shape).collect::<Vec<_>>());
            // It is the first lock: it lasts a minute.
            gate.later(61);
            if known {
                let opened = browser.answer(&page, &code);
                assert_eq!(path_of(opened.field("location").unwrap()), "/");
            }
        }
        assert_eq!(seen[0], seen[1], "{one} and {other}");
        gate.later(3600 * 25);
    }
}

/// One message changes nothing that others are told: who asks for it could see that somebody got it, or did not.
#[test]
fn c7_one_persons_message_does_not_change_what_strangers_see() {
    let app = App::new();
    let gate = Setup::new(&app.url()).with(CROWD).start();
    gate.messages.break_down();
    let mut watcher = gate.browser();
    let page = watcher.ask("/", "nobody");
    let before = shape(&watcher.get(&page));
    for name in ["ann", "ann", "bob"] {
        let mut browser = gate.browser();
        browser.ask("/", name);
        gate.settle();
        assert_eq!(shape(&watcher.get(&page)), before, "{name}");
    }
}

/// Where everybody is the same person, there is nobody to find out about: the first message that fails is told.
#[test]
fn where_there_is_one_person_a_failed_message_is_told_at_once() {
    let app = App::new();
    let gate = Setup::new(&app.url()).site("fixed_user = \"ann\"").start();
    gate.messages.break_down();
    let mut browser = gate.browser();
    let page = browser.ask("/", "");
    gate.settle();
    let text = browser.get(&page).text();
    assert!(text.contains("We could not send the message"), "{text}");
}
