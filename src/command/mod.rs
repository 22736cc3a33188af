//! To be written.

pub mod demo;

/// To be written.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
