//! Codes that a vendor makes and checks: Bandwidth's MFA and Twilio's Verify, as far as a browser can tell.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use tempfile::TempDir;

use self::vendor::Vendor;
use crate::support::app::App;
use crate::support::bare::wait;
use crate::support::browser::{Browser, path_of, token};
use crate::support::gate::{Gate, Setup};
use crate::support::wire::Answer;

mod vendor;

/// Which of the two vendors sends text messages and makes calls.
const MFA: &str = "[delivery]\nsms = [\"mfa\"]\nvoice = [\"mfa\"]";
const VERIFY: &str = "[delivery]\nsms = [\"verify\"]\nvoice = [\"verify\"]";
/// A vendor's code if our own carrier is down, which is the console.
const BOTH: &str = "[delivery]\nsms = [\"paper\", \"mfa\"]\nvoice = [\"mfa\"]";

const SENDS: &str =
    "[limits]\nsends_per_hour = { number = 100, network = 100 }\nsends_per_day = { number = 100 }";

/// A gateway whose codes are made by that vendor, and what must outlive it.
struct Story {
    gate: Gate,
    vendor: Vendor,
    _app: App,
    _folder: TempDir,
}

impl Story {
    fn of(delivery: &str) -> Self {
        Self::with(delivery, |setup| setup)
    }

    fn with(delivery: &str, change: impl FnOnce(Setup) -> Setup) -> Self {
        let (app, vendor, folder) = (App::new(), Vendor::new(), tempfile::tempdir().unwrap());
        let secret = folder.path().join("secret");
        fs::write(&secret, "secret").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let (url, secret) = (vendor.url(), secret.display());
        let carriers = format!(
            "[carriers.mfa.bandwidth]\naccount = \"9900000\"\nusername = \"u\"\npassword = \"file:{secret}\"\n\
             service = \"mfa\"\nfrom = [\"+12025550101\"]\nmessaging_application = \"m\"\nvoice_application = \"v\"\n\
             base_url = \"{url}/mfa\"\n\
             [carriers.verify.twilio]\nservice = \"verify\"\naccount = \"AC00000000000000000000000000000000\"\n\
             token = \"file:{secret}\"\nverify_service = \"VA00000000000000000000000000000000\"\n\
             verify_base_url = \"{url}/twilio\"\n{delivery}\n{SENDS}\n"
        );
        let gate = change(Setup::new(&app.url()).with(&carriers)).start();
        Self {
            gate,
            vendor,
            _app: app,
            _folder: folder,
        }
    }

    /// A browser that has asked as ann, its page, and the code that the vendor sent.
    fn asked(&self) -> (Browser, String, String) {
        let mut browser = self.gate.browser();
        let page = browser.ask("/", "ann");
        (browser, page, self.newest())
    }

    /// The code that the vendor sent last, once everything is sent.
    fn newest(&self) -> String {
        self.gate.settle();
        self.vendor.newest()
    }

    /// One that is signed in and has asked for a code for another scope.
    fn stepping_up(&self) -> (Browser, String, String) {
        let (mut browser, page, code) = self.asked();
        assert!(opens(&browser.answer(&page, &code)));
        let page = browser.step_up("/admin");
        browser.press(&page, "send");
        let code = self.newest();
        (browser, page, code)
    }
}

/// Whether an answer leads away from the code page.
fn opens(answer: &Answer) -> bool {
    assert_eq!(answer.status(), 303, "{}", answer.text());
    !path_of(answer.field("location").unwrap()).starts_with("/.countersign/")
}

