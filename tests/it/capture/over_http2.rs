//! The same story over HTTP/2.

#[path = "../http2/client.rs"]
#[allow(
    dead_code,
    clippy::duplicate_mod,
    reason = "this story needs a part of a client that is private to those of HTTP/2"
)]
mod client;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::runtime::Builder;

use self::client::Client;
use super::{asked, location, setup, theirs};
use crate::support::browser::token;
use crate::support::gate::Gate;
use crate::support::legacy::{Legacy, PASSWORD, Portal, SID, WRONG};

/// The site `https://app.localhost`, and the folder of its certificate.
fn https(portal: &Portal) -> (Gate, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let names = ["app.localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let (chain, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    fs::write(&chain, cert.pem()).unwrap();
    fs::write(&key, signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let gate = setup(portal, "auth_cookies = [\"sid\"]")
        .site("url = \"https://app.localhost\"")
        .with(&format!(
            "[listen]\nhttps = [\"127.0.0.1:0\"]\ncert = \"{}\"\nkey = \"file:{}\"",
            chain.display(),
            key.display()
        ))
        .start();
    (gate, folder)
}

#[test]
fn the_whole_way_through_a_captured_login_over_http_2() {
    let portal = Legacy {
        steps: 1,
        cookies: &["a=1; Path=/", "a=2; Path=/; Secure"],
        ..Legacy::default()
    }
    .start();
    let (gate, _folder) = https(&portal);
    let story = async {
        let mut client = Client::new(gate.address).await;
        let sent = client.get("/home").await;
        assert_eq!((sent.status(), &*location(&sent)), (303, "/login"));
        assert_eq!(client.get("/login").await.status(), 200);
        let wrong = [("username", "ann"), ("password", "wrong")];
        let refused = client.post("/login", &wrong).await;
        assert!(refused.text().contains(WRONG));
        let right = [("username", "ann"), ("password", PASSWORD)];
        let page = asked(&client.post("/login", &right).await);
        let before = portal.count();
        let waiting = client.jar.jar[SID].clone();
        client.get("/open/news").await;
        assert_eq!(portal.brought(&waiting, before), [""; 0]);
        let shown = client.get(&page).await;
        let code = gate.messages.code(1);
        let form = [
            ("token", &*token(&shown)),
            ("code", &code),
            ("do", "answer"),
        ];
        let free = client.post(&page, &form).await;
        assert_eq!((free.status(), &*location(&free)), (303, "/home"));
        let lines = theirs(&free);
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert_eq!(
            lines[1..],
            [
                "a=1; Path=/",
                "a=2; Path=/; Secure",
                "step1=passed1; Path=/"
            ]
        );
        let home = client.get("/home").await;
        assert!(
            home.text().contains("Hello ann, this is /home"),
            "{}",
            home.text()
        );
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(story);
    assert_eq!(gate.sent(), 1);
}
