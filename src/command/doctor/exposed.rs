//! Whether the application can be reached without the gateway.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Visit;
use super::finding::Finding;
use super::listening;
use crate::config::rule::Severity;
use crate::upstream::Address;

/// Where Linux tells who listens.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Looks at the socket of the application. `gateway` is what listens by this configuration.
pub(super) async fn look(visit: &mut Visit<'_>, gateway: &[SocketAddr]) {
    let (severity, seen, why, write) = match &visit.settings.upstream.address {
        Address::Unix(path) => {
            visit.tried(format!("who may open {}", path.display()));
            if !anybody_opens(path) {
                return;
            }
            (
                Severity::Warning,
                format!("{} can be opened by every user of this machine", path.display()),
                "they reach the application without a code".to_owned(),
                "let the application make it with mode 0660 and the group of the gateway, or in a folder that only the two can enter".to_owned(),
            )
        }
        Address::Tcp { host, port } | Address::Tls { host, port, .. } => {
            let (host, port) = (host.clone(), *port);
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let Ok(found) = tokio::net::lookup_host((bare, port)).await else {
                return;
            };
            let found: Vec<IpAddr> = found.map(|found| found.ip().to_canonical()).collect();
            let listening = listeners(port);
            visit.tried(format!("who listens on port {port}"));
            match past(&found, port, &listening, gateway) {
                Past::Nobody => return,
                Past::Here(open) => (
                    Severity::Error,
                    format!("something listens on {}", spoken(&open, port)),
                    "if it is the application, whoever reaches this machine there needs no code"
                        .to_owned(),
                    format!(
                        "let the application listen on 127.0.0.1:{port} only (with Docker: ports = \"127.0.0.1:{port}:…\"), or shut the port to all but the gateway"
                    ),
                ),
                Past::There => (
                    Severity::Warning,
                    format!("the application is at {host}:{port}, which is not loopback"),
                    "whoever reaches that address needs no code".to_owned(),
                    "let its firewall take connections from this gateway only".to_owned(),
                ),
            }
        }
    };
    visit.found(Finding {
        severity,
        site: Some(visit.site_name()),
        seen,
        why,
        write,
    });
}

/// Who gets past the gateway.
#[derive(Debug, PartialEq, Eq)]
enum Past {
    Nobody,
    /// Who reaches these addresses of this machine.
    Here(Vec<IpAddr>),
    /// Who reaches the machine that it is on.
    There,
}

fn past(found: &[IpAddr], port: u16, listening: &[IpAddr], gateway: &[SocketAddr]) -> Past {
    let ours = |address: &IpAddr| {
        gateway
            .iter()
            .any(|own| own.ip() == *address && own.port() == port)
    };
    let open: Vec<IpAddr> = listening
        .iter()
        .copied()
        .filter(|address| !address.is_loopback() && !ours(address))
        .collect();
    let here = found.iter().all(IpAddr::is_loopback)
        || found.iter().any(|address| listening.contains(address));
    match (here, open.is_empty()) {
        (true, true) => Past::Nobody,
        (true, false) => Past::Here(open),
        (false, _) => Past::There,
    }
}

/// The addresses of this machine on which the port is listened on; none where the system does not tell.
fn listeners(port: u16) -> Vec<IpAddr> {
    let tables = TABLES
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok());
    tables
        .flat_map(|table| listening::on(port, &table))
        .collect()
}

/// `0.0.0.0:8080 (every address) and 192.168.0.2:8080`
fn spoken(open: &[IpAddr], port: u16) -> String {
    let each: Vec<String> = open
        .iter()
        .map(|&address| {
            let every = if address.is_unspecified() {
                " (every address)"
            } else {
                ""
            };
            format!("{}{every}", SocketAddr::new(address, port))
        })
        .collect();
    each.join(" and ")
}

/// Whether others may write to the socket, and enter every folder on the way to it (unix(7)).
fn anybody_opens(path: &Path) -> bool {
    let others = |path: &Path, bit: u32| {
        std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & bit != 0)
    };
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    others(&path, 0o002) && path.ancestors().skip(1).all(|folder| others(folder, 0o001))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn only_loopback_is_out_of_everybodys_reach() {
        let gateway = ["192.168.0.2:8080".parse().unwrap()];
        let here = |open: &[&str]| Past::Here(addresses(open));
        for (found, listening, expected) in [
            (&["127.0.0.1"][..], &["127.0.0.1"][..], Past::Nobody),
            (&["::1", "127.0.0.1"], &["127.0.0.1", "::1"], Past::Nobody),
            // The system does not tell.
            (&["127.0.0.1"], &[], Past::Nobody),
            (&["127.0.0.1"], &["0.0.0.0"], here(&["0.0.0.0"])),
            (&["127.0.0.1"], &["127.0.0.1", "::"], here(&["::"])),
            // The gateway itself.
            (&["127.0.0.1"], &["127.0.0.1", "192.168.0.2"], Past::Nobody),
            (&["127.0.0.1"], &["192.168.0.3"], here(&["192.168.0.3"])),
            // Another address of this machine.
            (&["10.0.0.7"], &["10.0.0.7"], here(&["10.0.0.7"])),
            (&["10.0.0.7"], &[], Past::There),
        ] {
            let past = past(&addresses(found), 8080, &addresses(listening), &gateway);
            assert_eq!(past, expected, "{found:?} {listening:?}");
        }
        let open = addresses(&["0.0.0.0", "::", "10.0.0.7"]);
        assert_eq!(
            spoken(&open, 80),
            "0.0.0.0:80 (every address) and [::]:80 (every address) and 10.0.0.7:80"
        );
    }

    #[test]
    #[allow(clippy::print_stderr, reason = "says why it tries nothing")]
    fn a_socket_is_open_to_all_if_its_folders_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(folder.path(), 0o755);
        mode(&path, 0o666);
        let above = folder.path().ancestors().skip(1);
        let mut above = above.filter_map(|folder| std::fs::metadata(folder).ok());
        if !above.all(|folder| folder.permissions().mode() & 0o001 != 0) {
            return eprintln!("temporary folders of this machine are closed to others");
        }
        assert!(anybody_opens(&path));
        mode(&path, 0o660);
        assert!(!anybody_opens(&path));
        mode(&path, 0o666);
        mode(folder.path(), 0o750);
        assert!(!anybody_opens(&path));
        mode(folder.path(), 0o755);
    }
}
