//! Which of our own pages a path means. None of them is ever forwarded.

use std::sync::Arc;

use http::Method;
use http::header::{self, HeaderValue};

use super::{Flow, Reply, Visit};
use crate::challenge;
use crate::page::Refusal;
use crate::seal::{parse_id, print_id};
use crate::upstream::body::Upload;

/// Where our own paths begin.
pub const ROOT: &str = "/.countersign/";

/// The page that asks who somebody is.
pub fn ask_path(scope: &str) -> String {
    format!("{ROOT}ask/{scope}")
}

/// The page that asks for a code.
pub fn code_path(id: &challenge::Id) -> String {
    format!("{ROOT}c/{}", print_id(id))
}

/// Where that page asks what became of its message.
pub fn state_path(id: &challenge::Id) -> String {
    format!("{}/state", code_path(id))
}

/// The page that signs out.
pub fn sign_out_path() -> String {
    format!("{ROOT}sign-out")
}

impl Flow {
    /// Answers a request for one of our own paths. `path` is what stands behind [`ROOT`], byte for byte.
    pub async fn own(self: &Arc<Self>, visit: &Visit<'_>, path: &str, body: Upload) -> Reply {
        let posted = match *visit.asked.method() {
            Method::GET | Method::HEAD => false,
            Method::POST => true,
            _ => {
                let mut reply = self.refuse(visit, Refusal::MethodNotAllowed);
                let methods = HeaderValue::from_static("GET, HEAD, POST");
                reply.headers_mut().insert(header::ALLOW, methods);
                return reply;
            }
        };
        if let Some(scope) = path
            .strip_prefix("ask/")
            .and_then(|name| visit.door.site.scope(name))
        {
            if let Some(capture) = visit.door.site.login_for(&scope.name) {
                // Whoever has no password must not make phones ring.
                return if posted {
                    self.refuse(visit, Refusal::NotFound)
                } else {
                    super::see_other(&capture.page)
                };
            }
            return if posted {
                self.name_oneself(visit, scope, body).await
            } else {
                self.ask_page(visit, scope)
            };
        }
        if path == "ask" {
            let first = visit.door.site.first_scope();
            return super::see_other(&ask_path(first.name.as_str()));
        }
        if let Some(rest) = path.strip_prefix("receipts/") {
            return self.receive(visit, rest, body).await;
        }
        if let Some(token) = path.strip_prefix("voice/") {
            return self.say(visit, token, body).await;
        }
        let polled = path
            .strip_prefix("c/")
            .and_then(|rest| parse_id(rest.strip_suffix("/state")?));
        if let Some(id) = polled.filter(|_| !posted) {
            return self.state(visit, &id).await;
        }
        if let Some(id) = path.strip_prefix("c/").and_then(parse_id) {
            return if posted {
                self.act(visit, &id, body).await
            } else {
                self.code_page(visit, &id).await
            };
        }
        if path == "sign-out" {
            return if posted {
                self.sign_out(visit, body).await
            } else {
                self.sign_out_page(visit)
            };
        }
        self.refuse(visit, Refusal::NotFound)
    }
}
