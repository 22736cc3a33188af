//! An application that cannot be changed: sessions, a login form, and the manners of real ones, each as a field.
//!
//! It knows everybody by one password, and tells on every page whose it is. What it was asked is in its [`App`].

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::read::GzEncoder;

use super::app::{App, Recorded};

/// Everybody's password. No part of it stands in an address of the application.
pub const PASSWORD: &str = "correct horse, battery";

/// What it says to a wrong one.
pub const WRONG: &str = "That password is not right";

/// What it says to who comes without its token, or without its test cookie.
pub const EXPIRED: &str = "Your form has expired";

/// The cookie of a session, and of who is signed in where there is no session before.
pub const SID: &str = "sid";
/// What stands for it where a test cookie is wanted first.
pub const LOGGED_IN: &str = "wordpress_logged_in_5f";
/// The test cookie: one value for every browser in the world.
pub const TEST: (&str, &str) = ("wordpress_test_cookie", "WP%20Cookie%20check");

/// How it behaves.
#[derive(Clone, Copy)]
pub struct Legacy {
    /// Where its login form is, and is posted to. `"/"` with `to: "/"`: in place, as single-script applications do.
    pub at: &'static str,
    /// What its fields are called; no user where it asks for a password alone.
    pub fields: (Option<&'static str>, &'static str),
    /// What becomes of the session.
    pub session: Session,
    /// The path that its session cookie is for.
    pub path: &'static str,
    /// Whether a login must bring the token of the form.
    pub token: bool,
    /// What a right password gets.
    pub success: Success,
    /// With which status, where it is a redirect.
    pub status: u16,
    /// And where it leads to.
    pub to: &'static str,
    /// How many redirects lie between; each sets a cookie.
    pub steps: usize,
    /// Whether `next` of query or form says where it leads.
    pub next: bool,
    /// More `Set-Cookie` fields of a right password, as they stand.
    pub cookies: &'static [&'static str],
    /// What a wrong password gets.
    pub failure: Failure,
    /// What the login page is to who is signed in.
    pub signed_in: SignedIn,
    /// Whether `u` and `p` in the query of any page sign in, in place.
    pub anywhere: bool,
    /// Whether Authorization signs in, on any page, for that one request.
    pub basic: bool,
    /// Whether every page to who is signed in brings another session cookie. The older ones go on.
    pub rotates: bool,
    /// Whether bodies come as gzip, asked for or not.
    pub gzip: bool,
    /// How bodies end.
    pub framing: Framing,
}

/// What becomes of the session at login.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// It begins with the first page and has another name from the login on.
    Renewed,
    /// It begins with the first page and is elevated in place: a right password sets no cookie.
    Kept,
    /// It begins with the login.
    AtLogin,
    /// It begins with the login, which is refused, with its cookies, to who does not bring the test cookie.
    Tested,
}

/// What a right password gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Success {
    /// A redirect.
    Redirect,
    /// A page of about so many bytes.
    Page(usize),
    /// `{"ok": true}`, and 401 with `{"ok": false}` for a wrong one.
    Json,
}

/// What a wrong password gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The form again, with this status.
    Form(u16),
    /// The redirect that a right one gets, word for word; the form tells it once.
    Flash,
}

/// What the login page is to who is signed in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SignedIn {
    /// A redirect to where the login leads.
    Away,
    /// A page of theirs.
    Page,
}

/// How bodies end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// After their length.
    Length,
    /// In chunks.
    Chunked,
    /// With the connection.
    Close,
}

/// A legacy application at work.
#[derive(Clone)]
pub struct Portal {
    /// Its socket, and what came to it.
    pub app: App,
    /// How it behaves.
    pub manner: Legacy,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    sessions: BTreeMap<String, One>,
    drawn: u64,
    tries: usize,
    dead: bool,
    meanwhile: Option<Act>,
    before: Option<(&'static str, Act)>,
}

/// What somebody does while the application is at work.
type Act = Box<dyn FnOnce() + Send>;

/// One session.
#[derive(Clone, Default)]
struct One {
    user: Option<String>,
    flash: Option<&'static str>,
}

impl Default for Legacy {
    /// A session from the first page on, renewed at login, a redirect to `/home`, and the form again for a wrong
    /// password.
    fn default() -> Self {
        Self {
            at: "/login",
            fields: (Some("username"), "password"),
            session: Session::Renewed,
            path: "/",
            token: false,
            success: Success::Redirect,
            status: 302,
            to: "/home",
            steps: 0,
            next: false,
            cookies: &[],
            failure: Failure::Form(200),
            signed_in: SignedIn::Away,
            anywhere: false,
            basic: false,
            rotates: false,
            gzip: false,
            framing: Framing::Length,
        }
    }
}

impl Legacy {
    /// As old ones do: the cookie that the browser has is elevated, and right and wrong get one and the same answer.
    pub fn in_place() -> Self {
        Self {
            session: Session::Kept,
            failure: Failure::Flash,
            ..Self::default()
        }
    }

