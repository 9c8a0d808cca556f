//! The entry of the `tillsight` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    tillsight_api::cli::main()
}
