//! To be written.
/// To be written.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
