//! An application that does nothing by itself: each story says what happens on each of its connections.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::wire::{PATIENCE, read_body, read_head};

/// The application.
pub struct Bare {
    /// Where it listens.
    pub address: SocketAddr,
}

impl Bare {
    /// Gives every connection, with its number from 1, to `serve`.
    pub fn new(serve: impl Fn(usize, BufReader<TcpStream>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (serve, stream) = (Arc::clone(&serve), stream.unwrap());
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                thread::spawn(move || serve(number + 1, BufReader::new(stream)));
            }
        });
        Self { address }
    }

    /// One that speaks TLS and tells every visitor what came.
    pub fn tls(config: ServerConfig) -> Self {
        let config = Arc::new(config);
        Self::new(move |_, stream| {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            echo(StreamOwned::new(session, stream.into_inner()));
        })
    }

    /// `http://address`, for the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Listens on a unix socket and tells every visitor what came.
pub fn unix(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || echo(stream));
        }
    });
}

/// Answers every request with the head that came.
fn echo(stream: impl Read + Write) {
    let mut stream = BufReader::new(stream);
    while let Some(head) = read_head(&mut stream) {
        read_body(&head, &mut stream, false);
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
            head.raw.len(),
            head.raw
        );
        if stream.get_mut().write_all(answer.as_bytes()).is_err()
            || stream.get_mut().flush().is_err()
        {
            return;
        }
    }
}

/// Waits until the other side of a story says to go on; panics if it never does.
pub fn wait<T>(signal: &Receiver<T>) -> T {
    match signal.recv_timeout(PATIENCE) {
        Ok(word) => word,
        Err(RecvTimeoutError::Timeout) => panic!("the other side did not get so far"),
        Err(RecvTimeoutError::Disconnected) => panic!("the other side failed"),
    }
}
