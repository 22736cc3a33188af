//! Logins one after another, a death in each, and what is to be seen afterwards.

use std::fs;

use super::cut::{Card, Draw, Step};
use super::login::Login;
use super::support::browser::{Browser, token};
use super::support::gate::{Gate, Messages, Setup, other_than};
use super::support::legacy::{Legacy, PASSWORD, Portal};
use super::support::program::Program;

/// Wrong codes an hour for one person, and messages an hour to one number.
const MOST: usize = 4;

/// A page of every class, and the login.
const SITE: &str = r#"
[[sites.app.routes]]
path = "/public/**"
require = "public"
[[sites.app.routes]]
path = "/open/**"
require = "public-full"
[[sites.app.routes]]
path = "/lost"
require = "login-page"
[[sites.app.routes]]
path = "/login"
capture = "form"
[sites.app.captures.form]
scope = "login"
username = "username"
password = "password"
auth_cookies = ["sid"]
probe = "/home"
"#;

const SIGN_OUT: &str = "/.countersign/sign-out";

pub struct Story {
    pub draw: Draw,
    portal: Portal,
    gate: Gate,
    messages: Messages,
    /// The program, between two deaths.
    program: Option<Program>,
    /// Somebody who has been in all the time.
    insider: Browser,
    /// What is shut for good: the code never came.
    past: Vec<Login>,
}

impl Story {
    pub fn begin(manner: Legacy, mut draw: Draw) -> Self {
        let portal = manner.start();
        let gate = Setup::new(&portal.url())
            .with(&format!(
                "[limits]\nwrong_per_hour = {MOST}\nsends_per_hour = {{ number = {MOST}, network = 100000 }}\n[log]\nformat = \"json\""
            ))
            .raw_routes(SITE)
            .users(&users())
            .start()
            .stopped();
        // From the very first start on it may die.
        fs::remove_dir_all(gate.file("state")).unwrap();
        let messages = Messages::default();
        let program = start(&gate, &messages, &mut draw);
        let mut insider = Login::new("insider", "", program.browser());
        insider.log_in(&portal, &messages);
        insider.sign_in();
        Self {
            draw,
            portal,
            gate,
            messages,
            program: Some(program),
            insider: insider.browser,
            past: Vec::new(),
        }
    }

    /// A login that ends as the card says; then the same state in another process.
    pub fn login(&mut self, number: usize, card: Card) {
        let program = self.program.take().unwrap();
        let (user, phone) = person(number);
        let mut login = Login::new(&user, &phone, program.browser());
        login.page();
        if self.draw.once_in(4) {
            login.fails();
        }
        let mut wrong = 0;
        let mut other = None;
        match card.step {
            Step::Password => drop(self.password(program, card, &mut login)),
            Step::WrongCode => wrong = self.wrong_codes(program, card, &mut login),
            Step::RightCode => self.right_code(program, card, &mut login),
            Step::MoreLogins => self.more_logins(program, card, &mut login),
            Step::SomebodyElse => {
                other = Some(self.somebody_else(program, card, &mut login, number));
            }
            Step::SignOut => self.sign_out(program, card, &mut login),
            Step::Cancel => self.cancel(program, card, &mut login),
        }
        self.portal.app.quiet();

        let program = start(&self.gate, &self.messages, &mut self.draw);
        self.insider = self.insider.at(program.address);
        let shown = self.insider.get("/home").text();
        assert!(shown.contains("Hello insider"), "{shown}");
        let others = [&program.browser(), &self.insider];
        for login in other.iter_mut().chain([&mut login]) {
            login.moved(&program);
            login.holds(&self.portal, &others);
            login.is_forgotten(&program);
        }
        match card.step {
            Step::WrongCode => self.no_more_wrong_codes(&program, card, &mut login, wrong),
            Step::MoreLogins => self.no_more_messages(&program, &mut login),
            _ if login.inside.is_none() => self.comes_back(&program, &mut login),
            _ => {}
        }
        self.past.extend(other.into_iter().chain([login]));
        self.program = Some(program);
    }

