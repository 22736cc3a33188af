//! The room as a whole: over loopback sockets, and, where a deadline is involved, over a pipe in paused time.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;

use http::StatusCode;
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};
use tokio_rustls::TlsConnector;

use super::bind::Bound;
use super::worker::{Lost, Workers};
use super::*;

mod announced;
mod floods;

/// A service that does what the path says.
#[derive(Clone, Default)]
struct Paths {
    worker: usize,
    entered: Rc<Notify>,
    go_on: Rc<Notify>,
}

impl Service for Paths {
    type Body = Full<Bytes>;

    async fn call(
        &self,
        request: Request<Incoming>,
        connection: &Rc<Connection>,
    ) -> Response<Self::Body> {
        let text = match request.uri().path() {
            "/" => "hello".to_owned(),
            "/who" => format!(
                "{:?} tls={} h2={}",
                connection.server_name, connection.tls, connection.version2
            ),
            "/from" => format!(
                "{} untold={} tls={}",
                connection.peer, connection.untold, connection.tls
            ),
            "/worker" => self.worker.to_string(),
            "/big" => "x".repeat(1 << 20),
            "/panic" => panic!("as asked"),
            "/wait" => {
                self.entered.notify_one();
                self.go_on.notified().await;
                "at last".to_owned()
            }
            "/tunnel" => {
                spawn_local(async move {
                    let mut tunnel = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
                    let mut byte = [0];
                    while tunnel.read_exact(&mut byte).await.is_ok() {
                        tunnel.write_all(&byte).await.unwrap();
                    }
                });
                return Response::builder()
                    .status(StatusCode::SWITCHING_PROTOCOLS)
                    .header("connection", "upgrade")
                    .header("upgrade", "websocket")
                    .body(Full::default())
                    .unwrap();
            }
            path => panic!("no such path: {path}"),
        };
        let mut response = Response::new(Full::new(text.into()));
        response
            .headers_mut()
            .insert("x-powered-by", "PHP/3".parse().unwrap());
        response
    }
}

/// A server on a port of its own.
struct Running {
    address: SocketAddr,
    service: Paths,
    shutdown: CancellationToken,
    tally: Arc<Tally>,
    done: JoinHandle<io::Result<()>>,
}

fn run(tls: Option<Arc<Terms>>, limits: Limits) -> Running {
    run_as(Settings::default(), tls, limits)
}

