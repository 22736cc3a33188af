//! Connections that begin with a PROXY header.

use super::*;

const HEADER: &[u8] = b"PROXY TCP4 203.0.113.9 198.51.100.1 56324 443\r\n";

/// A server behind proxies on this machine, of which each visitor may have so many connections.
fn behind(tls: Option<Arc<Terms>>, per_source: usize) -> Running {
    let settings = Settings {
        proxy_protocol: true,
        ..Settings::default()
    };
    let limits = Limits {
        per_source,
        trusted: vec!["127.0.0.1/32".parse().unwrap()],
        ..Limits::default()
    };
    run_as(settings, tls, limits)
}

#[tokio::test(flavor = "local")]
async fn r10_the_header_comes_before_tls() {
    let certificates = certificates(&[&["localhost"]]);
    let server = behind(Some(Arc::clone(&certificates.server)), 9);
    for (header, from) in [
        (HEADER, "203.0.113.9 untold=false tls=true"),
        (&b"PROXY UNKNOWN\r\n"[..], "127.0.0.1 untold=true tls=true"),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(header).await.unwrap();
        let connector = certificates.client(&[]);
        let mut stream = connector.connect(name("localhost"), stream).await.unwrap();
        assert_eq!(get(&mut stream, "/from").await, from);
    }
    // TLS at once is no header.
    let mut stream = server.connect().await;
    stream.write_all(b"\x16\x03\x01\x00\x05").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(count(&server.tally.unannounced), 1);
    assert_eq!(count(&server.tally.handshakes_failed), 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a1_a_header_has_ten_seconds() {
    for begun in [
        &b""[..],
        b"P",
        &HEADER[..HEADER.len() - 1],
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\xf0",
    ] {
        let server = behind(None, 9);
        let mut stream = server.connect().await;
        stream.write_all(begun).await.unwrap();
        assert_eq!(rest(&mut stream).await, "");
        assert_eq!(count(&server.tally.unannounced), 1);
        assert_eq!(count(&server.tally.overdue), 1);
    }
}

#[tokio::test(flavor = "local")]
async fn a1_visitors_behind_one_proxy_have_a_bound_each() {
    let server = behind(None, 1);
    let mut first = server.connect().await;
    first.write_all(HEADER).await.unwrap();
    assert_eq!(get(&mut first, "/").await, "hello");
    let mut second = server.connect().await;
    second.write_all(HEADER).await.unwrap();
    assert_eq!(rest(&mut second).await, "");
    assert_eq!(count(&server.tally.refused), 1);
    let mut neighbour = server.connect().await;
    neighbour
        .write_all(b"PROXY TCP4 203.0.113.10 198.51.100.1 56324 443\r\n")
        .await
        .unwrap();
    assert_eq!(get(&mut neighbour, "/").await, "hello");
    assert_eq!(get(&mut first, "/").await, "hello");
}

#[tokio::test(flavor = "local")]
async fn a_proxy_that_looks_whether_somebody_is_there_is_no_fault() {
    let server = behind(None, 9);
    for begun in [&b""[..], b"PROXY"] {
        let mut stream = server.connect().await;
        stream.write_all(begun).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(rest(&mut stream).await, "");
    }
    assert_eq!(count(&server.tally.unannounced), 0);
}
