//! `countersign demo` as a visitor meets it, in Debian's Chromium.

mod story;

use std::time::Duration;

use story::Gateway;

#[test]
fn the_demonstration_keeps_its_promises() {
    play_demo("on");
}

#[test]
fn the_demonstration_keeps_its_promises_without_javascript() {
    play_demo("off");
}

fn play_demo(javascript: &str) {
    let gateway = Gateway::start(&["demo", "--port", "0"], &[]);
    let url = address(&gateway);
    gateway.play("demo.mjs", &url, &[("JAVASCRIPT", javascript)]);
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
