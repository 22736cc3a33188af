//! Node-RED: asked at the gate, since its login form is a script's; and a WebSocket that the application opens to anybody.

use super::gate::{Application, Gate};
use super::visitor::Visitor;

const SITE: &str = "scopes = [\"login\"]";

#[test]
fn node_red_is_reached_by_a_code_and_keeps_its_websocket() {
    let app = Application::start("nodered");
    let gate = Gate::before(&app, SITE);
    let refused = upgrade(&mut gate.visitor(), "/comms");
    assert_eq!(refused, 401, "an upgrade without a grant");
    let met = upgrade(&mut app.visitor(), "/comms");
    assert_eq!(met, 101, "the application itself asks nobody");
    gate.play("nodered.mjs");
}

/// Asks for a WebSocket; gives the status.
fn upgrade(visitor: &mut Visitor, path: &str) -> u16 {
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let origin = visitor.origin();
    visitor
        .send("GET", path, &format!("{fields}Origin: {origin}\r\n"), b"")
        .status()
}
