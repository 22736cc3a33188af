//! The gate asks who somebody is, and then for the code.

use super::support::app::App;
use super::support::browser::path_of;
use super::support::gate::Setup;

#[test]
fn a_request_a_code_a_grant_the_application() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut browser = gate.browser();
    let released = browser.pass_ask("/private?x=1", "ann", &gate.messages);
    assert_eq!(path_of(released.field("location").unwrap()), "/private?x=1");
    assert!(
        app.seen().is_empty(),
        "nothing reaches the application before the code"
    );
    let page = browser.get("/private?x=1");
    assert_eq!(
        (page.status(), page.text()),
        (200, "app saw GET /private?x=1 HTTP/1.1".to_owned())
    );
    assert_eq!(app.lines(), ["GET /private?x=1 HTTP/1.1"]);
    assert!(
        gate.messages.all().contains("Example Portal"),
        "{}",
        gate.messages.all()
    );
}
