//! The webhook adapter against Debian's Kannel, by the example of `docs/webhook.md`.
//!
//! Kannel's bearerbox listens on every address of the machine, so all of it runs in a network of its own: the test starts
//! itself again there, where ports are free and nobody else is.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use countersign::carrier::delivery::{Dispatcher, Failed};
use countersign::carrier::{Fate, Receipt};
use countersign::message::Channel;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{interval, timeout};

use crate::bench::{self, PATIENCE};
use crate::webhook;

#[tokio::test]
async fn kannel_takes_messages_says_why_not_and_brings_receipts() {
    if !inside("kannel::kannel_takes_messages_says_why_not_and_brings_receipts").await {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let reports = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut kannel = Kannel::start(folder.path()).await;
    let here = format!("http://{}/receipts", reports.local_addr().unwrap());
    let named = |name: &str, edit: &dyn Fn(String) -> String| -> Dispatcher {
        let carriers = webhook::examples(|blocks| edit(blocks.replace("{RECEIPT_URL}", &here)));
        let mut carriers = carriers.into_iter();
        let carrier = carriers
            .find(|carrier| carrier.name.as_str() == name)
            .unwrap();
        bench::dispatcher(carrier.kind, &["24273"])
    };
    let dispatcher = |edit: &dyn Fn(String) -> String| named("kannel", edit);

    // Taken, and on the other side of the SMSC it is what was sent.
    let message = bench::message(Channel::Sms);
    let sent = dispatcher(&|same| same).send(&message).await.unwrap();
    assert_eq!(sent.id, message.id.as_str());
    let code = message.code.as_str();
    kannel
        .smsc_got(&format!(
            "<24273 +19195550143 text Example: {code} is your Sign in code."
        ))
        .await;
    kannel
        .smsc_got(&format!("<@portal.example.com #{code}>"))
        .await;

    // Receipts: accepted by the SMSC, and delivered, in whatever order.
    let mut told = Vec::new();
    for _ in 0..2 {
        let (mut stream, _) = timeout(PATIENCE, reports.accept()).await.unwrap().unwrap();
        let seen = webhook::read(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let query = seen
            .line
            .split(' ')
            .nth(1)
            .unwrap()
            .strip_prefix("/receipts")
            .unwrap();
        told.extend(webhook::receipts(&dispatcher(&|same| same), query, ""));
    }
    for fate in [Fate::Sent, Fate::Delivered] {
        assert!(
            told.contains(&Receipt {
                id: sent.id.clone(),
                fate
            }),
            "{told:?}"
        );
    }

    // What it does not take.
    let class =
        async |dispatcher: Dispatcher| match dispatcher.send(&bench::message(Channel::Sms)).await {
            Ok(sent) => panic!("taken: {sent:?}"),
            Err(Failed { failure, .. }) => failure.class(),
        };
    let stranger = |blocks: String| blocks.replace("\"countersign\"", "\"somebody\"");
    assert_eq!(class(dispatcher(&stranger)).await, "config");
    let word = |blocks: String| {
        blocks.replace(
            "X-Kannel-To = \"{TO}\"",
            "X-Kannel-To = \"abc\"\nX-To = \"{TO}\"",
        )
    };
    assert_eq!(class(dispatcher(&word)).await, "bad_number");
    let nobody = |blocks: String| blocks.replace("&to={TO}", "&nobody={TO}");
    assert_eq!(class(named("kannel_get", &nobody)).await, "bad_number");
    let media = |blocks: String| blocks.replace("text/plain", "application/xml");
    assert_eq!(class(dispatcher(&media)).await, "config");

    // The same by GET.
    let message = bench::message(Channel::Sms);
    named("kannel_get", &|same| same)
        .send(&message)
        .await
        .unwrap();
    kannel
        .smsc_got(&format!("<@portal.example.com #{}>", message.code.as_str()))
        .await;

    // Without an SMSC it is queued, and with nobody there another carrier may try.
    kannel.smsc.kill().await.unwrap();
    dispatcher(&|same| same)
        .send(&bench::message(Channel::Sms))
        .await
        .unwrap();
    kannel.smsbox.kill().await.unwrap();
    assert_eq!(class(dispatcher(&|same| same)).await, "transient");
}

/// A running Kannel: bearerbox, smsbox, and its own fake of an SMSC.
struct Kannel {
    _bearerbox: Child,
    smsbox: Child,
    smsc: Child,
    log: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

const SMSC: &str = "/usr/lib/kannel/test/fakesmsc";

impl Kannel {
    async fn start(folder: &Path) -> Self {
        let settings = folder.join("kannel.conf");
        let text = "group = core\nadmin-port = 13000\nadmin-password = bar\nsmsbox-port = 13001\nlog-level = 4\n\n\
            group = smsc\nsmsc = fake\nsmsc-id = fake\nhost = localhost\nport = 10000\nconnect-allow-ip = 127.0.0.1\n\n\
            group = smsbox\nbearerbox-host = 127.0.0.1\nsendsms-port = 13013\nsendsms-interface = 127.0.0.1\nlog-level = 4\n\n\
            group = sendsms-user\nusername = countersign\npassword = s3cret\n\n\
            group = sms-service\nkeyword = default\ntext = none\n";
        fs::write(&settings, text).unwrap();
        let start = |program: &str, arguments: &[&str], output: Stdio| {
            Command::new(program)
                .args(arguments)
                .current_dir(folder)
                .stdin(Stdio::null())
                .stdout(output)
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap_or_else(|error| {
                    panic!("{program}: {error}: install Debian's kannel and kannel-extras")
                })
        };
        let settings = settings.to_str().unwrap();
        let bearerbox = start("/usr/sbin/bearerbox", &[settings], Stdio::null());
        for port in [13001, 10000] {
            listens(port).await;
        }
        // It says what it gets on its standard error.
        let joined = format!("exec {SMSC} -H 127.0.0.1 -m 0 'a b text c' 2>&1");
        let mut smsc = start("/bin/sh", &["-c", &joined], Stdio::piped());
        let smsbox = start("/usr/sbin/smsbox", &[settings], Stdio::null());
        listens(13013).await;
        let log = BufReader::new(smsc.stdout.take().unwrap()).lines();
        Self {
            _bearerbox: bearerbox,
            smsbox,
            smsc,
            log,
        }
    }

    /// Waits until the SMSC says that it got that line of a message.
    async fn smsc_got(&mut self, line: &str) {
        let said = async {
            while let Some(said) = self.log.next_line().await.unwrap() {
                if said.contains(line) {
                    return;
                }
            }
            panic!("the SMSC ended");
        };
        timeout(PATIENCE, said)
            .await
            .unwrap_or_else(|_| panic!("the SMSC never got {line}"));
    }
}

/// Waits until somebody takes connections on that port.
async fn listens(port: u16) {
    let mut every = interval(Duration::from_millis(20));
    let connected = async {
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .is_err()
        {
            every.tick().await;
        }
    };
    timeout(PATIENCE, connected)
        .await
        .unwrap_or_else(|_| panic!("nobody listens on {port}"));
}

/// Whether this runs in a network of its own already. If not, the test runs there, and has passed when this returns.
async fn inside(test: &str) -> bool {
    const INSIDE: &str = "COUNTERSIGN_TEST_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    // As root without a user namespace of its own: some machines forbid those.
    for flags in [&["-n"] as &[_], &["-r", "-n"]] {
        let up = ["sh", "-c", "ip link set lo up"];
        let can = Command::new("unshare")
            .args(flags)
            .args(up)
            .stderr(Stdio::null())
            .status()
            .await;
        if !can.expect("unshare is part of every Debian").success() {
            continue;
        }
        let run = "ip link set lo up && exec \"$0\" \"$@\"";
        let output = Command::new("unshare")
            .args(flags)
            .args(["sh", "-c", run])
            .arg(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(INSIDE, "1")
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return false;
    }
    eprintln!(
        "skipped: this machine gives no network namespace, and Kannel would listen on all its addresses"
    );
    false
}
