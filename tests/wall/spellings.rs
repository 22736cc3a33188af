//! Spellings of guarded paths (R1-R5).

use super::ask;
use super::gate::{self, GUARDED};
use super::recorder::Recorder;
use super::rival::Rival;

/// What is compared is a gateway that does its work: each denies the plain spelling and all below it, and passes the rest.
#[test]
fn r5_every_gateway_denies_the_plain_spelling_and_passes_the_rest() {
    let app = Recorder::new();
    let ours = gate::before(&app.url());
    let rivals = Rival::all(app.address);
    let others = rivals
        .iter()
        .map(|rival| (format!("{} {}", rival.name, rival.version), rival.address));
    for (name, address) in others.chain([("Countersign".to_owned(), ours.address)]) {
        for guarded in GUARDED {
            for below in ["", "/", "/users", "?x=y"] {
                let reply = ask::get(address, format!("{guarded}{below}").as_bytes(), 1);
                assert!(
                    [401, 403, 303].contains(&reply.status()),
                    "{name}: {}",
                    reply.text()
                );
                assert_eq!(app.take(1), None, "{name} {guarded}{below}");
            }
        }
        for open in ["/", "/news", "/a/b?c=d", "/public/admin"] {
            let reply = ask::get(address, open.as_bytes(), 2);
            assert_eq!(reply.status(), 200, "{name}: {}", reply.text());
            assert_eq!(app.take(2).as_deref(), Some(open.as_bytes()), "{name}");
        }
    }
}