/// With further settings.
fn run_as(settings: Settings, tls: Option<Arc<Terms>>, limits: Limits) -> Running {
    let any = vec!["127.0.0.1:0".parse().unwrap()];
    let settings = if tls.is_some() {
        Settings {
            https: any,
            ..settings
        }
    } else {
        Settings {
            http: any,
            ..settings
        }
    };
    let bound = Bound::bind(&settings, NonZeroUsize::MIN).unwrap();
    let address = bound.addresses()[0].socket;
    let listeners = bound.into_workers().remove(0);
    let (service, shutdown, tally) = (
        Paths::default(),
        CancellationToken::new(),
        Arc::<Tally>::default(),
    );
    let serving = serve(
        listeners,
        service.clone(),
        tls,
        shutdown.clone(),
        limits,
        Arc::clone(&tally),
    );
    let done = spawn_local(serving);
    Running {
        address,
        service,
        shutdown,
        tally,
        done,
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// One connection over a pipe, with the sweep that `serve` would do.
struct Piped {
    peer: DuplexStream,
    service: Paths,
    tally: Arc<Tally>,
    roll: Roll,
    done: JoinHandle<()>,
}

fn pipe(version2: bool) -> Piped {
    let (io, peer) = duplex(64 * 1024);
    let (service, tally) = (Paths::default(), Arc::<Tally>::default());
    let roll = Roll::new(Limits::default(), Arc::clone(&tally));
    let shutdown = CancellationToken::new();
    let host = Host::new(
        service.clone(),
        None,
        TaskTracker::new(),
        shutdown.clone(),
        Arc::clone(&tally),
    );
    let seat = roll.admit([192, 0, 2, 1].into()).unwrap();
    let connection = Connection {
        peer: [192, 0, 2, 1].into(),
        untold: false,
        peer_text: address_text([192, 0, 2, 1].into()),
        tls: version2,
        server_name: None,
        version2,
        shutdown,
    };
    let done = spawn_local(async move {
        let host = Rc::new(host);
        if version2 {
            connection::http2(io, connection, &host, &seat.watch).await;
        } else {
            connection::http1(io, connection, &host, &seat.watch).await;
        }
        drop(seat);
    });
    let sweeping = roll.clone();
    spawn_local(async move {
        let mut sweep = interval(SWEEP);
        loop {
            sweep.tick().await;
            sweeping.sweep();
        }
    });
    Piped {
        peer,
        service,
        tally,
        roll,
        done,
    }
}

impl Piped {
    /// The connection is still there after `seconds`, and gone 2 seconds later.
    async fn ends_after(&mut self, seconds: u64) {
        let mut rest = Vec::new();
        let read = timeout(
            Duration::from_secs(seconds),
            self.peer.read_to_end(&mut rest),
        )
        .await;
        assert!(
            read.is_err(),
            "too early, with {:?}",
            String::from_utf8_lossy(&rest)
        );
        let done = timeout(Duration::from_secs(2), &mut self.done).await;
        done.expect("too late").unwrap();
    }
}

/// Reads one response with a Content-Length.
async fn response(stream: &mut (impl AsyncRead + Unpin)) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.to_ascii_lowercase();
    let length = length
        .split_once("content-length: ")
        .map_or(0, |(_, rest)| {
            rest.split_once('\r').unwrap().0.parse().unwrap()
        });
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

async fn get(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    response(stream).await.1
}

/// Everything until the other side closes; a reset is an end too.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    String::from_utf8_lossy(&rest).into_owned()
}

/// Runs what the client side of HTTP/2 spawns.
#[derive(Clone)]
struct Here;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}

type Http2 = hyper::client::conn::http2::SendRequest<Empty<Bytes>>;

async fn http2(
    io: impl AsyncRead + AsyncWrite + Unpin + 'static,
) -> (Http2, JoinHandle<hyper::Result<()>>) {
    let (client, connection) = hyper::client::conn::http2::handshake(Here, TokioIo::new(io))
        .await
        .unwrap();
    (client, spawn_local(connection))
}

async fn get2(client: &mut Http2, path: &str) -> hyper::Result<String> {
    client.ready().await?;
    let request = Request::get(format!("https://a{path}"))
        .body(Empty::new())
        .unwrap();
    let body = client
        .send_request(request)
        .await?
        .into_body()
        .collect()
        .await?;
    Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

/// Certificates for names, in files, and the configurations of both sides.
struct Certificates {
    server: Arc<Terms>,
    roots: rustls::RootCertStore,
    _files: tempfile::TempDir,
}

fn certificates(names: &[&[&str]]) -> Certificates {
    let files = tempfile::tempdir().unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let mut certificates = Vec::new();
    for (index, names) in names.iter().enumerate() {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .self_signed(&key)
            .unwrap();
        roots.add(certificate.der().clone()).unwrap();
        let chain = files.path().join(format!("{index}.pem"));
        std::fs::write(&chain, certificate.pem()).unwrap();
        let key = Secret::new(key.serialize_pem().into_bytes());
        certificates.push(Certificate {
            chain,
            key,
            key_file: None,
        });
    }
    let opened = tls::certificates::Certificates::open(&certificates, |_| unreachable!());
    Certificates {
        server: Terms::new(&opened.unwrap(), &[]).unwrap(),
        roots,
        _files: files,
    }
}

impl Certificates {
    fn client(&self, protocols: &[&str]) -> TlsConnector {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        TlsConnector::from(Arc::new(config))
    }
}

fn name(text: &str) -> ServerName<'static> {
    ServerName::try_from(text.to_owned()).unwrap()
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}

// What is spoken.

#[tokio::test(flavor = "local")]
async fn requests_follow_each_other_on_a_connection_and_may_be_sent_ahead() {
    let server = run(None, Limits::default());
    let mut stream = server.connect().await;
    assert_eq!(get(&mut stream, "/").await, "hello");
    assert_eq!(get(&mut stream, "/who").await, "None tls=false h2=false");
    let three = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3);
    stream.write_all(three.as_bytes()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(response(&mut stream).await.1, "hello");
    }
    assert_eq!(count(&server.tally.accepted), 1);
}

