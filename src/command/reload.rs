//! `countersign reload`: the gateway that runs reads its configuration again; this waits for what comes of it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use super::{Exit, fail};

/// What `reload` is asked.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The configuration: says where the gateway that runs is asked. It reads the one that it was started with
    #[arg(long, default_value = super::CONFIG)]
    config: PathBuf,
}

/// Reading takes milliseconds, and a worker that is stuck is not waited for longer than ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// More than all the problems of a long file.
const LONGEST: usize = 1024 * 1024;

/// No answer.
#[derive(Debug, thiserror::Error)]
enum NotAsked {
    #[error("no gateway answers at {}", .0.display())]
    Nobody(PathBuf, #[source] io::Error),
    #[error("the gateway at {} did not answer in time", .0.display())]
    Silent(PathBuf),
    #[error("the gateway at {} went away", .0.display())]
    Lost(PathBuf, #[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Orders it and tells what came of it.
pub fn reload(arguments: &Arguments) -> Exit {
    let socket = super::admin_socket(&arguments.config);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let asked = runtime.block_on(async {
        let asked = tokio::time::timeout(PATIENCE, ask(&socket)).await;
        asked.unwrap_or_else(|_| Err(NotAsked::Silent(socket.clone())))
    });
    match asked {
        Ok((status, told)) => {
            // Whoever closed the pipe does not want to read it; the exit code still tells.
            drop(print(arguments.json, status, &told));
            match status {
                StatusCode::OK => Exit::Ok,
                StatusCode::UNPROCESSABLE_ENTITY => Exit::Configuration,
                _ => Exit::Failed,
            }
        }
        Err(error) => {
            fail(&error);
            Exit::Unreachable
        }
    }
}

async fn ask(socket: &Path) -> Result<(StatusCode, Value), NotAsked> {
    let lost = |error| NotAsked::Lost(socket.to_owned(), error);
    let stream = UnixStream::connect(socket)
        .await
        .map_err(|error| NotAsked::Nobody(socket.to_owned(), error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| lost(error.into()))?;
    // It ends with this process.
    tokio::spawn(connection);
    let request = Request::post("/reload")
        .header(header::HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(|error| lost(error.into()))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| lost(error.into()))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    let body = body.map_err(lost)?.to_bytes();
    let told = serde_json::from_slice(&body).map_err(|error| lost(error.into()))?;
    Ok((status, told))
}

/// The result on standard output, what is wrong on standard error; as JSON all of it on standard output.
fn print(json: bool, status: StatusCode, told: &Value) -> io::Result<()> {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    if json {
        return writeln!(out, "{told}");
    }
    let text = |key: &str| told[key].as_str().unwrap_or_default();
    if status == StatusCode::OK {
        write!(err, "{}", text("warnings"))?;
        let generation = &told["generation"];
        return writeln!(
            out,
            "configuration {generation} counts for every request from now on"
        );
    }
    write!(err, "{}", text("problems"))?;
    writeln!(err, "countersign: {}; nothing has changed", text("error"))
}
