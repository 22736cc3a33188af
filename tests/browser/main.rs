//! `countersign demo` as a visitor meets it, in Debian's Chromium.

mod story;

use std::time::Duration;

use story::Gateway;

#[test]
fn the_demonstration_keeps_its_promises() {
    play("demo.mjs", "on");
}

#[test]
fn the_demonstration_keeps_its_promises_without_javascript() {
    play("demo.mjs", "off");
}

#[test]
fn every_state_of_every_page_keeps_the_rules_of_a_page() {
    play("pages.mjs", "on");
}

fn play(script: &str, javascript: &str) {
    let gateway = Gateway::start(&["demo", "--port", "0"], &[], drop);
    let url = address(&gateway);
    gateway.play(script, &url, &[("JAVASCRIPT", javascript)]);
}

/// Waits for the line `Open http://localhost:PORT/`.
fn address(gateway: &Gateway) -> String {
    loop {
        let line = gateway
            .printed
            .recv_timeout(PATIENCE)
            .expect("the demonstration says where it is");
        if let Some(url) = line.trim().strip_prefix("Open ") {
            return url.trim().to_owned();
        }
    }
}

/// How long a gateway may take for its next line on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
