//! The application hears who it is, can check that the gateway said so, and hears it from nobody else.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::support::app::App;
use crate::support::gate::{Gate, Setup};
use crate::support::visitor::Visitor;
use crate::support::wire::Head;

const KEY: &str = "fedcba9876543210fedcba9876543210";

/// A gateway that signs with [`KEY`].
fn signing(app: &App) -> Gate {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.key");
    std::fs::write(&path, format!("{KEY}\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, mode).unwrap();
    // Read at the start, and not again.
    Setup::new(&app.url())
        .site(&format!(
            "identity = {{ header = \"X-App-User\", strip = [\"X-Sso-*\", \"Login\"], sign_key = \"file:{}\" }}",
            path.display()
        ))
        .routes(&[("/open", "public-full"), ("/read", "public"), ("/admin", "admin")])
        .start()
}

/// Checks as the documentation shows it; the time is the gateway's own.
fn checked(head: &Head, site: &str) -> bool {
    let (method, rest) = head.first.split_once(' ').unwrap();
    let (target, _) = rest.rsplit_once(' ').unwrap();
    let given = head.field("x-countersign-signature").unwrap();
    let (time, mac) = given
        .strip_prefix("t=")
        .unwrap()
        .split_once(",v1=")
        .unwrap();
    assert!(time.bytes().all(|b| b.is_ascii_digit()));
    let lines = [
        "v1",
        time,
        site,
        head.field("x-countersign-user").unwrap(),
        head.field("x-countersign-scope").unwrap(),
        method,
        target,
    ]
    .join("\n");
    let wanted = Hmac::<Sha256>::new_from_slice(KEY.as_bytes())
        .unwrap()
        .chain_update(lines)
        .finalize()
        .into_bytes();
    mac == wanted
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect::<String>()
}

#[test]
fn r10_what_the_application_hears_is_signed() {
    let app = App::new();
    let gate = signing(&app);
    let mut visitor = Visitor::granted(&gate);
    let lies = "X-Countersign-User: root\r\nX_Countersign_Scope: admin\r\nX-Countersign-Signature: t=1,v1=00\r\nX-App.User: root\r\n";
    for (line, fields) in [
        ("GET /", ""),
        ("GET /a%20b?c=d|e&%0a", lies),
        ("POST /form", "Content-Length: 0\r\n"),
        ("GET /%2e/x;y=1//z?", lies),
    ] {
        assert_eq!(visitor.ask(line, fields).status(), 200, "{line}");
        let head = app.last().head;
        assert_eq!(head.field("x-countersign-user"), Some("ann"));
        assert_eq!(head.field("x-countersign-scope"), Some("login"));
        assert_eq!(head.field("x-app-user"), Some("ann"));
        assert!(!head.raw.contains("root"), "{}", head.raw);
        assert!(checked(&head, "app"), "{}", head.raw);
        assert!(!checked(&head, "other"));
        let mut other = head.clone();
        other.first = format!("{line}x HTTP/1.1");
        assert!(!checked(&other, "app"), "another target");
    }
}

#[test]
fn r10_a_step_up_is_told_with_its_scope() {
    let app = App::new();
    let gate = signing(&app);
    let mut browser = gate.signed_in("ann");
    browser.pass_step_up("/admin", &gate.messages);
    assert_eq!(browser.get("/admin").status(), 200);
    let head = app.last().head;
    let scope = head.field("x-countersign-scope").unwrap();
    assert!(scope.split(',').any(|scope| scope == "admin"), "{scope}");
    assert!(checked(&head, "app"), "{}", head.raw);
}

#[test]
fn r10_where_nobody_was_asked_nothing_is_said_or_signed() {
    let app = App::new();
    let gate = signing(&app);
    let lies = "X-Countersign-User: root\r\nX-Countersign-Scope: login\r\nX-Countersign-Signature: t=1,v1=00\r\nX_App_User: root\r\n";
    for line in ["GET /open", "GET /read"] {
        let mut stranger = Visitor::stranger(&gate);
        assert_eq!(stranger.ask(line, lies).status(), 200);
        let raw = app.last().head.raw.to_ascii_lowercase();
        assert!(
            !raw.contains("countersign") && !raw.contains("root"),
            "{raw}"
        );
    }
}

#[test]
fn r10_the_strip_list_is_taken_off_in_every_spelling() {
    let app = App::new();
    let gate = signing(&app);
    let claims = [
        "X-Sso-User",
        "x_sso_user",
        "X-SSO.Groups",
        "Login",
        "LOGIN",
        "X-App-User",
        "x_app_user",
        "X~App!User",
        "X-Remote-User",
        "X.Remote.User",
    ];
    let fields = claims.map(|name| format!("{name}: root\r\n")).concat() + "X-Ssology: stays\r\n";
    for (mut visitor, line) in [
        (Visitor::granted(&gate), "GET /"),
        (Visitor::stranger(&gate), "GET /open"),
        (Visitor::stranger(&gate), "GET /read"),
    ] {
        assert_eq!(visitor.ask(line, &fields).status(), 200);
        let head = app.last().head;
        assert!(!head.raw.contains("root"), "{}", head.raw);
        assert_eq!(head.field("x-ssology"), Some("stays"));
    }
    // Blanks before the colon make no name of it at all (R6).
    for name in ["X-Sso-User ", "X-Sso-User\t", " X-Sso-User"] {
        let mut visitor = Visitor::granted(&gate);
        let before = app.seen().len();
        assert_eq!(
            visitor.ask("GET /", &format!("{name}: root\r\n")).status(),
            400
        );
        assert_eq!(app.seen().len(), before, "{name:?}");
    }
}

#[test]
fn r10_trailers_say_nothing_either() {
    let app = App::new();
    let gate = signing(&app);
    let mut visitor = Visitor::granted(&gate);
    visitor.begin(
        "POST /form",
        "Transfer-Encoding: chunked\r\nTrailer: X-Countersign-User\r\n",
    );
    visitor.send("4\r\nbody\r\n0\r\nX-Countersign-User: root\r\nX-App-User: root\r\nX-Sso-User: root\r\n\r\n");
    assert_eq!(visitor.answer().status(), 200);
    let request = app.last();
    assert_eq!(request.body, b"body");
    assert!(!request.head.raw.contains("root"), "{}", request.head.raw);
    assert_eq!(request.head.field("x-countersign-user"), Some("ann"));
    assert_eq!(request.head.field("trailer"), None);
}

#[test]
fn r10_without_the_table_nothing_is_said() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    assert_eq!(
        visitor.ask("GET /", "X-Countersign-User: ann\r\n").status(),
        200
    );
    let raw = app.last().head.raw.to_ascii_lowercase();
    assert!(!raw.contains("countersign"), "{raw}");
}