#[tokio::test(flavor = "local")]
async fn field_names_are_written_as_old_clients_know_them() {
    let server = run(None, Limits::default());
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let (head, _) = response(&mut stream).await;
    assert!(head.contains("\r\nX-Powered-By: PHP/3\r\n"), "{head}");
}

#[tokio::test(flavor = "local")]
async fn r6_what_is_no_request_gets_400_and_the_end() {
    let server = run(None, Limits::default());
    for bad in [
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(bad.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") || answer.is_empty(),
            "{bad:?}: {answer}"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn r7_the_rest_of_an_unread_body_is_taken_in_and_never_the_next_request() {
    let mut piped = pipe(false);
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    let body = "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n".repeat(300);
    piped.peer.write_all(head.as_bytes()).await.unwrap();
    piped.peer.write_all(body.as_bytes()).await.unwrap();
    let answer = rest(&mut piped.peer).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nhello"),
        "{answer:?}"
    );
    sleep(Duration::from_secs(1)).await;
    piped
        .peer
        .write_all(body.as_bytes())
        .await
        .expect("no reset while it is still sending");
    timeout(Duration::from_secs(4), piped.done)
        .await
        .expect("but not for ever")
        .unwrap();
    assert_eq!(count(&piped.tally.panics), 0);
}

#[tokio::test(flavor = "local")]
async fn a1_a_head_has_at_most_100_fields_and_32_kib() {
    let server = run(None, Limits::default());
    for (extra, status) in [
        ("A: b\r\n".repeat(99), "200"),
        ("A: b\r\n".repeat(100), "431"),
        (format!("A: {}\r\n", "b".repeat(32_000)), "200"),
        (format!("A: {}\r\n", "b".repeat(33_000)), "431"),
    ] {
        let mut stream = server.connect().await;
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{extra}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let (head, _) = response(&mut stream).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    }
}

#[tokio::test(flavor = "local")]
async fn the_preface_of_http2_is_refused_on_cleartext() {
    let server = run(None, Limits::default());
    let mut stream = server.connect().await;
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let answer = rest(&mut stream).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "local")]
async fn tls_speaks_what_both_sides_know() {
    let certificates = certificates(&[&["localhost"]]);
    let server = run(Some(Arc::clone(&certificates.server)), Limits::default());
    let connect = async |protocols: &[&str]| {
        let stream = server.connect().await;
        certificates
            .client(protocols)
            .connect(name("localhost"), stream)
            .await
    };

    for protocols in [&["http/1.1"] as &[&str], &[]] {
        let mut stream = connect(protocols).await.unwrap();
        assert_eq!(
            get(&mut stream, "/who").await,
            r#"Some("localhost") tls=true h2=false"#
        );
        assert_eq!(get(&mut stream, "/").await, "hello");
    }

    let stream = connect(&["http/1.1", "h2"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(tls::H2));
    let (mut client, _) = http2(stream).await;
    assert_eq!(
        get2(&mut client, "/who").await.unwrap(),
        r#"Some("localhost") tls=true h2=true"#
    );
    assert_eq!(get2(&mut client, "/big").await.unwrap().len(), 1 << 20);

    assert!(connect(&["spdy/3"]).await.is_err());
    assert_eq!(count(&server.tally.handshakes_failed), 1);
    assert_eq!(count(&server.tally.accepted), 4);
}

#[tokio::test(flavor = "local")]
async fn a_client_gets_the_certificate_for_the_name_it_asks_for() {
    let certificates = certificates(&[
        &["first.example"],
        &["b.example", "*.b.example"],
        &["c.b.example"],
    ]);
    let server = run(Some(Arc::clone(&certificates.server)), Limits::default());
    let connector = certificates.client(&[]);
    for (asked, fits) in [
        ("first.example", true),
        ("b.example", true),
        ("any.b.example", true),
        // The first that fits, in the order of the configuration.
        ("c.b.example", true),
        ("B.EXAMPLE", true),
        // Gets the first, which it does not believe.
        ("other.example", false),
        ("x.y.b.example", false),
    ] {
        let stream = server.connect().await;
        assert_eq!(
            connector.connect(name(asked), stream).await.is_ok(),
            fits,
            "{asked}"
        );
    }
}

#[tokio::test(flavor = "local")]
async fn a_session_is_resumed_by_its_ticket() {
    let certificates = certificates(&[&["localhost"]]);
    let server = run(Some(Arc::clone(&certificates.server)), Limits::default());
    let connector = certificates.client(&[]);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut stream = connector
            .connect(name("localhost"), server.connect().await)
            .await
            .unwrap();
        get(&mut stream, "/").await;
        kinds.push(stream.get_ref().1.handshake_kind());
    }
    assert_eq!(
        kinds,
        [
            Some(rustls::HandshakeKind::Full),
            Some(rustls::HandshakeKind::Resumed)
        ]
    );
}

// Deadlines (A1).

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_a_head_that_takes_longer_than_ten_seconds_ends_its_connection() {
    let mut first = pipe(false);
    first
        .peer
        .write_all(b"GET / HTTP/1.1\r\nHos")
        .await
        .unwrap();
    first.ends_after(10).await;
    assert_eq!(count(&first.tally.overdue), 1);

    let mut second = pipe(false);
    assert_eq!(get(&mut second.peer, "/").await, "hello");
    second.peer.write_all(b"G").await.unwrap();
    second.ends_after(10).await;
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_an_idle_connection_ends_after_a_minute() {
    let mut fresh = pipe(false);
    fresh.ends_after(60).await;

    let mut used = pipe(false);
    for _ in 0..3 {
        let quiet = timeout(Duration::from_secs(55), used.peer.read_u8()).await;
        assert!(quiet.is_err());
        assert_eq!(get(&mut used.peer, "/").await, "hello");
    }
    used.ends_after(60).await;
    assert_eq!(count(&used.tally.overdue), 0, "to be idle is no fault");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_the_server_looks_after_its_own_connections() {
    let server = run(None, Limits::default());
    let mut stream = server.connect().await;
    let ended = timeout(Duration::from_mins(5), rest(&mut stream)).await;
    assert_eq!(ended.expect("nobody looked"), "");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_a_reader_that_takes_nothing_for_a_minute_is_cut() {
    let mut piped = pipe(false);
    piped
        .peer
        .write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let cut = timeout(Duration::from_mins(1), &mut piped.done).await;
    assert!(cut.is_err(), "too early");
    timeout(Duration::from_secs(2), &mut piped.done)
        .await
        .expect("too late")
        .unwrap();
    assert_eq!(count(&piped.tally.overdue), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_a_slow_reader_gets_it_all() {
    let mut piped = pipe(false);
    piped
        .peer
        .write_all(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut got = 0;
    let mut buf = vec![0; 32 * 1024];
    loop {
        sleep(Duration::from_secs(50)).await;
        match piped.peer.read(&mut buf).await.unwrap() {
            0 => break,
            n => got += n,
        }
    }
    assert!(got > 1 << 20);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_sent_ahead_waits_for_the_slow_reader_of_the_one_before() {
    let mut piped = pipe(false);
    let two = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
    let (first, second) = two.as_bytes().split_at(two.len() / 2 + 10);
    piped.peer.write_all(first).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    piped.peer.write_all(second).await.unwrap();
    for _ in 0..2 {
        sleep(Duration::from_secs(50)).await;
        assert_eq!(response(&mut piped.peer).await.1.len(), 1 << 20);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_an_answer_may_take_its_time() {
    let mut piped = pipe(false);
    piped
        .peer
        .write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    piped.service.entered.notified().await;
    sleep(Duration::from_hours(1)).await;
    piped.service.go_on.notify_one();
    assert_eq!(response(&mut piped.peer).await.1, "at last");
    piped.ends_after(60).await;
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_an_idle_http2_connection_is_told_to_go_after_a_minute() {
    let piped = pipe(true);
    let (mut client, connection) = http2(piped.peer).await;
    assert_eq!(get2(&mut client, "/").await.unwrap(), "hello");
    let mut connection = connection;
    assert!(
        timeout(Duration::from_mins(1), &mut connection)
            .await
            .is_err(),
        "too early"
    );
    let ended = timeout(Duration::from_secs(2), connection)
        .await
        .expect("too late")
        .unwrap();
    assert!(ended.is_ok(), "GOAWAY, not a broken connection: {ended:?}");
    piped.done.await.unwrap();
    assert_eq!(count(&piped.tally.overdue), 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_a_long_http2_request_is_not_idle() {
    let piped = pipe(true);
    let (mut client, _) = http2(piped.peer).await;
    let answer = spawn_local(async move { get2(&mut client, "/wait").await });
    piped.service.entered.notified().await;
    sleep(Duration::from_hours(1)).await;
    piped.service.go_on.notify_one();
    assert_eq!(answer.await.unwrap().unwrap(), "at last");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_an_http2_section_that_takes_longer_than_ten_seconds_ends_its_connection() {
    let mut piped = pipe(true);
    piped.peer.write_all(PREFACE).await.unwrap();
    // HEADERS without END_HEADERS.
    piped
        .peer
        .write_all(&frame(1, 0, 1, &[0x82]))
        .await
        .unwrap();
    piped.ends_after(10).await;
    assert_eq!(count(&piped.tally.overdue), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_an_http2_peer_that_never_opens_its_window_is_cut() {
    let mut piped = pipe(true);
    // SETTINGS_INITIAL_WINDOW_SIZE = 0, then GET /big.
    piped
        .peer
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    piped
        .peer
        .write_all(&frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]))
        .await
        .unwrap();
    piped
        .peer
        .write_all(&frame(1, 5, 1, &section("/big")))
        .await
        .unwrap();
    piped.ends_after(60).await;
    assert_eq!(count(&piped.tally.overdue), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_a_tls_handshake_has_ten_seconds() {
    let certificates = certificates(&[&["localhost"]]);
    let roll = Roll::new(Limits::default(), Arc::default());
    let host = Host::new(
        Paths::default(),
        Some(Arc::clone(&certificates.server)),
        TaskTracker::new(),
        CancellationToken::new(),
        Arc::default(),
    );
    let seat = roll.admit([192, 0, 2, 1].into()).unwrap();
    let (io, _silent) = duplex(1024);
    let mut shaking = std::pin::pin!(connection::shake_hands(io, &host, &seat.watch));
    for _ in 0..10 {
        assert!(
            timeout(Duration::from_secs(1), &mut shaking).await.is_err(),
            "too early"
        );
        roll.sweep();
    }
    sleep(Duration::from_secs(1)).await;
    roll.sweep();
    assert!(
        timeout(Duration::from_secs(1), shaking)
            .await
            .expect("too late")
            .is_none()
    );
    assert_eq!(count(&host.tally.handshakes_failed), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_tunnel_may_be_quiet_for_hours_and_keeps_its_place() {
    let mut piped = pipe(false);
    let upgrade = b"GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly";
    piped.peer.write_all(upgrade).await.unwrap();
    let (head, _) = response(&mut piped.peer).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut early = [0; 5];
    piped.peer.read_exact(&mut early).await.unwrap();
    assert_eq!(&early, b"early");
    for _ in 0..3 {
        sleep(Duration::from_hours(1)).await;
        piped.peer.write_all(b"!").await.unwrap();
        assert_eq!(piped.peer.read_u8().await.unwrap(), b'!');
    }
    assert!(!piped.done.is_finished());
    assert_eq!(piped.roll.give(Order::Stay), 1, "it still counts");
    drop(piped.peer);
    piped.done.await.unwrap();
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_a_tunnel_whose_reader_takes_nothing_is_cut() {
    let mut piped = pipe(false);
    let upgrade =
        b"GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    piped.peer.write_all(upgrade).await.unwrap();
    response(&mut piped.peer).await;
    // What comes back fills the pipe, then what we send does.
    let flood = async {
        loop {
            piped.peer.write_all(&[b'x'; 1024]).await.unwrap();
        }
    };
    assert!(timeout(Duration::from_secs(55), flood).await.is_err());
    timeout(Duration::from_secs(10), piped.done)
        .await
        .expect("too late")
        .unwrap();
    assert_eq!(count(&piped.tally.overdue), 1);
}

// Floods (A2).

/// The preface and an empty SETTINGS.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `GET path` to `https://a`, in HPACK without its dynamic table (RFC 7541).
fn section(path: &str) -> Vec<u8> {
    let mut bytes = vec![0x82, 0x87, 0x04, u8::try_from(path.len()).unwrap()];
    bytes.extend(path.as_bytes());
    bytes.extend([0x01, 1, b'a']);
    bytes
}

/// Sends what `next` makes until the server has enough; how many were taken.
async fn flood(mut next: impl FnMut(u32) -> Vec<u8>) -> (u32, u64) {
    let piped = pipe(true);
    let (mut answers, mut requests) = tokio::io::split(piped.peer);
    let sink =
        spawn_local(async move { tokio::io::copy(&mut answers, &mut tokio::io::sink()).await });
    requests.write_all(PREFACE).await.unwrap();
    let mut sent = 0;
    while sent < 20_000 && requests.write_all(&next(sent)).await.is_ok() {
        sent += 1;
    }
    drop(requests);
    sink.abort();
    if sent < 20_000 {
        piped.done.await.unwrap();
    }
    (sent, count(&piped.tally.floods))
}

#[tokio::test(flavor = "local")]
async fn a2_floods_end_the_connection() {
    for (name, bytes) in [
        ("ping", frame(6, 0, 0, &[0; 8])),
        ("settings", frame(4, 0, 0, &[])),
        ("empty data", frame(0, 0, 1, &[])),
        ("priority", frame(2, 0, 3, &[0, 0, 0, 0, 1])),
        ("window updates", frame(8, 0, 0, &[0, 0, 0, 1])),
    ] {
        let (sent, floods) = flood(|n| match (name, n) {
            // Of a request that has begun.
            ("empty data", 0) => frame(1, 4, 1, &section("/wait")),
            _ => bytes.clone(),
        })
        .await;
        assert!(sent < 20_000, "{name}");
        // hyper's own bound on empty DATA is tighter than ours.
        assert!(floods == 1 || name == "empty data", "{name}");
    }
}

#[tokio::test(flavor = "local")]
async fn a2_rapid_resets_end_the_connection() {
    let mut sent_resets = 0;
    let (sent, _) = flood(|n| {
        sent_resets = n;
        let stream = 2 * n + 1;
        [
            frame(1, 5, stream, &section("/wait")),
            frame(3, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    })
    .await;
    assert!(sent < 20_000, "{sent_resets}");
}

#[tokio::test(flavor = "local")]
async fn a2_continuations_without_end_end_the_connection() {
    let (sent, _) = flood(|n| match n {
        0 => frame(1, 0, 1, &section("/")),
        _ => frame(9, 0, 1, &[]),
    })
    .await;
    assert!(sent < 20_000);
}

#[tokio::test(flavor = "local")]
async fn a2_ten_thousand_honest_requests_pass_on_one_connection() {
    let piped = pipe(true);
    let (mut client, _) = http2(piped.peer).await;
    for _ in 0..10_000 {
        assert_eq!(get2(&mut client, "/").await.unwrap(), "hello");
    }
    assert_eq!(count(&piped.tally.floods), 0);
}

#[tokio::test(flavor = "local")]
async fn a2_a_connection_has_a_hundred_streams() {
    let (io, settings) = {
        let mut piped = pipe(true);
        piped.peer.write_all(PREFACE).await.unwrap();
        let mut head = [0; 9];
        piped.peer.read_exact(&mut head).await.unwrap();
        let mut settings = vec![0; usize::from(head[2])];
        piped.peer.read_exact(&mut settings).await.unwrap();
        (head, settings)
    };
    assert_eq!(io[3], 4, "SETTINGS come first");
    let settings: Vec<_> = settings
        .chunks(6)
        .map(|pair| (pair[1], u32::from_be_bytes(pair[2..].try_into().unwrap())))
        .collect();
    assert!(settings.contains(&(3, 100)), "streams: {settings:?}");
    assert!(
        settings.contains(&(6, 16 * 1024)),
        "field section: {settings:?}"
    );
}

// Bounds, faults and the end.

#[tokio::test(flavor = "local")]
async fn a1_the_newest_connection_over_the_limit_is_closed() {
    for limits in [
        Limits {
            connections: 2,
            ..Limits::default()
        },
        Limits {
            per_source: 2,
            ..Limits::default()
        },
    ] {
        let server = run(None, limits);
        let mut first = server.connect().await;
        let mut second = server.connect().await;
        assert_eq!(get(&mut first, "/").await, "hello");
        assert_eq!(get(&mut second, "/").await, "hello");
        let mut third = server.connect().await;
        assert_eq!(rest(&mut third).await, "");
        assert_eq!(count(&server.tally.refused), 1);
        assert_eq!(
            get(&mut first, "/").await,
            "hello",
            "those who are here stay"
        );
        drop(second);
        loop {
            // The server has to notice that one left.
            let mut next = server.connect().await;
            if next
                .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .await
                .is_ok()
                && rest(&mut next).await.ends_with("hello")
            {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a7_running_out_of_files_is_counted_and_does_not_end_the_listener() {
    const EMFILE: i32 = 24;
    const ENOBUFS: i32 = 105;
    const ECONNABORTED: i32 = 103;
    let tally = Arc::<Tally>::default();
    let roll = Roll::new(Limits::default(), Arc::clone(&tally));
    let host = Rc::new(Host::new(
        Paths::default(),
        None,
        TaskTracker::new(),
        CancellationToken::new(),
        Arc::clone(&tally),
    ));
    let reached = Rc::new(Notify::new());
    let (seen, mut errors) = (
        Rc::clone(&reached),
        vec![EMFILE, ECONNABORTED, ENOBUFS, EMFILE],
    );
    let way = Way {
        proxied: false,
        tls: false,
    };
    let accepting = spawn_local(async move {
        let next = async || {
            if let Some(code) = errors.pop() {
                return Err(io::Error::from_raw_os_error(code));
            }
            seen.notify_one();
            std::future::pending().await
        };
        accept(next, way, &host, &roll).await;
    });
    let began = tokio::time::Instant::now();
    reached.notified().await;
    assert_eq!(count(&tally.accept_errors), 3);
    assert_eq!(
        began.elapsed().as_millis() / BACK_OFF.as_millis(),
        3,
        "it rests after each, and only then"
    );
    assert!(!accepting.is_finished());
}

#[tokio::test(flavor = "local")]
async fn a8_a_panic_ends_its_own_connection_only() {
    let server = run(None, Limits::default());
    let mut other = server.connect().await;
    assert_eq!(get(&mut other, "/").await, "hello");
    let mut unlucky = server.connect().await;
    unlucky
        .write_all(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(rest(&mut unlucky).await, "");
    assert_eq!(count(&server.tally.panics), 1);
    assert_eq!(get(&mut other, "/").await, "hello");
    assert_eq!(get(&mut server.connect().await, "/").await, "hello");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a8_a_panic_in_one_stream_ends_its_http2_connection() {
    let piped = pipe(true);
    let (mut client, _) = http2(piped.peer).await;
    assert_eq!(get2(&mut client, "/").await.unwrap(), "hello");
    assert!(get2(&mut client, "/panic").await.is_err());
    timeout(Duration::from_secs(1), piped.done)
        .await
        .expect("at once")
        .unwrap();
    assert_eq!(count(&piped.tally.panics), 1);
}

#[tokio::test(flavor = "local")]
async fn a_shutdown_lets_the_request_in_progress_finish_and_closes_the_idle() {
    let server = run(None, Limits::default());
    let mut idle = server.connect().await;
    assert_eq!(get(&mut idle, "/").await, "hello");
    let mut busy = server.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    server.service.entered.notified().await;

    server.shutdown.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "nobody listens any more"
    );
    assert!(!server.done.is_finished());
    server.service.go_on.notify_one();
    let answer = rest(&mut busy).await;
    assert!(
        answer.ends_with("at last") && answer.contains("Connection: close"),
        "{answer}"
    );
    server.done.await.unwrap().unwrap();
    assert_eq!(count(&server.tally.accepted), count(&server.tally.closed));
}

#[tokio::test(flavor = "local")]
async fn a_shutdown_lets_the_stream_in_progress_finish() {
    let certificates = certificates(&[&["localhost"]]);
    let server = run(Some(Arc::clone(&certificates.server)), Limits::default());
    let stream = server.connect().await;
    let stream = certificates
        .client(&["h2"])
        .connect(name("localhost"), stream)
        .await
        .unwrap();
    let (mut client, _) = http2(stream).await;
    let answer = spawn_local(async move { get2(&mut client, "/wait").await });
    server.service.entered.notified().await;
    server.shutdown.cancel();
    server.service.go_on.notify_one();
    assert_eq!(answer.await.unwrap().unwrap(), "at last");
    server.done.await.unwrap().unwrap();
}

#[tokio::test(flavor = "local")]
async fn a_shutdown_does_not_wait_for_ever() {
    let server = run(None, Limits::default());
    let mut busy = server.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    server.service.entered.notified().await;
    tokio::time::pause();
    server.shutdown.cancel();
    let began = tokio::time::Instant::now();
    server.done.await.unwrap().unwrap();
    assert_eq!(began.elapsed().as_secs(), GRACE.as_secs());
    assert_eq!(rest(&mut busy).await, "");
}

fn any_port() -> Settings {
    Settings {
        http: vec!["127.0.0.1:0".parse().unwrap()],
        ..Settings::default()
    }
}

#[test]
fn two_workers_share_one_port() {
    let bound = Bound::bind(&any_port(), NonZeroUsize::new(2).unwrap()).unwrap();
    let address = bound.addresses()[0].socket;
    let shutdown = CancellationToken::new();
    let make = |worker| Paths {
        worker,
        ..Paths::default()
    };
    let workers = Workers::spawn(bound, None, &shutdown, &Limits::default(), make).unwrap();
    let client = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    client.block_on(async {
        let mut seen = [false; 2];
        for _ in 0..1_000 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let worker: usize = get(&mut stream, "/worker").await.parse().unwrap();
            seen[worker] = true;
            if seen == [true; 2] {
                return;
            }
        }
        panic!("one worker got every connection");
    });
    shutdown.cancel();
    let tallies = workers.tallies().to_vec();
    workers.join().unwrap();
    assert!(tallies.iter().all(|tally| count(&tally.accepted) > 0));
}

#[test]
fn a_worker_that_is_lost_ends_the_others_and_is_told() {
    let bound = Bound::bind(&any_port(), NonZeroUsize::new(2).unwrap()).unwrap();
    let shutdown = CancellationToken::new();
    let make = |worker| {
        assert!(worker == 0, "no service");
        Paths::default()
    };
    let workers = Workers::spawn(bound, None, &shutdown, &Limits::default(), make).unwrap();
    let lost = workers.join().unwrap_err();
    assert!(
        matches!(&lost, Lost::Panicked { worker: 1, said } if said == "no service"),
        "{lost}"
    );
    assert!(shutdown.is_cancelled());
}

/// `answer` of a service must not need to be `Send`, nor its body.
#[derive(Clone)]
struct NotSend(Rc<()>);

impl Service for NotSend {
    type Body = NotSendBody;

    async fn call(&self, _: Request<Incoming>, _: &Rc<Connection>) -> Response<Self::Body> {
        Response::new(NotSendBody(Rc::clone(&self.0)))
    }
}

struct NotSendBody(#[expect(dead_code, reason = "it is there to be `Rc`")] Rc<()>);

impl http_body::Body for NotSendBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(None)
    }
}

#[tokio::test(flavor = "local")]
async fn a_service_stays_on_its_thread() {
    let stop = CancellationToken::new();
    stop.cancel();
    let service = NotSend(Rc::default());
    serve(
        Vec::new(),
        service,
        None,
        stop,
        Limits::default(),
        Arc::default(),
    )
    .await
    .unwrap();
}
