//! Looks into an answer, over a real connection, in paused time.

use std::cell::Cell;
use std::sync::Arc;

use http::Request;
use http_body::Body as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::LocalSet;

use super::super::connect::{Socket, Stream};
use super::super::room::Place;
use super::super::wire::{Pool, Wire};
use super::*;
use crate::challenge::tests::{at, verified};

/// Ten bytes that are known to be ten, and ten that are not.
const COUNTED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An application's side of a connection, and what it answers: the head and whatever else is given. The connection
/// stays open, and its pool is empty.
struct Application {
    socket: UnixStream,
    body: Body,
    pool: Rc<Pool>,
}

async fn answering(answer: &str) -> Application {
    let (ours, mut socket) = UnixStream::pair().unwrap();
    let place = Place::anywhere();
    let stream = Stream::of(Socket::Unix(ours), Arc::clone(&place));
    let mut wire = Wire::open(stream, place).await.unwrap();
    let mut request = Request::builder()
        .header("host", "up")
        .body(Upload::empty())
        .unwrap();
    let application = async {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(socket.read_u8().await.unwrap());
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
    };
    let (sent, ()) = tokio::join!(wire.send(&mut request), application);
    let Ok(response) = sent else {
        panic!("no answer came");
    };
    let pool = Rc::new(Pool::default());
    Application {
        body: wire.lend(response, None, &pool).into_body(),
        socket,
        pool,
    }
}

/// The rest of a body.
async fn rest(body: Body) -> Bytes {
    body.collect().await.unwrap().to_bytes()
}

/// What a look of that many bytes gives, the length that is announced then, and everything that comes afterwards.
async fn looked(answer: &str, most: usize) -> (Bytes, bool, Option<u64>, Bytes, bool) {
    let application = answering(answer).await;
    let (peeked, body) = application.body.peek(most).await.unwrap();
    let known = body.size_hint().exact();
    let all = rest(body).await;
    let home = application.pool.take(Instant::now()).is_some();
    (peeked.bytes, peeked.whole, known, all, home)
}

#[tokio::test]
async fn a_body_still_begins_with_what_was_looked_at() {
    let counted = format!("{COUNTED}0123456789");
    let chunked = format!("{CHUNKED}4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n");
    let none = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (answer, most, begins, whole, known, all) in [
        (&*counted, 4, "0123", false, Some(10), "0123456789"),
        (&counted, 0, "", false, Some(10), "0123456789"),
        (&counted, 10, "0123456789", true, Some(10), "0123456789"),
        (&counted, 11, "0123456789", true, Some(10), "0123456789"),
        (&chunked, 3, "012", false, None, "0123456789"),
        (&chunked, 4, "0123", false, None, "0123456789"),
        // Now that all of it is here its length is known.
        (&chunked, 10, "0123456789", true, Some(10), "0123456789"),
        (none, 4, "", true, Some(0), ""),
    ] {
        let looked = LocalSet::new().run_until(looked(answer, most)).await;
        let wanted = (begins.into(), whole, known, all.into(), true);
        assert_eq!(looked, wanted, "{answer:?} {most}");
    }
}

#[tokio::test]
async fn a_second_look_sees_what_the_first_saw() {
    let local = LocalSet::new();
    local
        .run_until(async {
            for (first, second) in [(4, 8), (8, 4), (4, 20), (20, 4)] {
                let mut application = answering(&format!("{COUNTED}01234")).await;
                application.socket.write_all(b"56789").await.unwrap();
                let (_, body) = application.body.peek(first).await.unwrap();
                let (peeked, body) = body.peek(second).await.unwrap();
                assert_eq!(peeked.bytes, "0123456789"[..second.min(10)]);
                assert_eq!(rest(body).await, "0123456789");
            }
        })
        .await;
}

#[tokio::test]
async fn a_connection_comes_home_with_the_last_byte_and_not_before() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let mut application = answering(&format!("{COUNTED}01234")).await;
            let (_, mut body) = application.body.peek(4).await.unwrap();
            assert_eq!(body.size_hint().exact(), Some(10));
            assert_eq!(
                body.frame().await.unwrap().unwrap().into_data().unwrap(),
                "01234"
            );
            assert_eq!(body.size_hint().exact(), Some(5));
            assert!(!body.is_end_stream() && application.pool.take(Instant::now()).is_none());
            application.socket.write_all(b"56789").await.unwrap();
            assert_eq!(rest(body).await, "56789");
            assert!(application.pool.take(Instant::now()).is_some());
        })
        .await;
}

#[tokio::test]
async fn what_was_looked_at_has_not_ended_before_it_was_given() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let application = answering(&format!("{COUNTED}0123456789")).await;
            let (_, mut body) = application.body.peek(4).await.unwrap();
            assert!(!body.is_end_stream());
            body.frame().await.unwrap().unwrap();
            assert!(body.is_end_stream());
        })
        .await;
}

#[tokio::test]
async fn a_connection_whose_answer_nobody_reads_is_not_used_again() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let application = answering(&format!("{COUNTED}01234")).await;
            let (_, body) = application.body.peek(4).await.unwrap();
            drop(body);
            assert!(application.pool.take(Instant::now()).is_none());
        })
        .await;
}

