//! Which address says what, and to whom.

use std::convert::Infallible;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use tracing::info;

use super::{Health, Inside, Lines};

/// By which of the two sockets somebody came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// The loopback address: any program on this machine, and a browser on it that a page has talked into asking.
    Loopback,
    /// The unix socket: who may open the file.
    Socket(Caller),
}

/// Who opened the socket, as the kernel tells (unix(7), `SO_PEERCRED`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Missing where it lives in a namespace that we do not see.
    pub(super) pid: Option<i32>,
}

/// An answer's body: all of it, or line by line.
pub(super) enum Body {
    Whole(Option<Bytes>),
    Lines(Lines),
}

/// An order is a few words.
const LONGEST_ORDER: usize = 16 * 1024;

/// Answers one request.
pub(super) async fn answer<B>(
    request: Request<B>,
    door: Door,
    inside: &dyn Inside,
) -> Response<Body>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if door == Door::Loopback && !is_loopback(request.headers()) {
        return text(
            StatusCode::MISDIRECTED_REQUEST,
            "ask as 127.0.0.1, [::1] or localhost\n",
        );
    }
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    match (request.uri().path(), door) {
        ("/metrics" | "/livez" | "/readyz", _) if !looks => not_allowed("GET, HEAD"),
        ("/metrics", _) => match inside.metrics() {
            Some(metrics) => typed(StatusCode::OK, inside.media_type(), metrics),
            None => text(StatusCode::INTERNAL_SERVER_ERROR, "no metrics\n"),
        },
        ("/livez", _) => text(StatusCode::OK, "ok\n"),
        ("/readyz", _) => ready(&inside.health().await, request.uri().query()),
        ("/send-test" | "/reload", Door::Socket(_)) if *request.method() != Method::POST => {
            not_allowed("POST")
        }
        ("/send-test", Door::Socket(caller)) => send_test(request, caller, inside).await,
        ("/reload", Door::Socket(caller)) => reload(caller, inside).await,
        _ => text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

/// A page of the open internet whose name was bent to this machine still says its own name here.
fn is_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(authority) = http::uri::Authority::try_from(host.as_bytes()) else {
        return false;
    };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn ready(health: &[Health], query: Option<&str>) -> Response<Body> {
    let good = health.iter().all(|part| part.trouble.is_none());
    let verbose = query.is_some_and(|query| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some("verbose"))
    });
    let mut told = String::new();
    if verbose || !good {
        for Health { part, trouble } in health {
            let (sign, word) = match trouble {
                None => ('+', "ok"),
                Some(trouble) => ('-', trouble.as_str()),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(told, "[{sign}] {part}: {word}");
        }
    }
    told.push_str(if good { "ready\n" } else { "not ready\n" });
    let status = if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    typed(status, PLAIN, told)
}

async fn send_test<B>(request: Request<B>, caller: Caller, inside: &dyn Inside) -> Response<Body>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // What was ordered stands in the lines of the message itself; here is who did.
    tell("send-test", caller);
    let Ok(order) = Limited::new(request.into_body(), LONGEST_ORDER)
        .collect()
        .await
    else {
        return text(StatusCode::BAD_REQUEST, "the order did not come whole\n");
    };
    match inside.send_test(&order.to_bytes()) {
        Ok(lines) => {
            let mut response = Response::new(Body::Lines(lines));
            let ndjson = HeaderValue::from_static("application/x-ndjson");
            response.headers_mut().insert(header::CONTENT_TYPE, ndjson);
            response
        }
        Err(refused) => typed(refused.status, "application/json", refused.body),
    }
}

async fn reload(caller: Caller, inside: &dyn Inside) -> Response<Body> {
    tell("reload", caller);
    match inside.reload().await {
        Ok(told) => typed(StatusCode::OK, "application/json", told),
        Err(refused) => typed(refused.status, "application/json", refused.body),
    }
}

fn tell(command: &str, caller: Caller) {
    let Caller { uid, gid, pid } = caller;
    info!(
        event = "admin.command",
        command, uid, gid, pid, "a command by the admin socket"
    );
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    typed(status, PLAIN, text)
}