    /// As Adminer does: everything at one address, and one and the same answer, new cookie and all.
    pub fn one_script() -> Self {
        Self {
            at: "/",
            to: "/",
            failure: Failure::Flash,
            ..Self::default()
        }
    }

    /// As `WordPress` does.
    pub fn wordpress() -> Self {
        Self {
            session: Session::Tested,
            ..Self::default()
        }
    }

    /// As single-page applications do.
    pub fn scripted() -> Self {
        Self {
            session: Session::AtLogin,
            success: Success::Json,
            ..Self::default()
        }
    }

    /// Begins to listen.
    pub fn start(self) -> Portal {
        let state = Arc::<Mutex<State>>::default();
        let own = Arc::clone(&state);
        let app = App::scripted(move |request, stream| self.serve(request, &own, stream));
        Portal {
            app,
            manner: self,
            state,
        }
    }

    fn serve(
        &self,
        request: &Recorded,
        state: &Mutex<State>,
        stream: &mut BufReader<TcpStream>,
    ) -> bool {
        let asked = Asked::of(request, self);
        if state.lock().unwrap().dead {
            return false;
        }
        let before = {
            let before = &mut state.lock().unwrap().before;
            before.take_if(|(line, _)| request.head.first.starts_with(*line))
        };
        if let Some((_, before)) = before {
            before();
        }
        let answer = self.answer(&asked, &mut state.lock().unwrap());
        // Not under the lock: whoever is called may ask the application something.
        let meanwhile = if asked.method == "POST" && asked.path == self.at {
            state.lock().unwrap().meanwhile.take()
        } else {
            None
        };
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        self.write(answer, asked.method == "HEAD", stream)
    }

    fn answer(&self, asked: &Asked<'_>, state: &mut State) -> Answer {
        let mut new = None;
        let mut sid = asked.session(self.cookie(), state);
        let begins = matches!(self.session, Session::Renewed | Session::Kept);
        if sid.is_none() && begins {
            sid = Some(state.draw(None));
            new.clone_from(&sid);
        }
        if let (true, Some(user), Some(PASSWORD)) = (
            self.anywhere,
            asked.in_query("u"),
            asked.in_query("p").as_deref(),
        ) {
            let sid = sid.get_or_insert_with(|| state.draw(None));
            state.sessions.get_mut(sid).unwrap().user = Some(user);
        }
        let user = sid
            .as_ref()
            .and_then(|sid| state.sessions[sid].user.clone());
        let user = user.or_else(|| asked.basic().filter(|_| self.basic));
        let mut answer = match (asked.method, asked.path, &user) {
            ("POST", path, _) if path == self.at => self.log_in(asked, sid.as_deref(), state),
            ("GET" | "HEAD", path, user) if path == self.at => match (user, self.signed_in) {
                (Some(user), SignedIn::Page) => Answer::page(hello(user, path)),
                (Some(user), SignedIn::Away) if self.to == self.at => {
                    Answer::page(hello(user, path))
                }
                (Some(_), SignedIn::Away) => Answer::redirect(302, self.to),
                (None, _) => self.form(200, sid.as_deref(), state),
            },
            (_, "/logout", _) => {
                if let Some(sid) = &sid {
                    state.sessions.remove(sid);
                }
                let gone = format!("{}=; Path={}; Max-Age=0", self.cookie(), self.path);
                Answer::redirect(302, self.at).and(gone)
            }
            (_, "/rotate", Some(user)) => Answer::page(hello(user, "/rotate"))
                .and(self.session_cookie(&state.draw(Some(user)))),
            (_, path, user)
                if path.starts_with("/public/")
                    || path.starts_with("/open/")
                    || path == "/lost" =>
            {
                let whose = user
                    .as_ref()
                    .map_or_else(|| "Hello stranger".to_owned(), |user| hello(user, path));
                Answer::page(whose)
            }
            (_, path, Some(user)) => match path.strip_prefix("/step/").map(str::parse::<usize>) {
                Some(Ok(step)) => Answer::redirect(302, &self.way(step))
                    .and(format!("step{step}=passed{step}; Path=/")),
                _ => Answer::page(hello(user, path)),
            },
            (_, _, None) => Answer::redirect(302, self.at),
        };
        if let (true, Some(user), true) = (self.rotates, user, answer.status == 200) {
            answer = answer.and(self.session_cookie(&state.draw(Some(&user))));
        }
        match new {
            Some(sid) if answer.cookies.is_empty() => answer.and(self.session_cookie(&sid)),
            _ => answer,
        }
    }

