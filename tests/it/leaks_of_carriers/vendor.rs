//! Every vendor at once, at the socket: it takes what an adapter sends, or answers with all that it should keep to itself.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::bare::Bare;
use crate::support::wire::{read_body, read_head};

use super::{ANN, DRAWN, secret};

/// How it is today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It takes everything.
    Takes,
    /// It takes everything, and calls it by the number and the code.
    Names,
    /// This status, with what it was told in every place that somebody might read.
    Repeats(u16, Echo),
    /// No HTTP, but all that it was told.
    Garbage,
    /// Half an answer.
    Half,
    /// Nothing, and the connection stays.
    Silent,
    /// Nothing, and the connection ends.
    HangsUp,
}

/// What it repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    Number,
    Code,
    Credentials,
    Everything,
}

/// The vendor.
pub struct Vendor {
    bare: Bare,
    mood: Arc<Mutex<Mood>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Vendor {
    pub fn new() -> Self {
        let mood = Arc::new(Mutex::new(Mood::Takes));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let own = (Arc::clone(&mood), Arc::clone(&seen));
        let bare = Bare::new(move |_, stream| serve(stream, &own.0, &own.1));
        Self { bare, mood, seen }
    }

    /// `http://address`.
    pub fn url(&self) -> String {
        self.bare.url()
    }

    /// From now on it is like this.
    pub fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The last request that had this in it, decoded; panics if there is none.
    pub fn last_with(&self, text: &str) -> String {
        let seen = self.seen.lock().unwrap();
        let found = seen.iter().rev().find(|request| request.contains(text));
        found
            .unwrap_or_else(|| panic!("no {text:?} in {seen:#?}"))
            .clone()
    }

    /// Every code that ever came to it.
    pub fn codes(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter_map(|request| code_in(request)).collect()
    }
}

fn serve(mut stream: BufReader<TcpStream>, mood: &Mutex<Mood>, seen: &Mutex<Vec<String>>) {
    while let Some(head) = read_head(&mut stream) {
        let body = read_body(&head, &mut stream, false);
        let request = decoded(&[head.raw.as_bytes(), &body].concat());
        seen.lock().unwrap().push(request.clone());
        let mood = *mood.lock().unwrap();
        let told = Told {
            request: &request,
            credentials: head.field("authorization").unwrap_or_default(),
        };
        let answer = match mood {
            _ if head.first.contains("/token") && !matches!(mood, Mood::Repeats(401, _)) => {
                let token = json!({"access_token": secret("bearer"), "expires_in": 3600});
                whole("200 OK", &token)
            }
            Mood::Takes | Mood::Names => whole("200 OK", &taken(&head.first, mood, &told)),
            Mood::Repeats(status, echo) => told.repeated(status, echo),
            Mood::Garbage => format!("{}\r\n\r\n{request}", told.of(Echo::Everything)),
            Mood::Half => format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{{\"id\":\"{}",
                told.of(Echo::Everything)
            ),
            Mood::HangsUp => return,
            Mood::Silent => {
                // Until whoever waits for it gives up.
                drop(read_head(&mut stream));
                return;
            }
        };
        drop(stream.get_mut().write_all(answer.as_bytes()));
        if matches!(mood, Mood::Garbage | Mood::Half) {
            return;
        }
    }
}

/// What one request told it.
struct Told<'a> {
    request: &'a str,
    credentials: &'a str,
}

impl Told<'_> {
    fn of(&self, echo: Echo) -> String {
        let number = format!("+1{ANN}");
        let code = code_in(self.request).unwrap_or_else(|| DRAWN.to_owned());
        match echo {
            Echo::Number => number,
            Echo::Code => code,
            Echo::Credentials => self.credentials.replace("Basic ", ""),
            Echo::Everything => format!("{code} {number} {}", self.credentials),
        }
    }

    /// In the reason, in fields, and in every member of every vendor's errors, as text and as a number.
    fn repeated(&self, status: u16, echo: Echo) -> String {
        let text = self.of(echo);
        let number: Value = text
            .trim_start_matches('+')
            .parse::<u64>()
            .map_or(json!(text), |n| json!(n));
        // An answer that has our credentials in it is not read at all: where the rest of it is to be read, it has none.
        let whole_request = if echo == Echo::Everything {
            self.request
        } else {
            ""
        };
        let body = json!({
            "code": number, "message": text, "type": text, "description": text, "error": text, "refused": text,
            "error_code": number, "errorCode": number, "status": text, "sid": text, "id": text, "messageId": text,
            "callId": text, "valid": text, "requestId": text, "access_token": null, "whole": whole_request,
            "fieldErrors": [{"fieldName": text, "description": text}], "more_info": text,
        });
        let line = format!(
            "{status} {text}\r\nX-Echo: {text}\r\nLocation: /?to={text}\r\nSet-Cookie: a={text}"
        );
        whole(&line, &body)
    }
}

fn whole(status: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What every vendor's success has.
fn taken(line: &str, mood: Mood, told: &Told<'_>) -> Value {
    let name = match mood {
        Mood::Names => format!("1{ANN}-{}", told.of(Echo::Code)),
        _ => "M-17".to_owned(),
    };
    let kind = [("Calls", "CA"), ("Verifications", "VE")]
        .iter()
        .find(|(word, _)| line.contains(word))
        .map_or("SM", |(_, kind)| kind);
    let digits = match mood {
        Mood::Names => format!("1{ANN}"),
        _ => String::new(),
    };
    json!({
        "id": name, "messageId": name, "callId": name, "sid": format!("{kind}{digits:a<32}"),
        "status": if line.contains("Verif") { "pending" } else { "queued" }, "valid": false,
    })
}

/// The code in a request, or in anything else that was decoded.
pub fn code_in(text: &str) -> Option<String> {
    let digits = |text: &str| -> Option<String> {
        let digits: String = text.chars().filter(char::is_ascii_digit).take(6).collect();
        (digits.len() == 6).then_some(digits)
    };
    if let Some((before, _)) = text.split_once(" is your") {
        return digits(&before[before.len().checked_sub(6)?..]);
    }
    let (_, spoken) = text.split_once("our code is ")?;
    // Of what is said only the words: no pauses.
    let words = spoken.split('<').map(|part| match part.split_once('>') {
        Some((_, words)) => words,
        None => part,
    });
    digits(&words.collect::<String>())
}

/// Bytes as text, with everything that was percent-encoded as it was.
pub fn decoded(bytes: &[u8]) -> String {
    let spaced: Vec<u8> = bytes.to_vec();
    let text = percent_encoding::percent_decode(&spaced).decode_utf8_lossy();
    text.replace('+', " ").replace(" 1202", "+1202")
}
