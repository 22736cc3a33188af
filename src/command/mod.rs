//! The command line: a file a command, and the one place that knows exit codes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod check;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod learn;
pub mod preset;
pub mod receipts;
pub mod reload;
pub mod run;
pub mod send_test;

/// Where the configuration is, unless said otherwise.
const CONFIG: &str = "/etc/countersign/countersign.toml";

/// Where systemd puts the admin socket (`RuntimeDirectory=countersign`): its own environment is not that of whoever types a
/// command.
const SOCKET: &str = "/run/countersign/admin.sock";

/// How a command ended (design section 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// Something failed; the reason was printed.
    Failed,
    /// What was asked makes no sense; the reason was printed.
    Usage,
    /// The configuration has errors, which were printed.
    Configuration,
    /// The gateway that runs, or an application that was to be looked at, did not answer to the end.
    Unreachable,
    /// What was named is not there; what is was printed.
    NotFound,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            // Clap's own as well.
            Exit::Usage => 2,
            Exit::Configuration => 3,
            Exit::Unreachable => 4,
            Exit::NotFound => 5,
        })
    }
}

/// An authentication gateway: asks for a code before it lets anybody reach a web application.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show it: a small application, the gateway before it, and the messages here in the terminal
    Demo {
        /// The port to listen on, on this machine only; 0 for any. Default: 8080, or any if that is taken
        #[arg(long)]
        port: Option<u16>,
    },
    /// Run the gateway in the foreground
    Run {
        /// The configuration
        #[arg(long, default_value = CONFIG)]
        config: PathBuf,
    },
    /// Let the gateway that runs read its configuration again, and wait for what comes of it
    Reload(reload::Arguments),
    /// Find every mistake in the configuration
    Check(check::Arguments),
    /// Tell which route a request is on, and why
    Explain {
        /// The method, such as GET
        method: String,
        /// The whole address, such as <https://portal.example.com/some/path>
        url: String,
        /// The configuration
        #[arg(long, default_value = CONFIG)]
        config: PathBuf,
        /// As a WebSocket handshake
        #[arg(long)]
        websocket: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Look for ways into an application that lead past the code
    Doctor(doctor::Arguments),
    /// Look at an application, sign in once, and print a block for it that was tested
    Learn(learn::Arguments),
    /// Show what is known of applications, and what each preset brings
    #[command(subcommand)]
    Preset(preset::Question),
    /// Send one message to try the carriers out, and tell every step up to the receipt
    SendTest(send_test::Arguments),
    /// Print where vendors bring their receipts; each address has a secret in it
    Receipts {
        /// The configuration
        #[arg(long, default_value = CONFIG)]
        config: PathBuf,
    },
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Demo { port } => demo::demo(port).into(),
        Command::Run { config } => run::run(&config).into(),
        Command::Reload(arguments) => reload::reload(&arguments).into(),
        Command::Check(arguments) => check::check(&arguments),
        Command::Explain {
            method,
            url,
            config,
            websocket,
            json,
        } => explain::explain(
            &explain::Question {
                method,
                url,
                websocket,
            },
            &config,
            json,
        )
        .into(),
        Command::Doctor(arguments) => doctor::doctor(&arguments).into(),
        Command::Learn(arguments) => learn::learn(&arguments).into(),
        Command::Preset(question) => preset::preset(&question).into(),
        Command::SendTest(arguments) => send_test::send_test(&arguments).into(),
        Command::Receipts { config } => receipts::receipts(&config).into(),
    }
}

/// The admin socket of the gateway that runs from this configuration.
fn admin_socket(config: &Path) -> PathBuf {
    crate::config::admin_socket(config).unwrap_or_else(|| PathBuf::from(SOCKET))
}

/// Prints a failure and its causes where diagnostics go.
fn fail(error: &dyn std::error::Error) -> Exit {
    // Where nobody reads standard error there is nobody to tell.
    drop(writeln!(
        io::stderr(),
        "countersign: {}",
        crate::observe::chain(error)
    ));
    Exit::Failed
}