    fn log_in(&self, asked: &Asked<'_>, sid: Option<&str>, state: &mut State) -> Answer {
        let field = |name: &str| {
            let found = asked.form.iter().rev().find(|(own, _)| own == name);
            found.map(|(_, value)| value.clone())
        };
        if self.token && field("csrf") != sid.map(token) {
            return self.again(403, EXPIRED, sid);
        }
        let user = self
            .fields
            .0
            .map_or_else(|| Some("owner".to_owned()), field);
        let right = field(self.fields.1).as_deref() == Some(PASSWORD);
        let Some(user) = user.filter(|_| right) else {
            return self.refuse(sid, state);
        };
        let mut cookies = Vec::new();
        match (self.session, sid) {
            (Session::Kept, Some(sid)) => {
                state.sessions.get_mut(sid).unwrap().user = Some(user.clone());
            }
            (_, before) => {
                if let Some(before) = before {
                    state.sessions.remove(before);
                }
                cookies.push(self.session_cookie(&state.draw(Some(&user))));
            }
        }
        cookies.extend(self.cookies.iter().map(|&line| line.to_owned()));
        let answer = if self.session == Session::Tested && asked.cookie(TEST.0) != Some(TEST.1) {
            self.again(200, EXPIRED, sid)
        } else {
            match self.success {
                Success::Redirect => {
                    let next = asked.in_query("next").or_else(|| field("next"));
                    let to = next.filter(|_| self.next).unwrap_or_else(|| self.way(0));
                    Answer::redirect(self.status, &to)
                }
                Success::Page(size) => {
                    let padding = "<p>words</p>".repeat(size / 12);
                    Answer::page(format!(
                        "<title>Welcome</title>Welcome {user}{padding}<p>The end</p>"
                    ))
                }
                Success::Json => {
                    Answer::json(200, &format!("{{\"ok\": true, \"user\": \"{user}\"}}"))
                }
            }
        };
        cookies.into_iter().fold(answer, Answer::and)
    }

    fn refuse(&self, sid: Option<&str>, state: &mut State) -> Answer {
        state.tries += 1;
        let tries = format!("tries={}; Path=/", state.tries);
        match self.failure {
            _ if self.success == Success::Json => {
                Answer::json(401, "{\"ok\": false, \"error\": \"invalid\"}").and(tries)
            }
            Failure::Form(status) => self.again(status, WRONG, sid).and(tries),
            Failure::Flash => {
                let answer = Answer::redirect(self.status, &self.way(0));
                let Some(sid) = sid else { return answer };
                if self.session == Session::Kept {
                    state.sessions.get_mut(sid).unwrap().flash = Some(WRONG);
                    return answer;
                }
                let new = state.draw(None);
                state.sessions.get_mut(&new).unwrap().flash = Some(WRONG);
                answer.and(self.session_cookie(&new))
            }
        }
    }

    /// The login page, with what is to be told once.
    fn form(&self, status: u16, sid: Option<&str>, state: &mut State) -> Answer {
        let one = sid.and_then(|sid| state.sessions.get_mut(sid));
        let flash = one.and_then(|one| one.flash.take());
        let answer = self.again(status, flash.unwrap_or_default(), sid);
        if self.session == Session::Tested {
            return answer.and(format!("{}={}; Path=/", TEST.0, TEST.1));
        }
        answer
    }

