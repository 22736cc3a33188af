//! The listener for https as OpenSSL meets it: protocols, names, resumption, certificates of visitors, renewal.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::door::metric;
use super::support::app::App;
use super::support::gate::{Gate, HOST, Setup};
use super::support::program::Program;
use super::tool::run;
use super::visitor::Authority;

const STRICT: &str = "strict.localhost";

/// `https://app.localhost` and `https://strict.localhost`, which wants certificates of `people`; each name has a
/// certificate of its own.
struct House {
    program: Program,
    own: Authority,
    people: Authority,
    _gate: Gate,
    _app: App,
}

impl House {
    fn new() -> Self {
        let (app, own, people) = (App::new(), Authority::new(), Authority::new());
        own.write("app", &[HOST], 2040);
        own.write("strict", &[STRICT], 2041);
        people.write("ann", &["ann.example"], 2040);
        let path = |file: &str| own.path(file).display().to_string();
        let gate = Setup::new(&app.url())
            .site("url = \"https://app.localhost\"")
            .routes(&[("/open", "public")])
            .with(&format!(
                "[listen]\nhttps = [\"127.0.0.1:0\"]\n{}\n\
                 certificates = [{{ cert = \"{}\", key = \"file:{}\" }}]\n\
                 [log]\nformat = \"json\"\n[admin]\nhttp = \"127.0.0.1:0\"\n\
                 [sites.strict]\nurl = \"https://strict.localhost\"\nupstream = \"{}\"\nsupport = \"Help desk\"\n\
                 directory = \"people\"\nscopes = [\"login\"]\nclient_ca = \"{}\"\n\
                 [[sites.strict.routes]]\npath = \"/open\"\nrequire = \"public\"",
                own.listed("app"),
                path("strict.crt"),
                path("strict.key"),
                app.url(),
                people.write_own().display(),
            ))
            .start()
            .stopped();
        Self {
            program: Program::start(&gate),
            own,
            people,
            _gate: gate,
            _app: app,
        }
    }

    /// What `openssl s_client` says with these arguments, and what comes when it asks `host` for a page.
    fn said(&self, host: &str, more: &str) -> String {
        let mut client = Client::new(self, more);
        client.ask(host, "Connection: close\r\n");
        client.rest()
    }

    /// The arguments of somebody whose certificate `people` have signed.
    fn ann(&self) -> String {
        let path = |file: &str| self.people.path(file).display().to_string();
        format!("-cert {} -key {}", path("ann.crt"), path("ann.key"))
    }
}