fn not_allowed(methods: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "not this way\n");
    let allow = HeaderValue::from_static(methods);
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

fn typed(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Some(body.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Lines(lines) => lines
                .poll_recv(context)
                .map(|line| line.map(|line| Ok(Frame::data(line)))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Lines(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(…)")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::future::Future;

    use http_body_util::Full;
    use tokio::sync::mpsc;

    use super::*;
    use crate::admin::Refused;

    /// A gateway of a few words.
    pub(in crate::admin) struct Words {
        pub(in crate::admin) trouble: Option<String>,
    }

    impl Inside for Words {
        fn metrics(&self) -> Option<String> {
            Some("up 1\n".to_owned())
        }

        fn media_type(&self) -> &'static str {
            "text/metrics"
        }

        fn health(&self) -> Pin<Box<dyn Future<Output = Vec<Health>> + Send + '_>> {
            Box::pin(async {
                vec![
                    Health {
                        part: "configuration".to_owned(),
                        trouble: None,
                    },
                    Health {
                        part: "state file".to_owned(),
                        trouble: self.trouble.clone(),
                    },
                ]
            })
        }

        fn send_test(&self, order: &Bytes) -> Result<Lines, Refused> {
            if order.is_empty() {
                return Err(Refused {
                    status: StatusCode::BAD_REQUEST,
                    body: Bytes::from_static(b"{}"),
                });
            }
            let (tell, lines) = mpsc::unbounded_channel();
            tell.send(order.clone()).unwrap();
            tell.send(Bytes::from_static(b"\nover\n")).unwrap();
            Ok(lines)
        }

        fn reload(&self) -> Pin<Box<dyn Future<Output = Result<Bytes, Refused>> + Send + '_>> {
            Box::pin(async {
                match &self.trouble {
                    None => Ok(Bytes::from_static(b"{\"generation\":2}")),
                    Some(why) => Err(Refused {
                        status: StatusCode::UNPROCESSABLE_ENTITY,
                        body: Bytes::copy_from_slice(why.as_bytes()),
                    }),
                }
            })
        }
    }

    const SOCKET: Door = Door::Socket(Caller {
        uid: 1000,
        gid: 1000,
        pid: Some(7),
    });

    async fn ask(
        door: Door,
        method: &str,
        path: &str,
        host: &[&str],
        body: &'static str,
        trouble: Option<&str>,
    ) -> (u16, String, HeaderMap) {
        let mut request = Request::builder().method(method).uri(path);
        for host in host {
            request = request.header(header::HOST, *host);
        }
        let inside = Words {
            trouble: trouble.map(str::to_owned),
        };
        let request = request.body(Full::new(Bytes::from_static(body.as_bytes())));
        let response = answer(request.unwrap(), door, &inside).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        (head.status.as_u16(), text, head.headers)
    }

    async fn get(path: &str, trouble: Option<&str>) -> (u16, String) {
        let (status, text, _) = ask(
            Door::Loopback,
            "GET",
            path,
            &["localhost:9464"],
            "",
            trouble,
        )
        .await;
        (status, text)
    }

    #[tokio::test]
    async fn three_addresses_are_there_for_looking_and_nothing_else() {
        for (door, method, path, status) in [
            (Door::Loopback, "GET", "/metrics", 200),
            (Door::Loopback, "HEAD", "/metrics", 200),
            (Door::Loopback, "GET", "/livez", 200),
            (Door::Loopback, "GET", "/readyz", 200),
            (Door::Loopback, "POST", "/metrics", 405),
            (Door::Loopback, "POST", "/readyz", 405),
            (Door::Loopback, "GET", "/", 404),
            (Door::Loopback, "GET", "/metrics/", 404),
            (Door::Loopback, "GET", "/.countersign/ask", 404),
            // Whoever may ask the port is not known: no order comes that way.
            (Door::Loopback, "POST", "/send-test", 404),
            (Door::Loopback, "GET", "/send-test", 404),
            (SOCKET, "GET", "/metrics", 200),
            (SOCKET, "GET", "/send-test", 405),
            (SOCKET, "POST", "/send-test", 200),
            (Door::Loopback, "POST", "/reload", 404),
            (SOCKET, "GET", "/reload", 405),
            (SOCKET, "POST", "/reload", 200),
        ] {
            let asked = ask(door, method, path, &["127.0.0.1"], "x", None).await;
            assert_eq!(asked.0, status, "{door:?} {method} {path}");
        }
        let (_, text, headers) =
            ask(Door::Loopback, "GET", "/metrics", &["[::1]:1"], "", None).await;
        assert_eq!(text, "up 1\n");
        assert_eq!(headers["content-type"], "text/metrics");
        assert_eq!(headers["cache-control"], "no-store");
    }

    /// DNS rebinding: a name of somebody's resolves to 127.0.0.1, and his page reads what is served there.
    #[tokio::test]
    async fn a_host_that_is_not_loopback_gets_nothing() {
        for good in [
            "localhost",
            "LocalHost:9464",
            "127.0.0.1:9464",
            "127.8.9.1",
            "[::1]:9464",
        ] {
            let asked = ask(Door::Loopback, "GET", "/metrics", &[good], "", None).await;
            assert_eq!(asked.0, 200, "{good}");
        }
        for bad in [
            &["evil.example"] as &[_],
            &["localhost.evil.example"],
            &["127.0.0.1.evil.example:9464"],
            &["user@evil.example"],
            &["10.0.0.1"],
            &["[::ffff:10.0.0.1]"],
            &[""],
            &[],
            &["localhost", "evil.example"],
            &["localhost", "localhost"],
        ] {
            let (status, text, _) = ask(Door::Loopback, "GET", "/metrics", bad, "", None).await;
            assert_eq!(status, 421, "{bad:?}");
            assert!(!text.contains("up 1"));
        }
        // Only who may open the file is there, and no browser.
        let (status, ..) = ask(SOCKET, "GET", "/metrics", &[], "", None).await;
        assert_eq!(status, 200);
    }

    #[tokio::test]
    async fn readiness_tells_what_is_wrong_and_with_verbose_what_is_right() {
        let all = "[+] configuration: ok\n[+] state file: ok\nready\n";
        let not = "[+] configuration: ok\n[-] state file: full\nnot ready\n";
        for (path, trouble, status, text) in [
            ("/readyz", None, 200, "ready\n"),
            ("/readyz?verbose", None, 200, all),
            ("/readyz?a=b&verbose=1", None, 200, all),
            ("/readyz?verbosely", None, 200, "ready\n"),
            ("/readyz", Some("full"), 503, not),
            ("/readyz?verbose", Some("full"), 503, not),
        ] {
            assert_eq!(
                get(path, trouble).await,
                (status, text.to_owned()),
                "{path}"
            );
        }
        assert_eq!(get("/livez", Some("full")).await.0, 200);
    }

    #[tokio::test]
    async fn an_order_comes_back_line_by_line_or_with_what_is_wrong_with_it() {
        let (status, text, headers) =
            ask(SOCKET, "POST", "/send-test", &[], "{\"to\":1}", None).await;
        assert_eq!((status, text.as_str()), (200, "{\"to\":1}\nover\n"));
        assert_eq!(headers["content-type"], "application/x-ndjson");
        let (status, text, _) = ask(SOCKET, "POST", "/send-test", &[], "", None).await;
        assert_eq!((status, text.as_str()), (400, "{}"));
        let (status, text, _) = ask(SOCKET, "POST", "/reload", &[], "", None).await;
        assert_eq!((status, text.as_str()), (200, "{\"generation\":2}"));
        let (status, text, _) = ask(SOCKET, "POST", "/reload", &[], "", Some("bad")).await;
        assert_eq!((status, text.as_str()), (422, "bad"));
        let long: &'static str = "x".repeat(LONGEST_ORDER + 1).leak();
        let (status, text, _) = ask(SOCKET, "POST", "/send-test", &[], long, None).await;
        assert_eq!(
            (status, text.as_str()),
            (400, "the order did not come whole\n")
        );
    }
}
