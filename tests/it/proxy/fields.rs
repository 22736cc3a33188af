//! What goes up is written anew: nothing of ours, nothing that ends at this hop, nothing that the visitor may not say.

use crate::support::app::App;
use crate::support::gate::Setup;
use crate::support::visitor::Visitor;
use crate::support::wire::Head;

/// What the application sees of a request with these fields.
fn seen(setup: impl Fn(Setup) -> Setup, line: &str, fields: &str) -> Head {
    let app = App::new();
    let gate = setup(Setup::new(&app.url())).start();
    let answer = Visitor::granted(&gate).ask(line, fields);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    app.last().head
}

fn plain(setup: Setup) -> Setup {
    setup
}

#[test]
fn r6_a_request_goes_up_with_one_host_and_nothing_that_was_not_sent() {
    let head = seen(plain, "GET /a?b=c&b=%20", "");
    assert_eq!(head.first, "GET /a?b=c&b=%20 HTTP/1.1");
    assert_eq!(
        head.names(),
        [
            "host",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-real-ip"
        ]
    );
}

#[test]
fn fields_go_up_with_their_bytes() {
    let head = seen(
        plain,
        "GET /",
        "Accept: a\r\nAccept: b\r\nX-Empty:\r\nX-Odd: \u{e9} \"q\" |=\r\nAuthorization: Basic YTpi\r\nUser-Agent: old/1.0 (x; y)\r\nX-Under_Score: 1\r\n",
    );
    assert_eq!(head.all("accept"), ["a", "b"]);
    assert_eq!(head.field("x-empty"), Some(""));
    assert_eq!(head.field("x-odd"), Some("\u{e9} \"q\" |="));
    assert_eq!(head.field("authorization"), Some("Basic YTpi"));
    assert_eq!(head.field("user-agent"), Some("old/1.0 (x; y)"));
    assert_eq!(head.field("x-under_score"), Some("1"));
}

#[test]
fn s6_cookies_go_up_byte_for_byte_without_ours() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let visitor = Visitor::granted(&gate);
    let theirs =
        "sid=a|b=c==; q=\"x y\"; json={\"a\":[1]}; same=1; same=2; empty=; bare; caf\u{e9}=\u{e9}";
    for cookies in [
        format!("{theirs}; {}", visitor.cookies()),
        format!("{}; {theirs}", visitor.cookies()),
        visitor
            .cookies()
            .replacen("; ", &format!("; {theirs}; "), 1),
    ] {
        let answer = visitor.again(&gate);
        let mut answer = answer;
        answer.send(format!(
            "GET / HTTP/1.1\r\nHost: app.localhost\r\nCookie: {cookies}\r\n\r\n"
        ));
        assert_eq!(answer.answer().status(), 200);
        assert_eq!(app.last().head.all("cookie"), [theirs], "of {cookies}");
    }
    let mut own = visitor.again(&gate);
    own.ask("GET /", "");
    assert_eq!(
        app.last().head.all("cookie"),
        [""; 0],
        "none is left: no field at all"
    );
}

#[test]
fn r8_hop_by_hop_fields_end_here() {
    let head = seen(
        plain,
        "GET /",
        "Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\n\
         Proxy: http://evil\r\nTE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nX-Hop: 1\r\nX-Stays: 1\r\n",
    );
    for name in [
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "proxy",
        "te",
        "trailer",
        "upgrade",
        "http2-settings",
        "x-hop",
    ] {
        assert_eq!(head.all(name), [""; 0], "{name}");
    }
    assert_eq!(head.field("x-stays"), Some("1"));
}

