//! A mail server as far as a carrier can tell. It takes every mail, except for people whom it does not know.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::wire::PATIENCE;

/// A mail server on loopback, in clear text; it stops when the process does.
pub struct Post {
    address: SocketAddr,
    mails: Arc<(Mutex<Vec<Mail>>, Condvar)>,
}

/// A mail that came whole.
#[derive(Clone, Debug)]
pub struct Mail {
    /// To whom, by the envelope.
    pub to: String,
    /// Head and text.
    pub text: String,
}

impl Post {
    /// Starts one. Nobody whose name begins with `lost` is known there.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let post = Self {
            address: listener.local_addr().unwrap(),
            mails: Arc::default(),
        };
        let mails = Arc::clone(&post.mails);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mails = Arc::clone(&mails);
                thread::spawn(move || serve(&stream.unwrap(), &mails));
            }
        });
        post
    }

    /// A carrier named `post` that hands its mail in here, and who carries what.
    pub fn tables(&self) -> String {
        format!(
            "[carriers.post.email]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"codes@example.com\"\n\
             [delivery]\nsms = [\"paper\"]\nvoice = [\"paper\"]\nemail = [\"post\"]\n",
            self.address.port()
        )
    }

    /// All mails so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.0.lock().unwrap().clone()
    }

    /// Mail number `n`, from 1; waits for it.
    pub fn mail(&self, n: usize) -> Mail {
        let (mails, came) = &*self.mails;
        let (mails, _) = came
            .wait_timeout_while(mails.lock().unwrap(), PATIENCE, |mails| mails.len() < n)
            .unwrap();
        mails.get(n - 1).expect("it comes").clone()
    }
}

impl Mail {
    /// The six digits in its text.
    pub fn code(&self) -> String {
        let (_, body) = self.text.split_once("\r\n\r\n").unwrap();
        let digits: String = body.chars().filter(char::is_ascii_digit).collect();
        digits[..6].to_owned()
    }
}

fn serve(stream: &TcpStream, mails: &(Mutex<Vec<Mail>>, Condvar)) {
    let say = |answer: &str| write!(&mut &*stream, "{answer}\r\n").is_ok();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut to = String::new();
    let mut going = say("220 post");
    while let Some(line) = lines.next().filter(|_| going) {
        going = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => say("250 post"),
            "RCPT" if line.contains("<lost") => say("550 5.1.1 nobody"),
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                say("250 fine")
            }
            "DATA" => {
                say("354 go on");
                let text: String = lines
                    .by_ref()
                    .take_while(|line| line != ".")
                    .map(|line| line + "\r\n")
                    .collect();
                let to = to.clone();
                mails.0.lock().unwrap().push(Mail { to, text });
                mails.1.notify_all();
                say("250 taken")
            }
            "QUIT" => !say("221 bye"),
            _ => say("250 fine"),
        };
    }
}
