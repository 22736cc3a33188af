use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::admin::Settings;
use crate::admin::answer::tests::Words;

/// Nothing here waits longer than this; a test that gets so far has failed.
const PATIENCE: Duration = Duration::from_secs(2 * HEAD_TIMEOUT.as_secs());

struct Served {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

impl Served {
    fn at(socket: &Path) -> Self {
        let bound = Bound::bind(&Settings {
            http: Some((Ipv4Addr::LOCALHOST, 0).into()),
            socket: Some(socket.to_owned()),
        });
        let bound = bound.unwrap();
        let (address, shutdown) = (bound.address().unwrap(), CancellationToken::new());
        let inside = Arc::new(Words { trouble: None });
        let task = tokio::spawn(serve(bound, inside, shutdown.clone()));
        Self {
            address,
            shutdown,
            task,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// Everything that comes until the other side closes.
async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut text = Vec::new();
    let read = stream.read_to_end(&mut text);
    // A connection that is closed with bytes of ours unread ends with a reset.
    drop(tokio::time::timeout(PATIENCE, read).await.expect("it ends"));
    String::from_utf8(text).unwrap()
}

const LAST: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn both_sockets_answer_until_the_process_ends_and_then_the_file_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let served = Served::at(&path);
    let mut tcp = served.connect().await;
    tcp.write_all(LAST.as_bytes()).await.unwrap();
    assert!(rest(tcp).await.starts_with("HTTP/1.1 200 OK\r\n"));
    let mut unix = UnixStream::connect(&path).await.unwrap();
    unix.write_all(
        b"POST /send-test HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    )
    .await
    .unwrap();
    let said = rest(unix).await;
    assert!(
        said.contains("application/x-ndjson") && said.contains("over"),
        "{said}"
    );
    let idle = served.connect().await;
    let address = served.address;
    served.stop().await;
    assert!(!path.exists());
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(rest(idle).await, "");
}

#[tokio::test]
async fn a_crowd_is_turned_away_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::at(&folder.path().join("admin.sock"));
    let mut seated = Vec::new();
    for _ in 0..AT_ONCE {
        let mut stream = served.connect().await;
        stream
            .write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        // Seated once it answers.
        let mut first = [0; 15];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        seated.push(stream);
    }
    assert_eq!(rest(served.connect().await).await, "");
    // The socket has seats of its own: who crowds the port does not shut the operator out.
    let unix = UnixStream::connect(folder.path().join("admin.sock"));
    let mut unix = unix.await.unwrap();
    unix.write_all(LAST.as_bytes()).await.unwrap();
    assert!(rest(unix).await.starts_with("HTTP/1.1 200 OK\r\n"));
    drop(seated);
    served.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::at(&folder.path().join("admin.sock"));
    let mut stream = served.connect().await;
    stream.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    let said = rest(stream).await;
    assert!(!said.contains("200"), "{said}");
    served.stop().await;
}

#[tokio::test]
async fn a_head_of_many_kilobytes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::at(&folder.path().join("admin.sock"));
    let mut stream = served.connect().await;
    let head = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "x".repeat(2 * BUFFER)
    );
    // It may be refused before it is written.
    drop(stream.write_all(head.as_bytes()).await);
    let said = rest(stream).await;
    assert!(!said.contains("200 OK"), "{said}");
    served.stop().await;
}
