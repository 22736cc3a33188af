//! One person's login, and what is known to be shut because of it.

use std::collections::BTreeSet;

use super::support::browser::{Browser, path_of, token};
use super::support::gate::Messages;
use super::support::legacy::{PASSWORD, Portal, SID};
use super::support::program::Program;
use super::support::wire::Answer;

/// Pages of every class that are shown with anybody's session where no code was right: none of them.
const OPEN: [&str; 3] = ["/open/news", "/lost", "/login"];

/// Pages that are shown to who has a grant, whatever session comes along.
const GUARDED: [&str; 4] = ["/", "/home", "/private", "/public/news"];

/// One login.
pub struct Login {
    pub user: String,
    pub phone: String,
    pub browser: Browser,
    /// Values of the session cookie that open nothing before the code: the one that went into the login, and those that
    /// its answers set, from when on the browser was told of the code. One of which nobody was told nobody has.
    pub shut: BTreeSet<String>,
    /// Their sessions when the password went up.
    before: Vec<String>,
    /// Whether the right code was sent: then what was kept back may be free.
    pub answered: bool,
    /// Where the code was asked for.
    pub asked: Option<Asked>,
    /// Somebody with a grant that is good.
    pub inside: Option<Browser>,
    /// Somebody with a grant that is over.
    pub outside: Option<Browser>,
}

/// A code page, its form, the browser that it was shown to, and the code.
pub struct Asked {
    pub browser: Browser,
    pub page: String,
    pub token: String,
    pub code: String,
}

impl Asked {
    /// The form with this code in it.
    pub fn form<'a>(&'a self, code: &'a str) -> [(&'a str, &'a str); 3] {
        [("token", &self.token), ("code", code), ("do", "answer")]
    }
}

impl Login {
    pub fn new(user: &str, phone: &str, browser: Browser) -> Self {
        Self {
            user: user.to_owned(),
            phone: phone.to_owned(),
            browser,
            shut: BTreeSet::new(),
            before: Vec::new(),
            answered: false,
            asked: None,
            inside: None,
            outside: None,
        }
    }

    /// The login form, filled in.
    pub fn form<'a>(&'a self, password: &'a str) -> [(&'a str, &'a str); 2] {
        [("username", &self.user), ("password", password)]
    }

    /// Goes to the login page. Who is signed in there without a grant is told to sign in again first.
    pub fn page(&mut self) {
        let forms = (0..2).map(|_| self.browser.get("/login").text());
        assert!(
            forms
                .into_iter()
                .any(|text| text.contains("type=\"password\"")),
            "no form"
        );
    }

    /// A wrong password.
    pub fn fails(&mut self) {
        let answer = self.browser.begin_post("/login", &self.form("wrong"));
        let answer = self.browser.finish("POST", answer);
        assert!(!location(&answer).starts_with("/.countersign/"));
    }

    /// The right password is about to go up.
    pub fn posts(&mut self, portal: &Portal) {
        self.shut.extend(self.browser.jar.get(SID).cloned());
        self.before = portal.sessions_of(&self.user);
    }

    /// Takes in the answer to the right password. Gives the code page, if it leads there.
    pub fn told(&mut self, answer: &Answer, portal: &Portal) -> Option<String> {
        self.browser.keep(answer);
        let page = location(answer);
        if answer.status() != 303 || !page.starts_with("/.countersign/c/") {
            return None;
        }
        let all = portal.sessions_of(&self.user).into_iter();
        self.shut
            .extend(all.filter(|one| !self.before.contains(one)));
        Some(page)
    }

    /// The right password, in peace; then a look at the code page.
    pub fn log_in(&mut self, portal: &Portal, messages: &Messages) {
        let before = messages.count();
        let page = self.password(portal);
        let token = token(&self.browser.get(&page));
        let code = messages.after(before);
        self.asked = Some(Asked {
            browser: self.browser.clone(),
            page,
            token,
            code,
        });
    }

    /// The right password, in peace. Gives the code page.
    pub fn password(&mut self, portal: &Portal) -> String {
        self.posts(portal);
        let answer = self.browser.begin_post("/login", &self.form(PASSWORD));
        let answer = self.browser.finish("POST", answer);
        self.told(&answer, portal)
            .unwrap_or_else(|| panic!("{}{}", answer.head.raw, answer.text()))
    }

    /// The right code, in peace.
    pub fn sign_in(&mut self) {
        let Asked { page, code, .. } = self.asked.as_ref().unwrap();
        let answer = self.browser.answer(page, code);
        assert!(self.is_in(&answer), "{}{}", answer.head.raw, answer.text());
        let home = self.browser.get("/home").text();
        assert!(home.contains(&self.hello()), "{home}");
    }

    /// Takes in the answer to the right code. Gives whether it was taken.
    pub fn is_in(&mut self, answer: &Answer) -> bool {
        self.answered = true;
        self.browser.keep(answer);
        let granted = self.browser.cookie("-login").is_some();
        if granted {
            self.inside = Some(self.browser.clone());
        }
        granted
    }

    /// The same people at another address.
    pub fn moved(&mut self, program: &Program) {
        for browser in [&mut self.browser]
            .into_iter()
            .chain(&mut self.inside)
            .chain(&mut self.outside)
        {
            *browser = browser.at(program.address);
        }
    }

    /// Whoever brings a session of this person to any page is not shown it, unless the right code was sent or they have
    /// a good grant; and who has a good grant is.
    pub fn holds(&self, portal: &Portal, others: &[&Browser]) {
        if let Some(inside) = &self.inside {
            let home = inside.clone().get("/home").text();
            assert!(home.contains(&self.hello()), "{home}");
        }
        if let Some(outside) = &self.outside {
            self.opens_nothing(portal, &outside.jar[SID], outside, &GUARDED);
        }
        let granted = self.browser.cookie("-login").is_some();
        let own = Some(&self.browser).filter(|_| !granted);
        for session in portal.sessions_of(&self.user) {
            for browser in others.iter().copied().chain(own) {
                self.opens_nothing(portal, &session, browser, &GUARDED);
                if !self.answered && self.shut.contains(&session) {
                    self.opens_nothing(portal, &session, browser, &OPEN);
                }
            }
        }
    }

    /// Neither shown, nor so much as asked for at the application.
    fn opens_nothing(&self, portal: &Portal, session: &str, browser: &Browser, paths: &[&str]) {
        portal.app.forget();
        for path in paths {
            let mut browser = browser.clone();
            browser.jar.insert(SID.to_owned(), session.to_owned());
            let shown = browser.get(path).text();
            assert!(!shown.contains(&self.hello()), "{path} opens: {shown}");
        }
        assert_eq!(portal.brought(session, 0), [""; 0], "it was brought there");
    }

    /// The challenge is gone, and with it its code, even for the browser as it was when it was asked.
    pub fn is_forgotten(&self, program: &Program) {
        let Some(asked) = &self.asked else { return };
        let mut browser = asked.browser.at(program.address);
        let late = browser.begin_post(&asked.page, &asked.form(&asked.code));
        for answer in [browser.get(&asked.page), browser.finish("POST", late)] {
            assert_eq!(answer.status(), 410, "{}", answer.head.raw);
            assert_eq!(answer.head.all("set-cookie"), [""; 0]);
        }
    }

    fn hello(&self) -> String {
        format!("Hello {},", self.user)
    }
}

/// Where an answer leads to.
pub fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}
