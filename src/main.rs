//! argv → exit status.

use std::process::ExitCode;

use rollback_safe::cli;

fn main() -> ExitCode {
    cli::main(std::env::args_os().collect(), &cli::Env::of_process()).into()
}
