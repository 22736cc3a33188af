//! A PROXY header as curl writes it, before TLS and before HTTP (R10).

use std::process::Command;

use super::support::app::App;
use super::support::gate::{HOST, Setup};
use super::support::program::Program;
use super::visitor::Authority;

/// What curl gets: a status, or nothing where the connection ends instead.
fn got(program: &Program, url: &str, more: &[&str]) -> Option<String> {
    let to = format!("::{}", program.address);
    let answer = Command::new("curl")
        .args(["-sk", "--max-time", "60", "--connect-to", &to])
        .args(["-o", "/dev/null", "-w", "%{http_code}"])
        .args(more)
        .arg(format!("{url}/open"))
        .output()
        .expect("./test installs curl");
    let status = String::from_utf8(answer.stdout).unwrap();
    answer.status.success().then_some(status)
}

#[test]
fn r10_curl_announces_itself_where_that_is_wanted_and_trusted() {
    let (app, own) = (App::new(), Authority::new());
    own.write("app", &[HOST], 2040);
    let with = ["--haproxy-protocol"];
    let elsewhere = ["--haproxy-protocol", "--interface", "127.0.0.9"];
    for (url, listen) in [
        (
            "https://app.localhost",
            format!("https = [\"127.0.0.1:0\"]\n{}", own.listed("app")),
        ),
        (
            "http://app.localhost",
            "http = [\"127.0.0.1:0\"]".to_owned(),
        ),
    ] {
        for wanted in [true, false] {
            let gate = Setup::new(&app.url())
                .site(&format!("url = \"{url}\""))
                .routes(&[("/open", "public")])
                .with(&format!(
                    "[listen]\nproxy_protocol = {wanted}\ntrusted_proxies = [\"127.0.0.1/32\"]\n{listen}\n\
                     [log]\nformat = \"json\""
                ))
                .start()
                .stopped();
            let program = Program::start(&gate);
            let asked = |more: &[&str]| got(&program, url, more);
            let served = Some("200".to_owned());
            app.forget();
            assert_eq!(asked(&elsewhere).filter(|status| status == "200"), None);
            let (first, none) = if wanted {
                (&with[..], &[][..])
            } else {
                (&[][..], &with[..])
            };
            assert_eq!(
                asked(none).filter(|status| status == "200"),
                None,
                "{url}, {wanted}"
            );
            assert!(app.seen().is_empty());
            assert_eq!(asked(first), served, "{url}, {wanted}");
            let last = app.last();
            assert_eq!(last.head.field("x-forwarded-for"), Some("127.0.0.1"));
        }
    }
}
