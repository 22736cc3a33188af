//! To be written.
use std::path::PathBuf;

/// Where an application is and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The socket.
    pub address: Address,
    /// `host` or `host:port` of `upstream = "…"`; for a unix socket `localhost`.
    pub authority: String,
    /// Which Host, Origin and Referer the application sees.
    pub host: HostMode,
}
/// The socket of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `http://host:port`.
    Tcp { host: String, port: u16 },
    /// `https://host:port`, with the operator's own authority file or the system's store.
    Tls { host: String, port: u16, ca: Option<PathBuf> },
    /// `unix:/run/app.sock`.
    Unix(PathBuf),
}
/// Which Host, Origin and Referer the application sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HostMode {
    /// The application's own; answers are mapped back.
    #[default]
    Upstream,
    /// The public ones.
    Preserve,
}
