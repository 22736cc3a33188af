//! `[admin]` as written: where programs on this machine look in, and where the command talks to.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::diagnostic::Diagnostic;
use crate::config::reader::Reader;
use crate::config::rule::Rule;
use crate::config::value::At;

/// `[admin]`
pub(in crate::config) struct Admin {
    pub(in crate::config) http: Option<At<SocketAddr>>,
    pub(in crate::config) socket: Option<At<PathBuf>>,
}

/// A socket's path with the ending that it has while it is made: `sun_path` holds 108 bytes with the zero at its end
/// (unix(7)).
const LONGEST: usize = 100;

impl Admin {
    pub(super) fn read(mut table: Reader<'_>) -> Self {
        let http = table.optional::<SocketAddr>("http");
        let socket = table.optional::<PathBuf>("socket");
        if let Some(http) = http.as_ref().filter(|http| !http.value.ip().is_loopback()) {
            let problem = Diagnostic::new(
                Rule::BadListener,
                "`http` of [admin] is open to other machines",
                &http.place,
                "a loopback address is wanted",
            );
            table.notes().add(problem.help(format!(
                "write http = \"127.0.0.1:{}\"; for other machines put a proxy with its own access rules before it",
                http.value.port()
            )));
        }
        if let Some(socket) = socket
            .as_ref()
            .filter(|socket| socket.value.as_os_str().len() > LONGEST)
        {
            let problem = Diagnostic::new(
                Rule::BadPath,
                "the path of a socket is too long",
                &socket.place,
                format!("{LONGEST} bytes at the most, with its folder"),
            );
            table
                .notes()
                .add(problem.help("write socket = \"/run/countersign/admin.sock\""));
        }
        table.finish();
        Self { http, socket }
    }
}