#[test]
fn r8_connection_cannot_take_away_what_was_judged_or_set() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let visitor = Visitor::granted(&gate);
    for name in [
        "Host",
        "Cookie",
        "Authorization",
        "Origin",
        "Referer",
        "Content-Length",
        "Content-Type",
        "X-Forwarded-For",
        "X-Real-IP",
        "X-Forwarded-Proto",
        "X-Forwarded-Anything",
        "Forwarded",
        "Content-Encoding",
        "content-disposition",
        "X-Countersign-User",
        "X-COUNTERSIGN-SIGNATURE",
        "Sec-WebSocket-Key",
    ] {
        for fields in [
            format!("Connection: close, {name}\r\n"),
            format!("Connection: {name}\r\n"),
            format!("Connection: x,,\t{name} , keep-alive\r\n"),
            format!("Connection: keep-alive\r\nConnection: {name}\r\n"),
        ] {
            let mut one = visitor.again(&gate);
            assert_eq!(one.ask("GET /", &fields).status(), 400, "{fields}");
            assert_eq!(one.rest(), b"");
        }
    }
    assert!(app.seen().is_empty());
}

#[test]
fn s4_a_grant_counts_once_for_its_scope_and_as_it_was_written() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let granted = Visitor::granted(&gate);
    let mut cookies = granted.cookies().split("; ");
    let grant = cookies.find(|pair| pair.contains("app-login=")).unwrap();
    let (name, value) = grant.split_once('=').unwrap();
    let ours: Vec<String> = (0..25)
        .map(|n| format!("__Host-countersign-app-x{n}=1"))
        .collect();
    for (cookies, counts) in [
        (grant.to_owned(), true),
        (format!("$Version=1; {grant}; $Path=/"), true),
        (format!(";;;a=b;\t{grant}\t;;c=d"), true),
        (format!("{name} = {value}"), true),
        (format!("caf\u{e9}=\u{ff}; {grant}"), true),
        (format!("{grant}; {grant}"), false),
        (format!("{grant}; {name}"), false),
        (format!("{name}=; {grant}"), false),
        (format!("{grant}\r\nCookie: {name}=x"), false),
        (format!("{name}=\"{value}\""), false),
        (format!("a=b, {grant}"), false),
        (format!("{grant}, a=b"), false),
        (format!("={grant}"), false),
        (format!("{}={value}", name.to_lowercase()), false),
        (format!("{}={value}", name.replace("__Host-", "")), false),
        (
            format!("{}={value}", name.replace("__Host-", "__Host- ")),
            false,
        ),
        (format!("{}={value}", name.replace("login", "admin")), false),
        (format!("{grant}="), false),
        (format!("{grant}AAAA"), false),
        (grant[..grant.len() - 1].to_owned(), false),
        (format!("{grant}; {}", ours.join("; ")), false),
    ] {
        let cookies = format!("Cookie: {cookies}\r\n");
        let before = app.seen().len();
        let status = Visitor::stranger(&gate).ask("GET /", &cookies).status();
        assert_eq!(status, if counts { 200 } else { 303 }, "{cookies}");
        assert_eq!(app.seen().len() > before, counts, "{cookies}");
        let admin = Visitor::stranger(&gate).ask("GET /admin", &cookies);
        assert_eq!(admin.status(), 303, "{cookies}");
    }
}

#[test]
fn r10_the_visitor_does_not_say_who_they_are() {
    let claims = [
        "X-Remote-User",
        "x_remote_user",
        "X-Remote_User",
        "Remote-User",
        "REMOTE_USER",
        "X-Forwarded-User",
        "X_Forwarded_User",
        "X-Forwarded-Email",
        "X-Auth-Request-User",
        "X-WEBAUTH-USER",
        "SSL_CLIENT_S_DN",
        "SSL-Client-Verify",
        "X-SSL-Client-CN",
        "X-Countersign-Subject",
        "Forwarded",
        "X-Forwarded-Port",
        "X-Forwarded-Server",
    ];
    let fields = claims.map(|name| format!("{name}: root\r\n")).concat();
    let head = seen(plain, "GET /", &fields);
    assert!(!head.raw.contains("root"), "{}", head.raw);
}