    fn again(&self, status: u16, message: &str, sid: Option<&str>) -> Answer {
        let hidden = sid.filter(|_| self.token).map(|sid| {
            format!(
                "<input type=\"hidden\" name=\"csrf\" value=\"{}\">",
                token(sid)
            )
        });
        let user = self.fields.0.map(|name| format!("<input name=\"{name}\">"));
        let mut page = Answer::page(format!(
            "<title>Log in</title><p>{message}</p><form method=\"post\">{}{}<input type=\"password\" name=\"{}\"><button>Go</button></form>",
            hidden.unwrap_or_default(),
            user.unwrap_or_default(),
            self.fields.1,
        ));
        page.status = status;
        page
    }

    /// Where the way goes on after so many steps.
    fn way(&self, step: usize) -> String {
        if step < self.steps {
            format!("/step/{}", step + 1)
        } else {
            self.to.to_owned()
        }
    }

    fn cookie(&self) -> &'static str {
        if self.session == Session::Tested {
            LOGGED_IN
        } else {
            SID
        }
    }

    fn session_cookie(&self, sid: &str) -> String {
        format!("{}={sid}; Path={}; HttpOnly", self.cookie(), self.path)
    }

    fn write(&self, answer: Answer, to_head: bool, stream: &mut BufReader<TcpStream>) -> bool {
        let mut body = answer.body.into_bytes();
        let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
        for line in answer.fields {
            head += &format!("{line}\r\n");
        }
        for line in answer.cookies {
            head += &format!("Set-Cookie: {line}\r\n");
        }
        if self.gzip && !body.is_empty() {
            let mut packed = Vec::new();
            GzEncoder::new(&*body, Compression::fast())
                .read_to_end(&mut packed)
                .unwrap();
            body = packed;
            head += "Content-Encoding: gzip\r\n";
        }
        match self.framing {
            Framing::Length => head += &format!("Content-Length: {}\r\n\r\n", body.len()),
            Framing::Close => head += "Connection: close\r\n\r\n",
            Framing::Chunked => {
                head += "Transfer-Encoding: chunked\r\n\r\n";
                let mut chunked = Vec::new();
                for chunk in body.chunks(1000) {
                    chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
                    chunked.extend(chunk.iter().chain(b"\r\n"));
                }
                chunked.extend(b"0\r\n\r\n");
                body = chunked;
            }
        }
        if to_head {
            body.clear();
        }
        let bytes = [head.as_bytes(), &body].concat();
        stream.get_mut().write_all(&bytes).is_ok() && self.framing != Framing::Close
    }
}

impl Portal {
    /// `http://address`, for the configuration.
    pub fn url(&self) -> String {
        self.app.url()
    }

    /// How many requests came so far.
    pub fn count(&self) -> usize {
        self.app.seen().len()
    }

    /// The logins that were posted.
    pub fn logins(&self) -> Vec<Recorded> {
        let all = self.app.seen().into_iter();
        all.filter(|request| self.is_login(request)).collect()
    }

    /// The lines of the requests after the first `from` that brought this value of a cookie. Logins do not count: a
    /// right password is asked for there, whatever else comes.
    pub fn brought(&self, value: &str, from: usize) -> Vec<String> {
        let all = self.app.seen().into_iter().skip(from);
        all.filter(|request| {
            let cookies = request.head.all("cookie");
            !self.is_login(request) && cookies.iter().any(|cookies| cookies.contains(value))
        })
        .map(|request| request.head.first)
        .collect()
    }

    fn is_login(&self, request: &Recorded) -> bool {
        let post = format!("POST {}", self.manner.at);
        let rest = request.head.first.strip_prefix(&post);
        rest.is_some_and(|rest| rest.starts_with([' ', '?']))
    }

    /// The sessions that are signed in as `user` now.
    pub fn sessions_of(&self, user: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let theirs = state.sessions.iter();
        let theirs = theirs.filter(|(_, one)| one.user.as_deref() == Some(user));
        theirs.map(|(sid, _)| sid.clone()).collect()
    }

    /// From now on it closes every connection without a word.
    pub fn die(&self) {
        self.state.lock().unwrap().dead = true;
    }

    /// Does this while the next login is known to be right or wrong and its answer is not written yet.
    pub fn meanwhile(&self, act: impl FnOnce() + Send + 'static) {
        self.state.lock().unwrap().meanwhile = Some(Box::new(act));
    }