#[tokio::test]
async fn a1_an_application_that_stops_or_drips_is_not_waited_for() {
    let local = LocalSet::new();
    local
        .run_until(async {
            for pause in [None, Some(FIRST_BYTE / 3)] {
                let Application {
                    mut socket, body, ..
                } = answering(&format!("{COUNTED}0")).await;
                tokio::time::pause();
                let began = Instant::now();
                let drip = async {
                    while let Some(pause) = pause {
                        tokio::time::sleep(pause).await;
                        socket.write_all(b"1").await.unwrap();
                    }
                    std::future::pending::<()>().await;
                };
                let broken = tokio::select! {
                    looked = body.peek(100) => looked.err(),
                    () = drip => None,
                };
                assert!(matches!(broken, Some(Broken::Stalled)), "{pause:?}");
                assert_eq!(began.elapsed().as_secs(), FIRST_BYTE.as_secs(), "{pause:?}");
                tokio::time::resume();
            }
        })
        .await;
}

#[tokio::test]
async fn a_body_that_breaks_off_under_a_look_is_broken() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let Application { socket, body, .. } = answering(&format!("{COUNTED}01234")).await;
            drop(socket);
            let broken = body.peek(100).await.err();
            assert!(matches!(broken, Some(Broken::Wire(_))), "{broken:?}");
        })
        .await;
}

/// Everything stands until it is told otherwise.
struct Ledger(Cell<bool>);

impl Standing for Ledger {
    fn stands(&self, _: &[Grant]) -> bool {
        self.0.get()
    }
}

#[tokio::test]
async fn s5_a_grant_that_ends_ends_what_follows_a_look() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let mut application = answering(&format!("{COUNTED}01234")).await;
            let ledger = Rc::new(Ledger(Cell::new(true)));
            let watch = Watch {
                standing: Rc::clone(&ledger) as _,
                grants: [Grant::issue(verified("login", "ann"), [1; 16], at(0))]
                    .into_iter()
                    .collect(),
            };
            application.body.watch(watch);
            let (_, mut body) = application.body.peek(4).await.unwrap();
            assert!(body.frame().await.unwrap().is_ok());
            tokio::time::pause();
            let quiet = tokio::time::timeout(LOOK * 3, body.frame()).await;
            assert!(quiet.is_err(), "it stands");
            ledger.0.set(false);
            assert!(matches!(body.frame().await.unwrap(), Err(Broken::Ended)));
        })
        .await;
}

/// Who reads slowly asks for the next piece when it has long been there: with HTTP/2 and a small window, always.
#[tokio::test]
async fn s5_a_grant_that_ends_ends_an_answer_that_never_lets_its_reader_wait() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let Application {
                mut socket,
                mut body,
                ..
            } = answering(CHUNKED).await;
            let ledger = Rc::new(Ledger(Cell::new(true)));
            let watch = Watch {
                standing: Rc::clone(&ledger) as _,
                grants: [Grant::issue(verified("login", "ann"), [1; 16], at(0))]
                    .into_iter()
                    .collect(),
            };
            body.watch(watch);
            let endless = async { while socket.write_all(b"4\r\nmore\r\n").await.is_ok() {} };
            let reader = async {
                for second in 0..40 {
                    if second == 30 {
                        ledger.0.set(false);
                    }
                    // Until a piece is surely there: the connection's task and the application run meanwhile.
                    for _ in 0..50 {
                        tokio::task::yield_now().await;
                    }
                    match at_once(&mut body).await {
                        Some(Some(Ok(_))) => {}
                        Some(Some(Err(Broken::Ended))) => return second,
                        other => panic!("{other:?}"),
                    }
                    tokio::time::advance(Duration::from_secs(1)).await;
                }
                40
            };
            tokio::time::pause();
            let ended = tokio::select! {
                ended = reader => ended,
                () = endless => panic!("the connection ended"),
            };
            assert!((30..=33).contains(&ended), "{ended}");
        })
        .await;
}

/// What a body has at this very moment.
async fn at_once(body: &mut Body) -> Option<Option<Result<Bytes, Broken>>> {
    std::future::poll_fn(|cx| match Pin::new(&mut *body).poll_frame(cx) {
        Poll::Ready(frame) => Poll::Ready(Some(
            frame.map(|frame| frame.map(|frame| frame.into_data().unwrap())),
        )),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_a_look_nor_for_what_follows_it() {
    let local = LocalSet::new();
    local
        .run_until(async {
            for most in [100, 4] {
                let mut application = answering(&format!("{COUNTED}01234")).await;
                let shutdown = CancellationToken::new();
                application.body.end_at(shutdown.clone());
                let looked = application.body.peek(most);
                let stop = async { shutdown.cancel() };
                let (looked, ()) = tokio::join!(looked, stop);
                let stopped = match looked {
                    Err(stopped) => stopped,
                    Ok((_, mut body)) => {
                        assert!(body.frame().await.unwrap().is_ok());
                        body.frame().await.unwrap().unwrap_err()
                    }
                };
                assert!(matches!(stopped, Broken::Stopped), "{most}");
            }
        })
        .await;
}

#[tokio::test]
async fn bytes_at_hand_are_a_body_too() {
    let (peeked, body) = Body::bytes("0123".into()).peek(2).await.unwrap();
    assert_eq!((peeked.bytes, peeked.whole), ("01".into(), false));
    assert_eq!(body.size_hint().exact(), Some(4));
    assert_eq!(rest(body).await, "0123");
    let (peeked, body) = Body::empty().peek(2).await.unwrap();
    assert!(peeked.bytes.is_empty() && peeked.whole && body.is_end_stream());
    assert!(Body::bytes(Bytes::new()).is_end_stream());
}
