//! Prism, which plays a vendor by its published contract, and a front before it that keeps what passes.
//!
//! A test starts one [`Prism`] for a contract, puts a [`Front`] before it and lets an adapter or the vendor's own SDK
//! speak to the front. Every request that passed can be looked at, spoiled and said again; and the front can have Prism
//! give any answer that the contract documents.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::bench;

/// Longer than Prism takes to start on a machine with much else to do.
const START: Duration = Duration::from_secs(200);

/// A mock server of one contract; it ends with this value.
pub(crate) struct Prism {
    /// Where it listens, without the last slash. Paths begin at the operation's, without the prefix of the contract's
    /// servers.
    pub(crate) url: String,
    _process: Child,
    _output: JoinHandle<()>,
}

impl Prism {
    /// Starts it. `None`, with the reason printed, where the contract is not here.
    pub(crate) async fn of(contract: &str) -> Option<Self> {
        let file = bench::contract(contract)?;
        let program = bench::vendors().join("node_modules/.bin/prism");
        assert!(
            program.exists(),
            "{} is missing: run tests/vendors/install",
            program.display()
        );
        // It cannot choose a port itself, and somebody may be faster on the one that was free a moment ago.
        for _ in 0..10 {
            let port = free_port().await;
            let mut process = Command::new("node")
                .arg(&program)
                .args(["mock", "-h", "127.0.0.1", "-p", &port.to_string()])
                .args(["--errors=false", "--multiprocess=false"])
                .arg(&file)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .expect("node is installed");
            let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
            let listens = timeout(START, async {
                while let Ok(Some(line)) = lines.next_line().await {
                    if line.contains("Prism is listening on") {
                        return true;
                    }
                }
                false
            });
            if listens.await.expect("Prism starts in time") {
                return Some(Self {
                    url: format!("http://127.0.0.1:{port}"),
                    _process: process,
                    // It writes a line about every request, and would wait for a reader.
                    _output: tokio::spawn(async move {
                        while let Ok(Some(_)) = lines.next_line().await {}
                    }),
                });
            }
        }
        panic!("Prism does not start with {}", file.display());
    }
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap().port()
}

/// A server on loopback that keeps every request, and has it answered by Prism or answers itself.
pub(crate) struct Front {
    /// Where it listens, without the last slash.
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    behind: Arc<Mutex<Behind>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
enum Behind {
    /// The address of a Prism, and the status that it is asked for.
    Prism(String, Option<u16>),
    /// Bytes, and then the end of the connection.
    Answer(String),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Such as `POST`.
    pub(crate) method: String,
    /// Such as `/users/1/messages`, with its query.
    pub(crate) target: String,
    /// Names in lower case, in the order in which they came.
    pub(crate) headers: Vec<(String, String)>,
    /// As it came.
    pub(crate) body: String,
}

impl Front {
    /// Before that Prism.
    pub(crate) async fn before(prism: &Prism) -> Self {
        Self::start(Behind::Prism(prism.url.clone(), None)).await
    }

    /// Alone: every request gets this status and this body of JSON.
    pub(crate) async fn answering(status: u16, json: &str) -> Self {
        Self::start(Behind::Answer(json_answer(status, json))).await
    }

    /// From now on Prism is asked for the answer that its contract has for this status (its header `Prefer: code=…`).
    pub(crate) fn forces(&self, status: Option<u16>) {
        let mut behind = self.behind.lock().unwrap();
        if let Behind::Prism(_, forced) = &mut *behind {
            *forced = status;
        }
    }

    /// Every request that came, the first first.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The last request that came.
    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("a request")
    }

