//! What comes from vendors: receipts, and requests for the words of a call. And what a page learns of it.
//!
//! Vendors are machines: they bring no cookies and no Origin, and get a status and no page. What proves them is the
//! secret in the address, then whatever their carrier checks (C9).

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::{Flow, Reply, Visit, audience, empty};
use crate::carrier::delivery::Sent;
use crate::carrier::{self, Message, NotTaken, Receipt, Report};
use crate::challenge::Id;
use crate::challenge::fate::{Fate, Heard};
use crate::event::What;
use crate::event::dispatch::Told;
use crate::message::{Channel, Text};
use crate::moment::Moment;
use crate::name::Name;
use crate::page::{Outcome, Refusal};
use crate::store::View;
use crate::store::receipts::{Carried, Word};
use crate::upstream::body::Upload;

/// The most bytes that a vendor may post (C9).
const MOST: usize = 64 * 1024;

/// The most receipts that are taken of one post: as many as a vendor's largest batches hold.
const BATCH: usize = 100;

impl Flow {
    /// A carrier took a message: from now on it may tell of it. `challenge` says which one and when it asked, if a page
    /// waits for it.
    pub fn taken(&self, message: &Message, sent: &Sent, challenge: Option<(Id, Moment)>) {
        let carried = Carried {
            carrier: &sent.carrier,
            theirs: &sent.id,
            ours: &message.id,
            channel: message.channel,
            challenge,
        };
        for word in self.store.carried(&carried, self.clock.now()) {
            self.pass_on(&sent.carrier, &sent.id, message.channel, &word);
        }
    }

    /// Takes in what a vendor posts; `address` is what stands behind `receipts/`: a carrier's name and its secret.
    ///
    /// A message that nobody knows gets the same answer as one that somebody does (C9).
    pub(super) async fn receive(&self, visit: &Visit<'_>, address: &str, body: Upload) -> Reply {
        let Some((carrier, secret)) = address.split_once('/') else {
            return self.refuse(visit, Refusal::NotFound);
        };
        if !self.ring.is_receipt_secret(carrier, secret) {
            return self.refuse(visit, Refusal::NotFound);
        }
        if *visit.asked.method() == Method::HEAD {
            return empty(StatusCode::NO_CONTENT);
        }
        let body = match read(body).await {
            Ok(body) => body,
            Err(status) => return empty(status),
        };
        let told = self.dispatcher.receipts(
            carrier,
            &report(visit, &body, &url(visit), self.clock.outside(visit.now)),
        );
        let status = match &told {
            Ok((carrier, receipts)) => {
                self.hear(carrier, receipts, visit.now);
                StatusCode::NO_CONTENT
            }
            Err(NotTaken::None) => StatusCode::NOT_FOUND,
            Err(NotTaken::Forged) => StatusCode::FORBIDDEN,
            Err(NotTaken::Unreadable) => StatusCode::BAD_REQUEST,
        };
        if let Err(why) = &told {
            self.record(visit, What::ReceiptRefused { carrier, why });
        }
        empty(status)
    }

    fn hear(&self, carrier: &Name, receipts: &[Receipt], now: Moment) {
        for receipt in receipts.iter().take(BATCH) {
            let word = word(&receipt.fate);
            if let Some(channel) = self.store.told(carrier, &receipt.id, &word, now) {
                self.pass_on(carrier, &receipt.id, channel, &word);
            }
        }
    }

    fn pass_on(&self, carrier: &Name, id: &str, channel: Channel, word: &Word) {
        self.dispatcher.witness().heard(&Told {
            carrier,
            id,
            channel,
            state: word.state,
            code: word.code.as_deref(),
        });
    }

    /// Gives a vendor that has somebody on the line the words of the call, once.
    pub(super) async fn say(&self, visit: &Visit<'_>, token: &str, body: Upload) -> Reply {
        // A HEAD would use the token up and say nothing.
        if *visit.asked.method() == Method::HEAD {
            return self.refuse(visit, Refusal::NotFound);
        }
        let body = match read(body).await {
            Ok(body) => body,
            Err(status) => return empty(status),
        };
        match self.dispatcher.speak(
            token,
            &report(visit, &body, &url(visit), self.clock.outside(visit.now)),
        ) {
            Some(words) => spoken(words),
            None => self.refuse(visit, Refusal::NotFound),
        }
    }