    /// Does this when the next request has come whose line begins so, and nothing has become of it yet.
    pub fn before(&self, line: &'static str, act: impl FnOnce() + Send + 'static) {
        self.state.lock().unwrap().before = Some((line, Box::new(act)));
    }
}

impl State {
    /// A new session.
    fn draw(&mut self, user: Option<&str>) -> String {
        self.drawn += 1;
        let low = self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let sid = format!("{low:016x}{:016x}", low.rotate_left(17) ^ self.drawn);
        let one = One {
            user: user.map(str::to_owned),
            flash: None,
        };
        self.sessions.insert(sid.clone(), one);
        sid
    }
}

/// A request as it reads it: generously, and the last of two fields counts, as PHP does.
struct Asked<'r> {
    method: &'r str,
    path: &'r str,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    request: &'r Recorded,
}

impl<'r> Asked<'r> {
    fn of(request: &'r Recorded, manner: &Legacy) -> Self {
        let mut words = request.head.first.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method,
            path,
            query: pairs(query.as_bytes()),
            form: if method == "POST" {
                form(request, manner)
            } else {
                Vec::new()
            },
            request,
        }
    }

    fn in_query(&self, name: &str) -> Option<String> {
        let found = self.query.iter().rev().find(|(own, _)| own == name);
        found.map(|(_, value)| value.clone())
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies(name).next()
    }

    fn cookies(&self, name: &str) -> impl Iterator<Item = &'r str> {
        let cookies = self.request.head.all("cookie").into_iter();
        let pairs = cookies.flat_map(|field| field.split("; "));
        pairs.filter_map(move |pair| {
            pair.split_once('=')
                .filter(|(own, _)| *own == name)
                .map(|(_, value)| value)
        })
    }

    fn session(&self, cookie: &str, state: &State) -> Option<String> {
        let mut brought = self.cookies(cookie);
        brought
            .find(|sid| state.sessions.contains_key(*sid))
            .map(str::to_owned)
    }

    fn basic(&self) -> Option<String> {
        use base64::Engine as _;
        let field = self.request.head.field("authorization")?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(field.strip_prefix("Basic ")?);
        let text = String::from_utf8(bytes.ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        (password == PASSWORD).then(|| user.to_owned())
    }
}

fn form(request: &Recorded, manner: &Legacy) -> Vec<(String, String)> {
    let kind = request.head.field("content-type").unwrap_or_default();
    if kind.starts_with("application/json") {
        let json: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let names = manner.fields.0.into_iter().chain([manner.fields.1, "next"]);
        return names
            .filter_map(|name| Some((name.to_owned(), json.get(name)?.as_str()?.to_owned())))
            .collect();
    }
    if let Some((_, boundary)) = kind.split_once("boundary=") {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let line = format!("--{}", boundary.trim_matches('"'));
        return body
            .split(&line)
            .filter_map(|part| {
                let (head, value) = part.split_once("\r\n\r\n")?;
                let (_, name) = head.split_once("name=\"")?;
                let value = value.strip_suffix("\r\n").unwrap_or(value);
                Some((name.split('"').next()?.to_owned(), value.to_owned()))
            })
            .collect();
    }
    pairs(&request.body)
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// What it answers.
struct Answer {
    status: u16,
    fields: Vec<String>,
    cookies: Vec<String>,
    body: String,
}

impl Answer {
    fn page(body: String) -> Self {
        Self {
            status: 200,
            fields: vec!["Content-Type: text/html; charset=utf-8".to_owned()],
            cookies: Vec::new(),
            body,
        }
    }

    fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            fields: vec!["Content-Type: application/json".to_owned()],
            cookies: Vec::new(),
            body: body.to_owned(),
        }
    }

    fn redirect(status: u16, to: &str) -> Self {
        Self {
            status,
            fields: vec![format!("Location: {to}")],
            cookies: Vec::new(),
            body: String::new(),
        }
    }

    fn and(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }
}

/// What a page says to somebody.
fn hello(user: &str, path: &str) -> String {
    format!("<title>Portal</title>Hello {user}, this is {path}")
}

/// The token of a session's forms.
fn token(sid: &str) -> String {
    sid.chars().rev().collect()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        401 => "Unauthorized",
        403 => "Forbidden",
        _ => "Other",
    }
}