/// `MediaWiki`, Yii and others take it for the address: a page that is open to all would be any page then.
#[test]
fn r5_no_field_tells_the_application_another_address() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .routes(&[("/read", "public"), ("/open", "public-full")])
        .start();
    let names = [
        "X-Original-URL",
        "X-Rewrite-URL",
        "x_original_url",
        "X-Rewrite.Url",
    ];
    let fields = names.map(|name| format!("{name}: /admin\r\n")).concat();
    for line in ["GET /read", "GET /open"] {
        assert_eq!(Visitor::stranger(&gate).ask(line, &fields).status(), 200);
    }
    assert_eq!(
        Visitor::granted(&gate).ask("GET /", &fields).status(),
        200,
        "nor with a grant for another scope"
    );
    let seen = app.seen();
    assert_eq!(seen.len(), 3);
    for request in seen {
        assert!(!request.head.raw.contains("/admin"), "{}", request.head.raw);
    }
}

#[test]
fn r10_the_application_hears_who_has_the_grant() {
    let named = |setup: Setup| setup.site("identity = { header = \"X-App_User\" }");
    let head = seen(
        named,
        "GET /",
        "X-App_User: root\r\nX-App-User: root\r\nx_app_user: root\r\n",
    );
    assert_eq!(head.field("x-app_user"), Some("ann"));
    assert!(!head.raw.contains("root"), "{}", head.raw);
}

#[test]
fn r10_nobody_is_named_where_nobody_was_asked() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .site("identity = { header = \"X-Remote-User\" }")
        .routes(&[("/open", "public-full"), ("/read", "public")])
        .start();
    for path in ["GET /open", "GET /read"] {
        let mut stranger = Visitor::stranger(&gate);
        let answer = stranger.ask(path, "X-Remote-User: root\r\nX_Remote_User: root\r\n");
        assert_eq!(answer.status(), 200);
        assert!(
            !app.last().head.raw.contains("root"),
            "{}",
            app.last().head.raw
        );
    }
}

#[test]
fn r10_forwarded_fields_are_written_anew() {
    let head = seen(
        plain,
        "GET /",
        "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n\
         X-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\nX_Forwarded_For: 203.0.113.9\r\n",
    );
    assert_eq!(head.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(head.field("x-real-ip"), Some("127.0.0.1"));
    assert_eq!(head.field("x-forwarded-proto"), Some("http"));
    assert_eq!(head.field("x-forwarded-host"), Some("app.localhost"));
    assert!(!head.raw.contains("203.0.113.9"), "{}", head.raw);
}

#[test]
fn r1_a_target_of_nothing_goes_up_as_the_root() {
    for line in ["GET http://app.localhost", "GET HTTP://APP.localhost"] {
        assert_eq!(seen(plain, line, "").first, "GET / HTTP/1.1");
    }
}

#[test]
fn r6_each_byte_of_a_name_is_one_of_a_token() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let visitor = Visitor::granted(&gate);
    for byte in 0x21..0x7f_u8 {
        let name = format!("x{}y", char::from(byte));
        // RFC 9110 section 5.6.2. A colon ends the name.
        let fits = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:".contains(&byte);
        let before = app.seen().len();
        let came = visitor.again(&gate).ask("GET /", &format!("{name}: 1\r\n"));
        assert_eq!(came.status(), if fits { 200 } else { 400 }, "{name}");
        assert_eq!(app.seen().len() > before, fits, "{name}");
    }
}

#[test]
fn a_post_without_a_body_says_so() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    for (line, fields, length) in [
        ("POST /", "", Some("0")),
        ("POST /", "Content-Length: 0\r\n", Some("0")),
        ("DELETE /", "", Some("0")),
        ("GET /", "Content-Length: 0\r\n", None),
    ] {
        assert_eq!(visitor.ask(line, fields).status(), 200);
        assert_eq!(app.last().head.field("content-length"), length, "{line}");
    }
}

#[test]
fn methods_that_nobody_knows_go_up_as_they_are() {
    for method in ["PROPFIND", "PATCH", "get", "M-SEARCH", "OPTIONS"] {
        assert_eq!(
            seen(plain, &format!("{method} /x"), "").first,
            format!("{method} /x HTTP/1.1")
        );
    }
    assert_eq!(seen(plain, "OPTIONS *", "").first, "OPTIONS * HTTP/1.1");
}
