//! A server from Debian, run in the foreground for one test.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

/// One that listens. Dropping it ends it and all that it started.
pub struct Instance {
    process: Process,
    folder: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
}

struct Process(Child);

impl Instance {
    /// Runs what `command` says of a fresh folder and a free port, and waits until somebody listens there.
    ///
    /// The folder can be read by everybody: who starts as root serves as somebody else.
    pub fn start(command: impl Fn(&Path, u16) -> Command) -> Self {
        // A port that was free a moment ago may be somebody's by now.
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            let port = free_port();
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let log = fs::File::create(folder.path().join("said.log")).unwrap();
            let mut command = command(folder.path(), port);
            let child = command
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .process_group(0)
                .spawn()
                .unwrap_or_else(|why| panic!("{command:?}: {why}; ./test installs it"));
            let mut own = Self {
                process: Process(child),
                folder,
                address,
            };
            if own.listens() {
                return own;
            }
            let said = own.read("said.log");
            assert!(said.contains("in use"), "it does not start: {said}");
        }
        panic!("every port is taken");
    }

    /// What a file of its folder says so far; nothing if it is not there.
    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// True once it takes connections, false if it has ended instead.
    fn listens(&mut self) -> bool {
        for _ in 0..1200 {
            if self.process.0.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(self.address).is_ok() {
                return true;
            }
            thread::park_timeout(Duration::from_millis(50));
        }
        panic!("it does not listen: {}", self.read("said.log"));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.0);
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.0.wait();
    }
}

/// What a command says of its version, to whichever output, first line.
pub fn version(command: &str, argument: &str) -> String {
    let said = Command::new(command)
        .arg(argument)
        .output()
        .unwrap_or_else(|why| panic!("{command}: {why}; ./test installs it"));
    let said = [said.stdout, said.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let word = |word: &&str| word.contains('.') && word.contains(|c: char| c.is_ascii_digit());
    let line = said.lines().next().unwrap_or_default();
    let found = line.split([' ', '/']).find(word);
    found.unwrap_or(line).to_owned()
}

/// Writes a file of an instance's folder.
pub fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
