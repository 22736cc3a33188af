//! A mail server that repeats what it is told, at whatever step it is asked to.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// At which step it misbehaves, and how: a reply code, `silent`, `garbage` or `gone`. No step: never.
pub type Manner = (&'static str, &'static str);

pub const MANNERS: [Manner; 16] = [
    ("", ""),
    ("HELLO", "554"),
    ("HELLO", "garbage"),
    ("HELLO", "silent"),
    ("EHLO", "500"),
    ("AUTH", "535"),
    ("AUTH", "454"),
    ("MAIL", "550"),
    ("RCPT", "550"),
    ("RCPT", "garbage"),
    ("RCPT", "451"),
    ("DATA", "554"),
    ("DATA", "gone"),
    (".", "552"),
    (".", "garbage"),
    (".", "silent"),
];

/// The server; it stops when the process does.
pub struct Server {
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    mails: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            manner: Arc::default(),
            mails: Arc::default(),
        };
        let (manner, mails) = (Arc::clone(&server.manner), Arc::clone(&server.mails));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (manner, mails) = (*manner.lock().unwrap(), Arc::clone(&mails));
                thread::spawn(move || serve(&stream.unwrap(), manner, &mails));
            }
        });
        server
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on it is like this.
    pub fn is(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// All mails that came whole.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, (step, how): Manner, mails: &Mutex<Vec<String>>) {
    let mut told = String::new();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut word = "HELLO".to_owned();
    loop {
        let usual = match word.as_str() {
            "HELLO" => "220 here".to_owned(),
            "EHLO" => "250-here\r\n250 AUTH PLAIN LOGIN".to_owned(),
            "AUTH" => "235 known".to_owned(),
            "DATA" => "354 go on".to_owned(),
            "QUIT" => "221 bye".to_owned(),
            _ => "250 fine".to_owned(),
        };
        let flat = told.replace(['\r', '\n'], " ");
        let answer = match how {
            _ if word != step => usual,
            "gone" => return,
            // Whoever waits for it gives up, and then there is no line.
            "silent" => {
                drop(lines.next());
                return;
            }
            "garbage" => flat,
            code => format!("{code}-5.1.1 {flat}\r\n{code} 5.1.1 {flat}"),
        };
        if write!(&mut &*stream, "{answer}\r\n").is_err() || word == "QUIT" {
            return;
        }
        if word == "DATA" && answer.starts_with("354") {
            let text = lines.by_ref().take_while(|line| line != ".");
            let text: Vec<String> = text.collect();
            told.push_str(&text.join("\n"));
            mails.lock().unwrap().push(text.join("\n"));
            word = ".".to_owned();
            continue;
        }
        let Some(line) = lines.next() else { return };
        told.push_str(&format!("{line}\n"));
        if let Some(proof) = line.strip_prefix("AUTH PLAIN ") {
            let proof = STANDARD.decode(proof).unwrap_or_default();
            told.push_str(&String::from_utf8_lossy(&proof).replace('\0', " "));
        }
        let end = line.find([' ', ':']).unwrap_or(line.len());
        word = line[..end].to_owned();
    }
}
