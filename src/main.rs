//! The `countersign` binary: hands over to [`countersign::command`].

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign::command::main()
}
