//! An application that answers anything and keeps the targets it was asked for, byte for byte.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use super::ask::NUMBER;
use super::support::bare::Bare;

/// The application.
pub struct Recorder {
    /// Where it listens.
    pub address: SocketAddr,
    came: Arc<Mutex<HashMap<usize, Vec<u8>>>>,
}

impl Recorder {
    /// Begins to listen.
    pub fn new() -> Self {
        let came: Arc<Mutex<HashMap<usize, Vec<u8>>>> = Arc::default();
        let own = Arc::clone(&came);
        let app = Bare::new(move |_, mut stream| {
            while let Some((number, target)) = read(&mut stream) {
                own.lock().unwrap().insert(number, target);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\napp!";
                if stream.get_mut().write_all(answer).is_err() {
                    return;
                }
            }
        });
        Self {
            address: app.address,
            came,
        }
    }

    /// `http://address`, for the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The target of request `number`, if that came. Asked once the request has been answered.
    pub fn take(&self, number: usize) -> Option<Vec<u8>> {
        self.came.lock().unwrap().remove(&number)
    }
}

/// The number and the target of the next request, which has no body; the target is what stands between the method and the
/// last blank.
fn read(stream: &mut BufReader<TcpStream>) -> Option<(usize, Vec<u8>)> {
    let (mut first, mut number) = (None, 0);
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).ok()?;
        if line.pop() != Some(b'\n') {
            return None;
        }
        line.pop_if(|end| *end == b'\r');
        let Some(first) = &first else {
            first = Some(line);
            continue;
        };
        if line.is_empty() {
            let start = first.iter().position(|&b| b == b' ')? + 1;
            let end = first.iter().rposition(|&b| b == b' ')?;
            return Some((number, first.get(start..end)?.to_vec()));
        }
        let text = String::from_utf8_lossy(&line);
        if let Some((name, value)) = text.split_once(':')
            && name.eq_ignore_ascii_case(NUMBER)
        {
            number = value.trim().parse().ok()?;
        }
    }
}