/// What somebody at the page sees: without what is drawn for each browser.
fn shown(browser: &mut Browser, page: &str) -> String {
    let answer = browser.get(page);
    let (status, text) = (answer.status(), answer.text());
    let drawn = text.contains("name=\"token\"").then(|| token(&answer));
    let id = page.rsplit('/').next().unwrap();
    let text = text.replace(id, "ID");
    let text = drawn.map_or(text.clone(), |drawn| text.replace(&drawn, "TOKEN"));
    // Each page has a reference for the help desk, and each send its time.
    let mut rest: &str = &text;
    let mut kept = format!("{status}\n");
    while let Some((before, time)) = rest.split_once("<time") {
        kept.push_str(before);
        rest = time.split_once("</time>").unwrap().1;
    }
    kept.push_str(rest);
    kept.lines()
        .filter(|line| !line.contains("eference"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn the_vendors_code_opens_once_and_in_its_browser_alone() {
    for delivery in [MFA, VERIFY] {
        let story = Story::of(delivery);
        let (mut browser, page, code) = story.asked();
        assert!(!opens(&browser.answer(&page, "000000")), "{delivery}");
        assert!(
            browser.get(&page).text().contains("That is not the code"),
            "{delivery}"
        );
        let checked = story.vendor.checked();
        let mut other = story.gate.browser();
        other.get("/.countersign/ask/login");
        let form = [("token", "x"), ("code", code.as_str()), ("do", "answer")];
        assert_ne!(other.post(&page, &form).status(), 200);
        assert_eq!(story.vendor.checked(), checked, "nobody is asked for it");
        assert!(opens(&browser.answer(&page, &code)), "{delivery}");
        assert_eq!(browser.get("/").status(), 200, "{delivery}");
    }
}

#[test]
fn c2_a_code_of_one_challenge_is_not_that_of_another() {
    let story = Story::of(MFA);
    let (mut first, page, code) = story.asked();
    let (mut second, other, newer) = story.asked();
    assert_ne!(code, newer);
    assert!(!opens(&first.answer(&page, &newer)));
    assert!(!opens(&second.answer(&other, &code)));
    assert!(opens(&first.answer(&page, &code)));
    assert!(opens(&second.answer(&other, &newer)));
}

#[test]
fn a_resend_replaces_the_code_before() {
    let story = Story::of(MFA);
    let (mut browser, page, code) = story.asked();
    story.gate.later(31);
    browser.press(&page, "voice");
    let newer = story.newest();
    assert_ne!(code, newer);
    assert!(!opens(&browser.answer(&page, &code)));
    assert!(opens(&browser.answer(&page, &newer)));
}

#[test]
fn twilio_sends_the_same_code_again_and_it_is_right_once() {
    let story = Story::of(VERIFY);
    let (mut browser, page, code) = story.asked();
    story.gate.later(31);
    browser.press(&page, "send");
    assert_eq!(story.newest(), code);
    assert!(opens(&browser.answer(&page, &code)));
    let (mut other, page, newer) = story.asked();
    assert_ne!(code, newer);
    assert!(!opens(&other.answer(&page, &code)));
}

#[test]
fn c4_the_vendor_is_asked_about_five_answers_and_not_about_the_right_one_after_them() {
    for delivery in [MFA, VERIFY] {
        let story = Story::of(delivery);
        let (mut browser, page, code) = story.stepping_up();
        let before = story.vendor.checked();
        let form = browser.get(&page);
        let waiting: Vec<_> = (0..12)
            .map(|n| {
                let typed = format!("00000{}", n % 10);
                let form = [
                    ("token", &*token(&form)),
                    ("code", &typed),
                    ("do", "answer"),
                ];
                browser.begin_post(&page, &form)
            })
            .collect();
        for stream in waiting {
            assert!(!opens(&browser.clone().finish("POST", stream)));
        }
        assert_eq!(story.vendor.checked() - before, 5, "{delivery}");
        let form = [("token", &*token(&form)), ("code", &code), ("do", "answer")];
        assert!(!opens(&browser.post(&page, &form)));
        assert_eq!(story.vendor.checked() - before, 5, "{delivery}");
    }
}

#[test]
fn a_vendor_that_does_not_say_costs_no_try() {
    for delivery in [MFA, VERIFY] {
        let story = Story::of(delivery);
        let (mut browser, page, code) = story.stepping_up();
        for answer in ["500 No", "200 Odd", "302 Elsewhere"] {
            story.vendor.says(Some(answer));
            for _ in 0..2 {
                assert!(!opens(&browser.answer(&page, &code)));
                let text = browser.get(&page).text();
                assert!(
                    text.contains("We could not check the code just now"),
                    "{text}"
                );
            }
        }
        story.vendor.says(None);
        assert!(opens(&browser.answer(&page, &code)), "{delivery}");
    }
}

/// A browser gives up its first request when a button is pressed twice, and the vendor says yes only once.
#[test]
fn a_double_click_does_not_lose_the_vendors_yes() {
    for delivery in [MFA, VERIFY] {
        let story = Story::of(delivery);
        let (mut browser, page, code) = story.stepping_up();
        let form = browser.get(&page);
        let form = [("token", &*token(&form)), ("code", &code), ("do", "answer")];
        let asked = story.vendor.holds_back();
        let first = browser.begin_post(&page, &form);
        wait(&asked);
        drop(first);
        let second = browser.begin_post(&page, &form);
        story.vendor.goes_on();
        assert!(opens(&browser.finish("POST", second)), "{delivery}");
        assert_eq!(browser.get("/admin").status(), 200, "{delivery}");
    }
}

/// While a vendor thinks about one person's answer, others come and go.
#[test]
fn a_vendor_that_hangs_holds_up_nobody_else() {
    let story = Story::of(MFA);
    let (browser, page, code) = {
        let (mut browser, page, code) = story.stepping_up();
        let form = browser.get(&page);
        let asked = story.vendor.holds_back();
        let form = [("token", &*token(&form)), ("code", &code), ("do", "answer")];
        let stream = browser.begin_post(&page, &form);
        wait(&asked);
        (browser, page, stream)
    };
    let (mut other, theirs, newer) = story.asked();
    assert!(opens(&other.answer(&theirs, &newer)));
    assert_eq!(browser.clone().get(&page).status(), 200);
    story.vendor.goes_on();
    assert!(opens(&browser.clone().finish("POST", code)));
}

/// What is typed for somebody and for nobody looks alike at every step, byte for byte.
#[test]
fn c7_a_stranger_sees_no_vendor_behind_a_name() {
    // Each answer of a stranger takes its time, so the stories run side by side.
    thread::scope(|scope| {
        for (delivery, says) in [
            (MFA, None),
            (VERIFY, None),
            (MFA, Some("500 No")),
            (BOTH, None),
        ] {
            scope.spawn(move || looks_alike(delivery, says));
        }
    });
}

fn looks_alike(delivery: &str, says: Option<&'static str>) {
    let story = Story::with(delivery, |setup| {
        if delivery == BOTH {
            setup.without_carriers()
        } else {
            setup
        }
    });
    let sights = ["ann", "nobody-at-all"].map(|name| {
        let mut browser = story.gate.browser();
        let page = browser.ask("/", name);
        story.gate.settle();
        let mut seen = vec![shown(&mut browser, &page)];
        story.gate.later(31);
        browser.press(&page, "send");
        story.gate.settle();
        seen.push(shown(&mut browser, &page));
        story.vendor.says(says);
        // From the third one on the page says how many are left.
        for n in 0..3 {
            assert!(!opens(&browser.answer(&page, &format!("00000{n}"))));
            seen.push(shown(&mut browser, &page));
        }
        story.vendor.says(None);
        seen
    });
    let [somebody, nobody] = sights;
    for (step, (somebody, nobody)) in somebody.iter().zip(&nobody).enumerate() {
        let nobody = nobody.replace("nobody-at-all", "ann");
        assert_eq!(*somebody, nobody, "{delivery} {says:?} step {step}");
    }
}

/// Our own carrier first: its codes are ours, and who has one of each may type either.
#[test]
fn codes_of_ours_and_of_a_vendor_live_side_by_side() {
    for which in [0, 1] {
        let story = Story::of(BOTH);
        let mut browser = story.gate.browser();
        let page = browser.ask("/", "ann");
        let ours = story.gate.messages.code(1);
        assert!(opens(&browser.answer(&page, &ours)));
        let page = browser.step_up("/admin");
        browser.press(&page, "send");
        let ours = story.gate.messages.code(2);
        story.gate.later(31);
        story.gate.messages.break_down();
        browser.press(&page, "send");
        let theirs = story.newest();
        let checked = story.vendor.checked();
        assert!(!opens(&browser.answer(&page, "000000")));
        assert_eq!(story.vendor.checked(), checked + 1);
        let code = [&ours, &theirs][which];
        assert!(opens(&browser.answer(&page, code)), "{which}");
    }
}
