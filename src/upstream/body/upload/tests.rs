//! Uploads that drip, as hyper takes them from a visitor over either protocol, in paused time.

use std::cell::Cell;
use std::convert::Infallible;
use std::ops::RangeInclusive;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::*;

/// Runs what the server side of HTTP/2 spawns.
#[derive(Clone)]
struct Here;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}

/// Who sends the body.
struct Visitor {
    wire: DuplexStream,
    version2: bool,
}

impl Visitor {
    /// Begins a request, whose body is given to the one that waits for it.
    async fn begin(version2: bool) -> (Self, Upload) {
        let (io, mut wire) = duplex(1 << 20);
        let (give, given) = oneshot::channel();
        let give = Rc::new(Cell::new(Some(give)));
        let service = service_fn(move |request: Request<Incoming>| {
            let give = give.take().expect("one request");
            async move {
                let _ = give.send(request.into_body());
                std::future::pending::<Result<Response<Empty<Bytes>>, Infallible>>().await
            }
        });
        let head: &[u8] = if version2 {
            let connection = http2::Builder::new(Here).serve_connection(TokioIo::new(io), service);
            spawn_local(async move { drop(connection.await) });
            // Preface, SETTINGS, the other side's acknowledged, and HEADERS: POST https / a.
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0\0\0\x06\x01\x04\0\0\0\x01\x83\x87\x84\x01\x01a"
        } else {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(io), service);
            spawn_local(async move { drop(connection.await) });
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        };
        wire.write_all(head).await.unwrap();
        let upload = Upload::stream(Bytes::new(), given.await.unwrap());
        (Self { wire, version2 }, upload)
    }

    /// Sends so many bytes of the body.
    async fn send(&mut self, bytes: usize) {
        for piece in vec![b'x'; bytes].chunks(16 * 1024) {
            let mut framed = if self.version2 {
                let length = u32::try_from(piece.len()).unwrap().to_be_bytes();
                [&length[1..], &[0, 0, 0, 0, 0, 1], piece].concat()
            } else {
                [format!("{:x}\r\n", piece.len()).as_bytes(), piece].concat()
            };
            if !self.version2 {
                framed.extend(b"\r\n");
            }
            self.wire.write_all(&framed).await.unwrap();
        }
    }
}

/// After how many seconds a visitor is given up who sends `burst` bytes at once and then `drip` bytes each `pause`; not
/// within two hours: `None`.
async fn given_up(version2: bool, burst: usize, drip: usize, pause: u64) -> Option<u64> {
    let (mut visitor, mut upload) = Visitor::begin(version2).await;
    visitor.send(burst).await;
    let began = Instant::now();
    let reading = async {
        loop {
            if let Err(broken) = upload.frame().await.expect("no end of it") {
                return broken;
            }
        }
    };
    let dripping = async {
        loop {
            sleep(Duration::from_secs(pause)).await;
            visitor.send(drip).await;
        }
    };
    tokio::select! {
        broken = reading => {
            assert!(matches!(broken, Broken::Slow), "{broken}");
            Some(began.elapsed().as_secs())
        }
        () = dripping => unreachable!(),
        () = sleep(Duration::from_hours(2)) => None,
    }
}

/// hyper's client sends none where the head did not announce them; that is luck, and this is not.
#[tokio::test(flavor = "local", start_paused = true)]
async fn r6_trailers_of_an_upload_end_here() {
    let (mut visitor, mut upload) = Visitor::begin(false).await;
    visitor.send(5).await;
    let end = b"0\r\nX-Remote-User: root\r\n\r\n";
    visitor.wire.write_all(end).await.unwrap();
    let mut bytes = 0;
    while let Some(frame) = upload.frame().await {
        let data = frame.unwrap().into_data();
        bytes += data.expect("data and nothing else").len();
    }
    assert_eq!(bytes, 5);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_a_body_comes_with_a_kibibyte_a_second_or_not_at_all() {
    const MIB: usize = 1 << 20;
    let within = |most: u64| 5..=most;
    for version2 in [false, true] {
        for (name, burst, drip, pause, wanted) in [
            ("nothing", 0, 0, 3600, Some(within(5))),
            ("a byte a second", 0, 1, 1, Some(within(5))),
            ("a byte a second after some", 4096, 1, 1, Some(within(5))),
            ("half of it", 0, 512, 1, Some(within(5))),
            ("nothing after 40 KiB", 40 * 1024, 0, 3600, Some(within(45))),
            // What came at once buys a minute, not the nine that it would last.
            ("nothing after 512 KiB", MIB / 2, 0, 3600, Some(within(70))),
            (
                "a byte a second after 512 KiB",
                MIB / 2,
                1,
                1,
                Some(within(70)),
            ),
            ("twice of it", 0, 2048, 1, None),
            (
                "20 KiB each 10 seconds after 10",
                10 * 1024,
                20 * 1024,
                10,
                None,
            ),
        ]
            as [(&str, usize, usize, u64, Option<RangeInclusive<u64>>); 9]
        {
            let ended = given_up(version2, burst, drip, pause).await;
            let fits = match (&wanted, ended) {
                (Some(wanted), Some(ended)) => wanted.contains(&ended),
                (None, None) => true,
                _ => false,
            };
            assert!(fits, "{name}, HTTP/2 {version2}: {ended:?}, not {wanted:?}");
        }
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_a_visitor_is_not_blamed_for_an_application_that_does_not_read() {
    for version2 in [false, true] {
        let (mut visitor, mut upload) = Visitor::begin(version2).await;
        visitor.send(10).await;
        sleep(Duration::from_hours(1)).await;
        assert!(upload.frame().await.unwrap().is_ok(), "HTTP/2 {version2}");
        sleep(Duration::from_hours(1)).await;
        visitor.send(10).await;
        assert!(upload.frame().await.unwrap().is_ok(), "HTTP/2 {version2}");
    }
}