    /// What became of a challenge's newest message, for the script of its page. It costs nothing and changes nothing.
    pub(super) async fn state(&self, visit: &Visit<'_>, id: &Id) -> Reply {
        if audience::prefetches(visit.asked.fields()) {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        let view = self
            .known_browser(visit)
            .and_then(|(_, browser)| self.asked_of(visit, id, &browser))
            .filter(|view| view.reward.is_none());
        let Some(view) = view else {
            return empty(StatusCode::GONE);
        };
        let recipient = self.shown_recipient(visit, &view).await.ok().flatten();
        let (channels, _) = self.ways(&view, recipient.as_ref());
        let outcome = outcome(&view, &channels, visit.now);
        let mut reply =
            empty(StatusCode::OK).map(|_| Bytes::from(self.pages.outcome(outcome.as_ref())));
        let fields = reply.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, "application/json"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
        reply
    }
}

/// What is known of the newest message of a challenge. Nothing of a stranger's: that there is a number would show (C7).
fn outcome(view: &View, channels: &[Channel], now: Moment) -> Option<Outcome> {
    let send = view.last_send.filter(|_| view.question.entry.proven())?;
    let lost = view.trouble.map(|_| Heard {
        fate: Fate::Failed,
        at: now,
    });
    Some(Outcome {
        heard: lost.or(send.heard)?,
        channel: send.channel,
        other_channel: channels
            .iter()
            .copied()
            .find(|other| *other != send.channel),
    })
}

fn word(fate: &carrier::Fate) -> Word {
    let (fate, state, code) = match fate {
        carrier::Fate::Sent => (Fate::Sent, "sent", None),
        carrier::Fate::Delivered => (Fate::Delivered, "delivered", None),
        carrier::Fate::Failed { class, code } => (Fate::Failed, *class, code.clone()),
    };
    Word { fate, state, code }
}

async fn read(body: Upload) -> Result<Bytes, StatusCode> {
    let read = Limited::new(body, MOST).collect().await;
    let whole = read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            StatusCode::PAYLOAD_TOO_LARGE
        } else {
            StatusCode::REQUEST_TIMEOUT
        }
    })?;
    Ok(whole.to_bytes())
}

/// The public address at which a request came, as its sender wrote it.
fn url(visit: &Visit<'_>) -> String {
    let origin = visit.door.site.origin.text();
    format!("{origin}{}", visit.asked.target().raw())
}

/// What came, and when as its sender has it.
fn report<'a>(visit: &'a Visit<'_>, body: &'a Bytes, url: &'a str, now: Moment) -> Report<'a> {
    Report {
        headers: visit.asked.fields(),
        body,
        url,
        now,
    }
}

/// The words of a call, wiped once they are sent (C8).
fn spoken(words: Text) -> Reply {
    struct Words(Text);

    impl AsRef<[u8]> for Words {
        fn as_ref(&self) -> &[u8] {
            self.0.as_str().as_bytes()
        }
    }

    let mut reply = empty(StatusCode::OK).map(|_| Bytes::from_owner(Words(words)));
    reply.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/xml"),
    );
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Template;
    use crate::message::draft::Draft;

    #[test]
    fn c8_the_words_of_a_call_are_xml_that_no_cache_keeps() {
        let draft = Draft {
            template: Template::default(),
            name: "Example".to_owned(),
            scope: "Sign in".to_owned(),
            minutes: 5,
            host: None,
            digits: 6,
        };
        let words = draft.script("049271", None).plain();
        let reply = spoken(words.clone());
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/xml");
        assert_eq!(reply.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(reply.headers().len(), 2);
        assert_eq!(reply.body(), words.as_str().as_bytes());
    }

    #[test]
    fn each_fate_has_its_word() {
        let failed = carrier::Fate::Failed {
            class: "landline",
            code: Some("30006".to_owned()),
        };
        for (told, fate, state, code) in [
            (carrier::Fate::Sent, Fate::Sent, "sent", None),
            (carrier::Fate::Delivered, Fate::Delivered, "delivered", None),
            (failed, Fate::Failed, "landline", Some("30006")),
        ] {
            let word = word(&told);
            assert_eq!(
                (word.fate, word.state, word.code.as_deref()),
                (fate, state, code)
            );
        }
    }
}
