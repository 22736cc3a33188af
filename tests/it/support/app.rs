//! An application at the socket: it records every byte it gets, and fails the test on anything that a strict reader
//! of RFC 9112 would call ambiguous.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use socket2::{Domain, Socket, Type};

use super::wire::{Head, PATIENCE, connect, read_answer, read_body, read_head};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its head.
    pub head: Head,
    /// Its body, out of its framing.
    pub body: Vec<u8>,
    /// Which connection it came over, from 1.
    pub connection: usize,
}

/// The application. Dropping it does not end what is under way; the process does.
#[derive(Clone)]
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Recorded>>>,
    faults: Arc<Mutex<Vec<String>>>,
    open: Arc<(Mutex<usize>, Condvar)>,
}

/// A connection that is open, as its application counts them.
struct Open(Arc<(Mutex<usize>, Condvar)>);

/// What the application does with a request: writes an answer, and says whether the connection goes on.
pub type Script = dyn Fn(&Recorded, &mut BufReader<TcpStream>) -> bool + Send + Sync;

impl App {
    /// Answers everything with 200 and a page that says which request it was.
    pub fn new() -> Self {
        Self::scripted(says_what_it_saw)
    }

    /// Answers everything with these bytes.
    pub fn answering(answer: &'static str) -> Self {
        Self::scripted(move |_, stream| {
            stream.get_mut().write_all(answer.as_bytes()).is_ok()
                && !answer.contains("Connection: close")
        })
    }

    /// Does what `script` does.
    pub fn scripted(
        script: impl Fn(&Recorded, &mut BufReader<TcpStream>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    fn on(
        listener: TcpListener,
        script: impl Fn(&Recorded, &mut BufReader<TcpStream>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let app = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            faults: Arc::default(),
            open: Arc::default(),
        };
        let (own, script) = (app.clone(), Arc::new(script));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (own, script, Ok(stream)) = (own.clone(), Arc::clone(&script), stream) else {
                    return;
                };
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                let open = Open::new(&own.open);
                thread::spawn(move || {
                    let _open = open;
                    own.serve(number + 1, BufReader::new(stream), &*script);
                });
            }
        });
        app
    }

    /// `http://address`, for the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What arrived so far, once it is known to be sound.
    pub fn seen(&self) -> Vec<Recorded> {
        let faults = self.faults.lock().unwrap();
        assert!(
            faults.is_empty(),
            "ambiguous requests reached the application: {faults:#?}"
        );
        self.seen.lock().unwrap().clone()
    }

    /// The request lines that arrived so far.
    pub fn lines(&self) -> Vec<String> {
        self.seen()
            .into_iter()
            .map(|request| request.head.first)
            .collect()
    }

    /// The last request.
    pub fn last(&self) -> Recorded {
        self.seen().pop().expect("a request has arrived")
    }

    /// Forgets what arrived so far.
    pub fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }

    /// Waits until every connection that was begun before this call has ended: whatever a process sent that has ended
    /// itself has been read and answered then.
    pub fn quiet(&self) {
        // Connections are taken in one after another, and those before this one have been when it is.
        let mut last = connect(self.address);
        last.get_mut()
            .write_all(b"GET /quiet HTTP/1.1\r\nHost: app\r\n\r\n")
            .unwrap();
        read_answer(&mut last, false).expect("an answer");
        drop(last);
        let (open, fewer) = &*self.open;
        let (_open, late) = fewer
            .wait_timeout_while(open.lock().unwrap(), PATIENCE, |open| *open > 0)
            .unwrap();
        assert!(!late.timed_out(), "a connection stays open");
    }

    fn serve(&self, connection: usize, mut stream: BufReader<TcpStream>, script: &Script) {
        while let Some(head) = read_head(&mut stream) {
            if let Err(fault) = strict(&head) {
                self.faults
                    .lock()
                    .unwrap()
                    .push(format!("{fault}:\n{}", head.raw));
            }
            let body = read_body(&head, &mut stream, false);
            let request = Recorded {
                head,
                body,
                connection,
            };
            self.seen.lock().unwrap().push(request.clone());
            if !script(&request, &mut stream) {
                return;
            }
        }
    }
}

impl Open {
    fn new(count: &Arc<(Mutex<usize>, Condvar)>) -> Self {
        *count.0.lock().unwrap() += 1;
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap() -= 1;
        self.0.1.notify_all();
    }
}

/// An application that does not run yet: its address refuses connections.
pub struct Asleep(Socket);

impl Asleep {
    /// One with an address of its own.
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).unwrap();
        Self(socket)
    }

    /// `http://address`, for the configuration.
    pub fn url(&self) -> String {
        let address = self.0.local_addr().unwrap().as_socket().unwrap();
        format!("http://{address}")
    }

    /// It runs now, as [`App::new`] does.
    pub fn wake(self) -> App {
        self.0.listen(128).unwrap();
        App::on(self.0.into(), says_what_it_saw)
    }
}

fn says_what_it_saw(request: &Recorded, stream: &mut BufReader<TcpStream>) -> bool {
    let body = format!("app saw {}", request.head.first);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let body = if request.head.first.starts_with("HEAD ") {
        String::new()
    } else {
        body
    };
    stream
        .get_mut()
        .write_all((head + &body).as_bytes())
        .is_ok()
}

/// What RFC 9112 says a request is, read without mercy.
fn strict(head: &Head) -> Result<(), String> {
    let words: Vec<&str> = head.first.split(' ').collect();
    let [method, target, version] = words[..] else {
        return Err("the request line has not three words".to_owned());
    };
    let token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    if !token(method) || matches!(method, "CONNECT" | "TRACE") {
        return Err("a method that must not come here".to_owned());
    }
    if !(target.starts_with('/') || target == "*")
        || !target.bytes().all(|b| (0x21..=0x7e).contains(&b))
    {
        return Err("a target that is no path".to_owned());
    }
    if version != "HTTP/1.1" {
        return Err("another version".to_owned());
    }
    for (name, value) in &head.fields {
        if !token(name) {
            return Err(format!("a field name {name:?}"));
        }
        if value.bytes().any(|b| b == 0 || b == b'\r' || b == b'\n') {
            return Err(format!("a control character in {name}"));
        }
        let folded = name.replace('_', "-");
        if *name != folded && matches!(&*folded, "content-length" | "transfer-encoding" | "host") {
            return Err(format!("a look-alike {name}"));
        }
        let gone = [
            "keep-alive",
            "proxy-connection",
            "proxy-authorization",
            "te",
            "trailer",
            "http2-settings",
            "expect",
            "proxy",
        ];
        if gone.contains(&&**name) {
            return Err(format!("a field that ends at a hop: {name}"));
        }
        if value.contains("countersign-") && name == "cookie" {
            return Err("a cookie of the gateway".to_owned());
        }
    }
    if head.all("host").len() != 1 || head.all("host")[0].is_empty() {
        return Err("not exactly one Host".to_owned());
    }
    let (lengths, codings) = (head.all("content-length"), head.all("transfer-encoding"));
    match (&*lengths, &*codings) {
        ([], [] | ["chunked"]) => Ok(()),
        ([length], []) if length.bytes().all(|b| b.is_ascii_digit()) && !length.is_empty() => {
            Ok(())
        }
        _ => Err("framing that can be read in two ways".to_owned()),
    }
}
