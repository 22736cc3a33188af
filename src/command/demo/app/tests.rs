//! The application over real sockets, as a browser without a gateway would meet it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{TITLE, USERS, bind, serve, session};

/// A running application; stopped when dropped.
struct Running {
    address: SocketAddr,
    served: JoinHandle<()>,
    shutdown: DropGuard,
}

impl Running {
    async fn start() -> Self {
        let listener = bind().await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, shutdown.clone()));
        Self {
            address,
            served,
            shutdown: shutdown.drop_guard(),
        }
    }

    async fn connect(&self, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = head.trim_start().replace('\n', "\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Sends one request and returns everything that comes back.
    async fn ask(&self, head: &str, body: &str) -> String {
        let length = body.len();
        let mut stream = self
            .connect(&format!(
                "{head}\nHost: x\nConnection: close\nContent-Length: {length}\n\n"
            ))
            .await;
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, path: &str, cookie: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\nCookie: {cookie}"), "")
            .await
    }

    async fn post(&self, path: &str, cookie: &str, body: &str) -> String {
        let kind = "application/x-www-form-urlencoded";
        self.ask(
            &format!("POST {path} HTTP/1.1\nCookie: {cookie}\nContent-Type: {kind}"),
            body,
        )
        .await
    }

    /// What a browser without cookies gets with the login form: a cookie, and the token in the form.
    async fn form(&self) -> (String, String) {
        let page = self.get("/login", "other=1").await;
        let token = page.split_once(r#"name="token" value=""#).unwrap().1;
        let token = token.split_once('"').unwrap().0.to_owned();
        (cookie_of(&page).unwrap(), token)
    }

    /// Posts the login form.
    async fn sign_in(&self, (cookie, token): &(String, String), login: &str) -> String {
        self.post("/login", cookie, &format!("token={token}&{login}"))
            .await
    }

    /// Signs `ann` in and returns her cookie.
    async fn ann(&self) -> String {
        let answer = self
            .sign_in(&self.form().await, "user=ann&password=demo")
            .await;
        assert!(leads_to(&answer, "/home"), "{answer}");
        cookie_of(&answer).unwrap()
    }
}

/// Name and value of the cookie that an answer sets. Every one of them has the attributes of a session's.
fn cookie_of(answer: &str) -> Option<String> {
    let mut set = answer
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "));
    let (pair, attributes) = set.next()?.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
    assert!(set.next().is_none(), "one cookie at a time");
    assert!(pair.starts_with("demo_session="), "{pair}");
    Some(pair.to_owned())
}

fn leads_to(answer: &str, place: &str) -> bool {
    answer.starts_with("HTTP/1.1 303") && answer.contains(&format!("\r\nlocation: {place}\r\n"))
}

#[tokio::test]
async fn nothing_private_is_shown_before_login() {
    let app = Running::start().await;
    assert!(leads_to(&app.get("/", "").await, "/login"));
    for path in ["/home", "/admin/"] {
        for cookie in [
            "",
            "demo_session=",
            "demo_session=00000000000000000000000000000000",
        ] {
            assert!(
                leads_to(&app.get(path, cookie).await, "/login"),
                "{path} with {cookie:?}"
            );
        }
    }
    for path in ["/admin/rename", "/upload"] {
        assert!(
            leads_to(&app.post(path, "", "title=x").await, "/login"),
            "{path}"
        );
    }
    for path in ["/clock", "/events"] {
        assert!(
            app.get(path, "").await.starts_with("HTTP/1.1 403"),
            "{path}"
        );
    }
    assert!(
        app.get("/admin/", &app.ann().await).await.contains(TITLE),
        "nobody renamed it without a login"
    );
}

#[tokio::test]
async fn each_user_signs_in_with_the_right_password_only() {
    let app = Running::start().await;
    for (user, password) in USERS {
        let form = app.form().await;
        for wrong in [
            format!("user={user}&password={password}x"),
            format!("user={user}&password="),
            format!("user={user}"),
            format!("user=nobody&password={password}"),
            format!("user=&password={password}"),
        ] {
            let answer = app.sign_in(&form, &wrong).await;
            assert!(
                answer.starts_with("HTTP/1.1 200")
                    && answer.contains("Wrong user name or password"),
                "{wrong}: {answer}"
            );
            assert!(!answer.contains("set-cookie"), "{wrong}: {answer}");
        }
        let right = app
            .sign_in(&form, &format!("user={user}&password={password}"))
            .await;
        assert!(leads_to(&right, "/home"), "{right}");
        let home = app.get("/home", &cookie_of(&right).unwrap()).await;
        assert!(home.contains(&format!("Hello {user}")), "{home}");
    }
    let cookie = app.ann().await;
    assert!(
        app.get("/home", &format!("other=1; {cookie}"))
            .await
            .contains("Hello ann")
    );
    assert!(leads_to(&app.get("/", &cookie).await, "/home"));
}

#[tokio::test]
async fn a_login_makes_a_new_session_and_never_raises_an_old_one() {
    let app = Running::start().await;
    let form = app.form().await;
    let answer = app.sign_in(&form, "user=ann&password=demo").await;
    assert_ne!(cookie_of(&answer).unwrap(), form.0);
    assert!(leads_to(&app.get("/home", &form.0).await, "/login"));
}

#[tokio::test]
async fn a_login_form_is_good_in_the_browser_it_was_shown_to() {
    let app = Running::start().await;
    let (ours, theirs) = (app.form().await, app.form().await);
    let (cookie, token) = (ours.0.clone(), theirs.1.clone());
    for (form, shown) in [
        ((cookie, token), "another browser's token"),
        ((ours.0.clone(), String::new()), "no token"),
        ((String::new(), ours.1.clone()), "no cookie"),
    ] {
        let answer = app.sign_in(&form, "user=ann&password=demo").await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("no longer good"),
            "{shown}: {answer}"
        );
        let fresh = cookie_of(&answer);
        assert_eq!(fresh.is_some(), form.0.is_empty(), "{shown}");
        if let Some(fresh) = fresh {
            assert!(leads_to(&app.get("/home", &fresh).await, "/login"));
        }
    }
}

#[tokio::test]
async fn who_tries_another_name_has_left_whether_the_password_is_right_or_wrong() {
    let app = Running::start().await;
    for password in ["wrong", "demo"] {
        let cookie = app.ann().await;
        let page = app.get("/login", &cookie).await;
        assert_eq!(cookie_of(&page), None, "the form is bound to this session");
        let token = page.split_once(r#"name="token" value=""#).unwrap().1;
        let token = token.split_once('"').unwrap().0.to_owned();
        app.sign_in(
            &(cookie.clone(), token),
            &format!("user=bob&password={password}"),
        )
        .await;
        assert!(
            leads_to(&app.get("/home", &cookie).await, "/login"),
            "{password}"
        );
    }
}

#[tokio::test]
async fn anybody_gets_the_style_that_the_login_page_needs() {
    let app = Running::start().await;
    assert!(app.get("/login", "").await.contains(r#"href="/style.css""#));
    let style = app.get("/style.css", "").await;
    assert!(
        style.starts_with("HTTP/1.1 200")
            && style.contains("\r\ncontent-type: text/css; charset=utf-8\r\n"),
        "{style}"
    );
    assert!(!style.contains("set-cookie"), "{style}");
}

#[tokio::test]
async fn the_login_page_says_who_may_try() {
    let page = Running::start().await.get("/login", "").await;
    for (user, password) in USERS {
        assert!(page.contains(&format!("<kbd>{user}</kbd>")), "{page}");
        assert!(page.contains(&format!("<kbd>{password}</kbd>")), "{page}");
    }
}

#[tokio::test]
async fn logout_ends_the_session_on_the_server() {
    let app = Running::start().await;
    let cookie = app.ann().await;
    let out = app.get("/logout", &cookie).await;
    assert!(leads_to(&out, "/login"));
    assert!(
        out.contains("set-cookie: demo_session=; Max-Age=0; Path=/"),
        "{out}"
    );
    assert!(leads_to(&app.get("/home", &cookie).await, "/login"));
}

#[tokio::test]
async fn the_portal_can_be_renamed() {
    let app = Running::start().await;
    let cookie = app.ann().await;
    assert!(leads_to(
        &app.post("/admin/rename", &cookie, "title=Gr%C3%BCn+%26+%3Cb%3E")
            .await,
        "/admin/"
    ));
    let page = app.get("/admin/", &cookie).await;
    assert!(
        page.contains("<title>Grün &amp; &lt;b&gt;</title>"),
        "{page}"
    );

    app.post("/admin/rename", &cookie, "title=+").await;
    app.post("/admin/rename", &cookie, "other=x").await;
    assert!(
        app.get("/home", &cookie).await.contains("Grün"),
        "an empty title is none"
    );

    let long = app
        .post(
            "/admin/rename",
            &cookie,
            &format!("title={}", "x".repeat(9000)),
        )
        .await;
    assert!(long.starts_with("HTTP/1.1 413"), "{long}");
}

#[tokio::test]
async fn what_a_visitor_typed_comes_back_as_text() {
    let app = Running::start().await;
    let (cookie, token) = app.form().await;
    for token in [token, String::new()] {
        let form = (cookie.clone(), token);
        let page = app
            .sign_in(&form, "user=%22%3E%3Cscript%3E&password=x")
            .await;
        assert!(
            page.contains(r#"value="&quot;&gt;&lt;script&gt;""#),
            "{page}"
        );
    }
}

#[tokio::test]
async fn an_upload_is_counted() {
    let app = Running::start().await;
    let cookie = app.ann().await;
    let head = format!(
        "POST /upload HTTP/1.1\nCookie: {cookie}\nContent-Type: multipart/form-data; boundary=b"
    );
    let part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"<a>.bin\"\r\n\r\n";
    let page = app
        .ask(
            &head,
            &format!("{part}{}\r\n--b--\r\n", "x".repeat(100_000)),
        )
        .await;
    assert!(
        page.contains("&lt;a&gt;.bin") && page.contains("100000 bytes"),
        "{page}"
    );

    let cut = app.ask(&head, &format!("{part}xxx")).await;
    assert!(
        cut.starts_with("HTTP/1.1 400") && cut.contains("broke off"),
        "{cut}"
    );
    let form = app.post("/upload", &cookie, "file=x").await;
    assert!(form.starts_with("HTTP/1.1 400"), "{form}");
}

#[tokio::test]
async fn the_clock_ticks_answers_a_ping_and_says_goodbye() {
    let app = Running::start().await;
    let mut socket = app.connect(&clock(&app.ann().await)).await;
    let head = head(&mut socket).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(
        head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        "{head}"
    );

    for _ in 0..2 {
        let (opcode, time) = frame(&mut socket).await;
        let digits = time.iter().filter(|byte| byte.is_ascii_digit()).count();
        assert_eq!((opcode, time.len(), digits), (1, 8, 6), "{time:?}");
    }
    // "hey" as a ping, then a close with status 1000; the mask is 0.
    socket
        .write_all(b"\x89\x83\0\0\0\0hey\x88\x82\0\0\0\0\x03\xe8")
        .await
        .unwrap();
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let answer = frame(&mut socket).await;
        if answer.0 != 1 {
            answers.push(answer);
        }
    }
    assert_eq!(answers, [(10, b"hey".to_vec()), (8, vec![0x03, 0xe8])]);
    assert_eq!(
        socket.read(&mut [0; 1]).await.unwrap(),
        0,
        "nothing follows a close"
    );
}

#[tokio::test]
async fn a_request_that_is_no_handshake_gets_no_clock() {
    let app = Running::start().await;
    let cookie = app.ann().await;
    assert!(app.get("/clock", &cookie).await.starts_with("HTTP/1.1 426"));
    for (from, to, status) in [
        (
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Version: 8",
            "426",
        ),
        ("Upgrade: websocket", "Upgrade: h2c", "426"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short", "400"),
        ("Sec-WebSocket-Key", "X-Key", "400"),
    ] {
        let mut socket = app.connect(&clock(&cookie).replace(from, to)).await;
        let head = head(&mut socket).await;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}")),
            "{to}: {head}"
        );
    }
}

#[tokio::test]
async fn events_come_one_by_one() {
    let app = Running::start().await;
    let mut stream = app
        .connect(&format!(
            "GET /events HTTP/1.1\nHost: x\nCookie: {}\n\n",
            app.ann().await
        ))
        .await;
    assert!(
        head(&mut stream)
            .await
            .contains("content-type: text/event-stream\r\n")
    );
    let mut read = Vec::new();
    while read.windows(6).filter(|window| window == b"data: ").count() < 2 {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn an_address_that_is_not_there_and_a_method_that_is_not_taken_say_so() {
    let app = Running::start().await;
    let cookie = app.ann().await;
    assert!(
        app.get("/nothing", &cookie)
            .await
            .starts_with("HTTP/1.1 404")
    );
    let answer = app.post("/home", &cookie, "").await;
    assert!(
        answer.starts_with("HTTP/1.1 405") && answer.contains("\r\nallow: GET, HEAD\r\n"),
        "{answer}"
    );
    assert!(
        app.get("/upload", &cookie)
            .await
            .contains("\r\nallow: POST\r\n")
    );
}

#[tokio::test]
async fn the_oldest_session_makes_room() {
    let app = Running::start().await;
    let first = app.ann().await;
    let second = app.ann().await;
    let form = app.form().await;
    for _ in 0..session::MOST - 1 {
        app.sign_in(&form, "user=bob&password=demo").await;
    }
    assert!(leads_to(&app.get("/home", &first).await, "/login"));
    assert!(app.get("/home", &second).await.contains("Hello ann"));
}

#[tokio::test]
async fn shutdown_ends_what_is_open() {
    let app = Running::start().await;
    let mut socket = app.connect(&clock(&app.ann().await)).await;
    head(&mut socket).await;
    let mut idle = app.connect("").await;

    drop(app.shutdown);
    app.served.await.unwrap();
    for stream in [&mut socket, &mut idle] {
        // A reset is as good an end as a polite one.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    assert!(
        TcpStream::connect(app.address).await.is_err(),
        "nobody listens any more"
    );
}

#[tokio::test]
async fn the_demonstration_is_for_this_machine_only() {
    assert!(
        bind()
            .await
            .unwrap()
            .local_addr()
            .unwrap()
            .ip()
            .is_loopback()
    );
}

fn clock(cookie: &str) -> String {
    format!(
        "GET /clock HTTP/1.1\nHost: x\nCookie: {cookie}\nConnection: keep-alive, Upgrade\nUpgrade: websocket\n\
         Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n"
    )
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let first = stream.read_u8().await.unwrap();
    assert_eq!(first & 0xf0, 0x80, "final, nothing reserved");
    let mut payload = vec![0; usize::from(stream.read_u8().await.unwrap())];
    stream.read_exact(&mut payload).await.unwrap();
    (first & 0x0f, payload)
}