    /// The last death. Whatever was shut in all this time still is.
    pub fn end(mut self) {
        self.program.take().unwrap().kill();
        self.portal.app.quiet();
        let program = start(&self.gate, &self.messages, &mut self.draw);
        let stranger = program.browser();
        for mut login in self.past {
            login.moved(&program);
            login.holds(&self.portal, &[&stranger]);
        }
    }

    /// Gives whether the browser was told of a code.
    fn password(&mut self, program: Program, card: Card, login: &mut Login) -> bool {
        login.posts(&self.portal);
        let send = || login.browser.begin_post("/login", &login.form(PASSWORD));
        let answer = card.cut(program, &self.portal, &mut self.draw, send);
        let told = answer.and_then(|answer| login.told(&answer, &self.portal));
        assert!(told.is_some() || card.in_doubt());
        told.is_some()
    }

    /// Gives how many were taken for wrong.
    fn wrong_codes(&mut self, program: Program, card: Card, login: &mut Login) -> usize {
        self.asked(login);
        let asked = login.asked.as_ref().unwrap();
        let (wrong, before) = (other_than(&asked.code), self.draw.below(MOST - 1));
        for _ in 0..before {
            assert_eq!(
                login
                    .browser
                    .post(&asked.page, &asked.form(&wrong))
                    .status(),
                303
            );
        }
        let send = || login.browser.begin_post(&asked.page, &asked.form(&wrong));
        let answer = card.cut(program, &self.portal, &mut self.draw, send);
        let taken = answer.is_some_and(|answer| answer.status() == 303);
        assert!(taken || card.in_doubt());
        before + usize::from(taken)
    }

    fn right_code(&mut self, program: Program, card: Card, login: &mut Login) {
        self.asked(login);
        let asked = login.asked.as_ref().unwrap();
        let mut sent = false;
        let post = || {
            sent = true;
            login
                .browser
                .begin_post(&asked.page, &asked.form(&asked.code))
        };
        let answer = card.cut(program, &self.portal, &mut self.draw, post);
        login.answered = sent;
        let taken = answer.is_some_and(|answer| login.is_in(&answer));
        assert!(taken || card.in_doubt());
    }

    fn more_logins(&mut self, program: Program, card: Card, login: &mut Login) {
        self.asked(login);
        for _ in 0..self.draw.below(MOST - 2) {
            let mut more = Login::new(&login.user, &login.phone, program.browser());
            more.page();
            more.log_in(&self.portal, &self.messages);
            login.shut.append(&mut more.shut);
        }
        let mut last = Login::new(&login.user, &login.phone, program.browser());
        last.page();
        self.password(program, card, &mut last);
        login.shut.append(&mut last.shut);
    }

    /// Gives the other's login.
    fn somebody_else(
        &mut self,
        program: Program,
        card: Card,
        login: &mut Login,
        number: usize,
    ) -> Login {
        self.asked(login);
        login.sign_in();
        let (user, phone) = person(OTHERS + number);
        let mut other = Login::new(&user, &phone, login.browser.clone());
        let told = self.password(program, card, &mut other);
        // Who is told of a code was signed out before.
        login.outside = login.inside.take().filter(|_| told);
        other
    }

    fn sign_out(&mut self, program: Program, card: Card, login: &mut Login) {
        self.asked(login);
        login.sign_in();
        let token = token(&login.browser.get(SIGN_OUT));
        let mut sent = false;
        let post = || {
            sent = true;
            login.browser.begin_post(SIGN_OUT, &[("token", &token)])
        };
        let answer = card.cut(program, &self.portal, &mut self.draw, post);
        let inside = login.inside.take_if(|_| sent);
        let Some(answer) = answer else { return };
        login.browser.keep(&answer);
        if answer.status() == 303 {
            login.outside = inside;
        }
        assert!(login.outside.is_some() || card.in_doubt());
    }

    fn cancel(&mut self, program: Program, card: Card, login: &mut Login) {
        self.asked(login);
        let asked = login.asked.as_ref().unwrap();
        let form = [("token", &*asked.token), ("do", "cancel")];
        let send = || login.browser.begin_post(&asked.page, &form);
        let answer = card.cut(program, &self.portal, &mut self.draw, send);
        if let Some(answer) = answer {
            login.browser.keep(&answer);
        }
    }