/// One connection. It believes in the authority of the house, and in the certificate of the name that it wants.
struct Client {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Client {
    fn new(house: &House, more: &str) -> Self {
        let believed = house.own.write_own();
        let mut child = Command::new("timeout")
            .args(["60", "sh", "-c", "exec openssl s_client \"$@\" 2>&1", "sh"])
            .args(["-ign_eof", "-verify_return_error", "-CAfile"])
            .arg(believed)
            .args(["-connect", &house.program.address.to_string()])
            .args(more.split(' ').filter(|word| !word.is_empty()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn ask(&mut self, host: &str, fields: &str) {
        let request = format!("GET /open HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
        // Who is not let in has gone by then.
        drop(
            self.child
                .stdin
                .as_mut()
                .unwrap()
                .write_all(request.as_bytes()),
        );
    }

    /// Reads on to a line that has this; false if the connection ends before.
    fn reaches(&mut self, words: &str) -> bool {
        let mut line = Vec::new();
        while self.lines.read_until(b'\n', &mut line).unwrap() > 0 {
            if String::from_utf8_lossy(&line).contains(words) {
                return true;
            }
            line.clear();
        }
        false
    }

    fn rest(mut self) -> String {
        let mut said = Vec::new();
        self.lines.read_to_end(&mut said).unwrap();
        let ended = self.child.wait().unwrap();
        assert!(![Some(124), Some(127)].contains(&ended.code()), "{ended}");
        String::from_utf8_lossy(&said).into_owned()
    }
}

/// The page of the application.
const PAGE: &str = "HTTP/1.1 200 OK";

#[test]
fn a1_nothing_below_tls_1_2_is_spoken() {
    let house = House::new();
    for (version, spoken) in [
        ("-tls1", false),
        ("-tls1_1", false),
        ("-tls1_2", true),
        ("-tls1_3", true),
    ] {
        // OpenSSL itself offers what is old only where nothing is too weak.
        let weak = format!("-servername {HOST} {version} -cipher ALL:@SECLEVEL=0");
        let said = house.said(HOST, &weak);
        assert_eq!(said.contains(PAGE), spoken, "{version}: {said}");
        assert_eq!(said.contains("SSL alert number"), !spoken, "{said}");
    }
    let old = house.said(
        HOST,
        &format!("-servername {HOST} -tls1_2 -cipher AES128-SHA"),
    );
    assert!(old.contains("alert handshake failure"), "no CBC: {old}");
}

#[test]
fn each_name_has_its_own_certificate_and_who_names_none_gets_the_first() {
    let house = House::new();
    for (asked, wanted, is) in [
        ("-servername app.localhost", HOST, true),
        ("-servername APP.localhost", HOST, true),
        ("-servername strict.localhost", STRICT, true),
        ("-servername strict.localhost", HOST, false),
        ("-servername nobody.localhost", HOST, true),
        ("-noservername", HOST, true),
        ("-noservername", STRICT, false),
    ] {
        let said = house.said(HOST, &format!("{asked} -verify_hostname {wanted}"));
        let shown = !said.contains("hostname mismatch");
        assert_eq!(shown, is, "{asked}, {wanted}: {said}");
    }
}

/// A session goes on with its own host, by a ticket or by its number, and never carries a certificate to another host, or a
/// visitor without one to a host that wants one.
#[test]
fn r3_a_resumed_session_opens_no_other_host() {
    let house = House::new();
    let ann = house.ann();
    let (file, none_file) = (house.own.path("session"), house.own.path("none"));
    let (kept, none) = (file.display(), none_file.display());
    for version in ["-tls1_3", "-tls1_2", "-tls1_2 -no_ticket"] {
        let open = format!("-servername {HOST} {version}");
        let strict = format!("-servername {STRICT} {version}");
        let (keep, resume) = (format!("-sess_out {kept}"), format!("-sess_in {kept}"));
        let said = house.said(HOST, &format!("{open} {keep}"));
        assert!(said.contains(PAGE) && said.contains("New, "), "{said}");
        let again = house.said(HOST, &format!("{open} {resume}"));
        assert!(again.contains(PAGE), "{again}");
        assert!(again.contains("Reused, "), "{version}: {again}");

        // From the open host to the one that wants a certificate.
        for more in ["", &ann] {
            let said = house.said(STRICT, &format!("{strict} {resume} {more}"));
            assert_eq!(said.contains(PAGE), !more.is_empty(), "{version}: {said}");
            assert!(!said.contains("Reused, "), "{said}");
        }
        // And that one gives nothing to go on with, there or anywhere.
        let said = house.said(STRICT, &format!("{strict} {ann} -sess_out {none}"));
        assert!(said.contains(PAGE), "{said}");
        assert!(!none_file.exists(), "{version}: {said}");
    }
    let nameless = house.said(STRICT, &format!("-noservername {ann}"));
    assert!(nameless.contains("HTTP/1.1 421 "), "{nameless}");
}

/// What is sent before the handshake is over could be sent again by somebody else.
#[test]
fn a1_no_data_is_taken_before_the_handshake_is_over() {
    let house = House::new();
    let (kept, early) = (house.own.path("session"), house.own.path("early"));
    std::fs::write(
        &early,
        "GET /open?early HTTP/1.1\r\nHost: app.localhost\r\n\r\n",
    )
    .unwrap();
    let line = format!("-servername {HOST} -tls1_3");
    house.said(HOST, &format!("{line} -sess_out {}", kept.display()));
    let (kept, early) = (kept.display(), early.display());
    let said = house.said(HOST, &format!("{line} -sess_in {kept} -early_data {early}"));
    assert!(said.contains("Reused, ") && said.contains(PAGE), "{said}");
    assert!(said.contains("Early data was not sent"), "{said}");
    assert!(!said.contains("?early"), "{said}");
}

/// In the running program, by its own clock.
#[test]
fn a_renewed_certificate_is_shown_while_connections_go_on() {
    let house = House::new();
    let expires = |year: &str| {
        let said = house.said(HOST, &format!("-servername {HOST} -verify_hostname {HOST}"));
        assert!(said.contains(PAGE), "{said}");
        said.contains(&format!("NotAfter: Jan  1 00:00:00 {year} GMT"))
    };
    let mut open = Client::new(&house, &format!("-servername {HOST} -tls1_3"));
    open.ask(HOST, "");
    assert!(open.reaches(PAGE));
    assert!(expires("2040"));
    let end = || {
        metric(
            &house.program,
            "countersign_certificate_expires_seconds",
            "app.crt",
        )
    };
    assert_eq!(end(), "2208988800");

    house.own.write("app", &[HOST], 2042);
    house.program.says("certificate.renewed");
    assert!(expires("2042"));
    assert_eq!(end(), "2272147200");
    open.ask(HOST, "Connection: close\r\n");
    assert!(open.reaches(PAGE), "it has not noticed");
}

#[test]
fn a_certificate_that_ends_soon_and_one_that_has_ended_are_told_at_the_start() {
    let (app, own) = (App::new(), Authority::new());
    for (days, event) in [
        (None, "certificate.expired"),
        (Some(3), "certificate.expires"),
    ] {
        own.write("app", &[HOST], 2020);
        if let Some(days) = days {
            let path = |file: &str| own.path(file).display().to_string();
            let subject = format!("/CN={HOST}");
            let arguments: [&dyn Display; 13] = [
                &"req",
                &"-x509",
                &"-newkey",
                &"rsa:2048",
                &"-nodes",
                &"-subj",
                &subject,
                &"-days",
                &days,
                &"-keyout",
                &path("app.key"),
                &"-out",
                &path("app.crt"),
            ];
            run("openssl", &arguments);
        }
        let gate = Setup::new(&app.url())
            .site("url = \"https://app.localhost\"")
            .with(&format!(
                "[listen]\nhttps = [\"127.0.0.1:0\"]\n{}\n[log]\nformat = \"json\"",
                own.listed("app"),
            ))
            .start()
            .stopped();
        let program = Program::start(&gate);
        assert_eq!(program.logs(&[event], 0), event);
    }
}
