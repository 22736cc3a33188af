//! A gateway of its own process in front of an application, by https, and somebody who is signed in there.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::runtime::Builder;

use super::client::Client;
use super::support::gate::{Gate, HOST, Setup};
use super::support::program::Program;
use super::support::wire::{connect, read_answer};

/// `https://app.localhost`: everything needs the first scope, but for `/open/**`, which is open as it is.
pub struct Door {
    pub program: Program,
    /// The cookies of somebody who is signed in.
    pub grant: String,
    _gate: Gate,
    _certificate: TempDir,
}

impl Door {
    pub fn new(upstream: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let (chain, key) = (folder.path().join("crt.pem"), folder.path().join("key.pem"));
        fs::write(&chain, cert.pem()).unwrap();
        fs::write(&key, signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let gate = Setup::new(upstream)
            .site("url = \"https://app.localhost\"\nhsts = {}")
            .routes(&[("/open/**", "public-full")])
            .with(&format!(
                "[listen]\nhttps = [\"127.0.0.1:0\"]\ncert = \"{}\"\nkey = \"file:{}\"\n\
                 [log]\nformat = \"json\"\n[admin]\nhttp = \"127.0.0.1:0\"",
                chain.display(),
                key.display()
            ))
            .start();
        let signed_in = async {
            let mut ann = Client::new(gate.address).await;
            ann.pass_ask("/", "ann", &gate.messages).await;
            ann.jar.cookies().unwrap()
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let grant = runtime.unwrap().block_on(signed_in);
        let gate = gate.stopped();
        Self {
            program: Program::start(&gate),
            grant,
            _gate: gate,
            _certificate: folder,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.program.address
    }
}

/// What a program has counted of connections under this word.
pub fn counted(program: &Program, what: &str) -> u64 {
    let count = metric(program, "countersign_connections_total", what);
    count.parse().unwrap()
}

/// The value of the series of this name in whose labels this stands.
pub fn metric(program: &Program, name: &str, label: &str) -> String {
    program.says("\"event\":\"watched\"");
    let log = program.log();
    let (_, admin) = log.split_once("\"at\":\"").unwrap();
    let mut watcher = connect(admin.split('"').next().unwrap().parse().unwrap());
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    watcher.get_mut().write_all(request).unwrap();
    let metrics = read_answer(&mut watcher, false).unwrap().text();
    let label = format!("{label}\"}} ");
    let mut lines = metrics.lines().filter(|line| line.starts_with(name));
    let value = lines.find_map(|line| Some(line.split_once(&label)?.1.to_owned()));
    value.unwrap_or_else(|| panic!("no {name} of {label} in:\n{metrics}"))
}