    /// The right password, sometimes twice, and the code page.
    fn asked(&mut self, login: &mut Login) {
        login.log_in(&self.portal, &self.messages);
        if self.draw.once_in(4) {
            let page = login.password(&self.portal);
            assert_eq!(page, login.asked.as_ref().unwrap().page, "it is joined");
        }
    }

    /// What is left of the wrong answers is no more than it was, and then not even the right one is taken.
    fn no_more_wrong_codes(
        &mut self,
        program: &Program,
        card: Card,
        login: &mut Login,
        before: usize,
    ) {
        let mut again = Login::new(&login.user, &login.phone, program.browser());
        again.page();
        again.log_in(&self.portal, &self.messages);
        let asked = again.asked.as_ref().unwrap();
        let (wrong, mut taken) = (other_than(&asked.code), before);
        loop {
            let shown = again.browser.get(&asked.page).text();
            if shown.contains("Signing in is locked until") {
                break;
            }
            again.browser.post(&asked.page, &asked.form(&wrong));
            taken += 1;
            assert!(taken <= MOST, "{before} of them before: {shown}");
        }
        assert!(taken >= MOST - usize::from(card.in_doubt()));
        let late = again.browser.post(&asked.page, &asked.form(&asked.code));
        assert!(
            again.browser.cookie("-login").is_none(),
            "{}",
            late.head.raw
        );
        login.shut.append(&mut again.shut);
    }

    /// No more messages go to one number than without a death.
    fn no_more_messages(&mut self, program: &Program, login: &mut Login) {
        let mut sent = self.messages.all().matches(&login.phone).count();
        loop {
            let from = program.lines();
            let mut again = Login::new(&login.user, &login.phone, program.browser());
            again.page();
            again.password(&self.portal);
            login.shut.append(&mut again.shut);
            if program.logs(&["challenge.sent", "challenge.unsent"], from) == "challenge.unsent" {
                break;
            }
            sent += 1;
            assert!(sent <= MOST);
        }
        // Nobody waits for a message: the last before the death may be counted and never have gone out.
        assert!(sent >= MOST - 1, "{sent} messages");
    }

    /// Nobody is shut out: they log in again, here or elsewhere, and get another code, which is the one that counts.
    fn comes_back(&mut self, program: &Program, login: &mut Login) {
        let granted = login.browser.cookie("-login").is_some();
        let here = !granted && self.draw.once_in(2);
        let browser = if here {
            login.browser.clone()
        } else {
            program.browser()
        };
        let mut again = Login::new(&login.user, &login.phone, browser);
        if self.draw.once_in(2) {
            again.page();
        }
        again.log_in(&self.portal, &self.messages);
        let new = again.asked.as_ref().unwrap();
        if let Some(old) = login.asked.as_ref().filter(|old| old.code != new.code) {
            assert_ne!(old.page, new.page);
            again.browser.post(&new.page, &new.form(&old.code));
            assert!(again.browser.cookie("-login").is_none());
        }
        again.sign_in();
        if here {
            // What one browser logged in with as one person is free together.
            login.answered = true;
        }
    }
}

/// Starts the program on what the last one left. Some are killed while they start.
fn start(gate: &Gate, messages: &Messages, draw: &mut Draw) -> Program {
    while draw.once_in(4) {
        let starting = Program::begin(gate, messages.clone());
        draw.turns(18);
        starting.kill();
    }
    Program::begin(gate, messages.clone()).ready()
}

/// From which number on they are the other people.
const OTHERS: usize = 50;

/// A name and a number.
fn person(number: usize) -> (String, String) {
    (
        format!("person{number}"),
        format!("+12025550{}", 100 + number),
    )
}

fn users() -> String {
    let one =
        |name: &str, phone: &str| format!("[[user]]\nname = \"{name}\"\nphone = \"{phone}\"\n");
    let all = (0..2 * OTHERS).map(person);
    let all: String = all.map(|(name, phone)| one(&name, &phone)).collect();
    all + &one("insider", "+12125550100")
}