    async fn start(behind: Behind) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, behind) = (Arc::default(), Arc::new(Mutex::new(behind)));
        let (log, way) = (Arc::clone(&seen), Arc::clone(&behind));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(pass(stream, Arc::clone(&log), Arc::clone(&way)));
            }
        });
        Self {
            url,
            seen,
            behind,
            task,
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    /// The value of a header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body, which is JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// The same request with another body.
    pub(crate) fn with_body(&self, body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            ..self.clone()
        }
    }

    /// The same request with its JSON spoiled.
    pub(crate) fn spoiled(&self, spoil: impl FnOnce(&mut serde_json::Value)) -> Self {
        let mut json = self.json();
        spoil(&mut json);
        self.with_body(json.to_string())
    }

    /// The same request without a header.
    pub(crate) fn without(&self, header: &str) -> Self {
        let mut without = self.clone();
        without.headers.retain(|(name, _)| name != header);
        without
    }

    /// Says it again, to whoever listens at `url`: the status and the body of the answer.
    pub(crate) async fn said_to(&self, url: &str) -> (u16, String) {
        let answer = exchange(url, self, None).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.get(9..12).and_then(|status| status.parse().ok());
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        (
            status.expect("an answer with a status line"),
            body.to_owned(),
        )
    }
}

/// One request and its answer: each connection has one.
async fn pass(mut stream: TcpStream, log: Arc<Mutex<Vec<Seen>>>, behind: Arc<Mutex<Behind>>) {
    let Some(seen) = read(&mut stream).await else {
        return;
    };
    log.lock().unwrap().push(seen.clone());
    let behind = behind.lock().unwrap().clone();
    let answer = match behind {
        Behind::Answer(answer) => answer.into_bytes(),
        Behind::Prism(url, forced) => exchange(&url, &seen, forced)
            .await
            .unwrap_or_else(|error| json_answer(599, &format!("\"{error}\"")).into_bytes()),
    };
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
    // Reading on keeps the close from becoming a reset, which would take the answer with it.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if let Some(seen) = whole(&bytes) {
            return Some(seen);
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

/// The request, once all of it has come.
fn whole(bytes: &[u8]) -> Option<Seen> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).expect("a head in ASCII");
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    let seen = Seen {
        method: first.next()?.to_owned(),
        target: first.next()?.to_owned(),
        headers: headers.collect(),
        body: String::from_utf8(bytes[end..].to_vec()).unwrap_or_default(),
    };
    let length: usize = seen
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    (bytes.len() - end >= length).then_some(seen)
}

async fn exchange(url: &str, seen: &Seen, forced: Option<u16>) -> std::io::Result<Vec<u8>> {
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    let mut head = format!("{} {} HTTP/1.1\r\n", seen.method, seen.target);
    let replaced = ["host", "connection", "content-length", "prefer"];
    let kept = seen.headers.iter();
    for (name, value) in kept.filter(|(name, _)| !replaced.contains(&name.as_str())) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!(
        "host: {authority}\r\nconnection: close\r\ncontent-length: {}\r\n",
        seen.body.len()
    ));
    if let Some(status) = forced {
        head.push_str(&format!("prefer: code={status}\r\n"));
    }
    let mut stream = TcpStream::connect(authority).await?;
    stream
        .write_all(format!("{head}\r\n{}", seen.body).as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn json_answer(status: u16, json: &str) -> String {
    format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{json}",
        json.len()
    )
}

#[tokio::test]
async fn a_contract_is_kept_and_its_answers_can_be_forced() {
    let Some(prism) = Prism::of("bandwidth-mfa.yml").await else {
        return;
    };
    let front = Front::before(&prism).await;
    let request = Seen {
        method: "POST".to_owned(),
        target: "/accounts/9900000/code/verify".to_owned(),
        headers: [
            ("authorization", "Basic dTpw"),
            ("content-type", "application/json"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        body: r#"{"to":"+19195551234","expirationTimeInMinutes":3,"code":"123456"}"#.to_owned(),
    };
    let (status, body) = request.said_to(&front.url).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("\"valid\""), "{body}");
    assert_eq!(front.last().json()["code"], "123456");
    let spoiled = request.spoiled(|json| json["to"] = "19195551234".into());
    assert_eq!(spoiled.said_to(&front.url).await.0, 400);
    let stranger = request.without("authorization");
    assert_eq!(stranger.said_to(&front.url).await.0, 401);
    front.forces(Some(429));
    assert_eq!(request.said_to(&front.url).await.0, 429);
    assert_eq!(front.seen().len(), 4);

    let alone = Front::answering(202, "{}").await;
    assert_eq!(request.said_to(&alone.url).await, (202, "{}".to_owned()));
}
