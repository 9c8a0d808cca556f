//! The command line: what there is to say to `tillsight`, and the exit codes (0 done, 1 failed, 64 wrong use).

mod backtest;
mod check;
mod cost;
mod coverage;
mod fsck;
mod people;
mod report;
mod rules;
mod scores;
mod search;
mod serve;
mod why;

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use tillsight_schemas::SystemClock;
use tillsight_schemas::error::chain;

use crate::config::Config;
use crate::db::{Db, Location};
use crate::run::Role;
use crate::telemetry;

/// Wrong configuration or arguments (`EX_USAGE`).
const USAGE: u8 = 64;

/// Retail loss prevention: what the tills say, what the cameras saw.
#[derive(Debug, Parser)]
#[command(name = "tillsight", version, about, max_term_width = 100)]
struct Arguments {
    /// The configuration file.
    #[arg(long, short, global = true, env = "TILLSIGHT_CONFIG", default_value = "tillsight.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything and keep it running.
    Run {
        /// Only these roles, separated by commas: broker, recorder, analytics, correlate, sql, api.
        #[arg(long, value_delimiter = ',')]
        roles: Option<Vec<Role>>,
    },
    /// Is what the configuration names there and usable? A line for each thing, with the cure where it is not.
    Check(check::CheckArguments),
    /// People who log in.
    #[command(subcommand)]
    User(people::UserCommand),
    /// Find receipts and alerts.
    Search(search::SearchArguments),
    /// What programs log in with.
    #[command(subcommand)]
    Token(people::TokenCommand),
    /// Check whether what lies on disk is whole.
    Fsck(fsck::FsckArguments),
    /// Make a report.
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Operators and stores beside their peers: who stands out, and why.
    Scores(scores::ScoresArguments),
    /// Rules: list them, run their tests, back-test them over what was archived.
    #[command(subcommand)]
    Rule(rules::RuleCommand),
    /// Two stores on real baskets, from nothing to a running system.
    #[cfg(feature = "demo")]
    Demo(crate::demo::DemoArguments),
    /// The demo's tills.
    #[cfg(feature = "demo")]
    #[command(hide = true)]
    Till(crate::demo::TillArguments),
    /// Do the work of one role in this process (`run` starts these).
    #[command(hide = true)]
    Role {
        /// Which.
        role: Role,
    },
}

/// Reads the command line, does what it says, and returns the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            return match error.print() {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => ExitCode::FAILURE,
                _ => ExitCode::from(code),
            };
        }
    };
    telemetry::log_to_stderr();
    let result = match arguments.command {
        Command::Rule(rule) if !rule.needs_system() => rules::rule(&rule, &arguments.config),
        #[cfg(feature = "demo")]
        Command::Demo(demo) => crate::demo::run(&demo, remark).map_err(|error| error as Box<dyn std::error::Error>),
        #[cfg(feature = "demo")]
        Command::Till(till) => crate::demo::ring(&till)
            .map(|sent| say(&sent.to_string()))
            .map_err(|error| error as Box<dyn std::error::Error>),
        command => return with_config(&arguments.config, command),
    };
    exit_code(result)
}

/// Does what needs a configuration.
fn with_config(path: &Path, command: Command) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => {
            complain(&error);
            return ExitCode::from(USAGE);
        }
    };
    // The processes take over and follow by themselves; people are asked about by name.
    let config = match command {
        Command::Check(_)
        | Command::Fsck(_)
        | Command::Report(_)
        | Command::Scores(_)
        | Command::Search(_)
        | Command::Rule(_) => as_set_up(config),
        _ => config,
    };
    exit_code(match command {
        Command::Run { roles } => serve::run(&config, path, roles),
        Command::Check(arguments) => {
            check::check(&config, path, arguments).then_some(()).ok_or_else(|| "put right what is marked BAD".into())
        }
        Command::Fsck(arguments) => fsck::fsck(&config, &arguments),
        Command::Report(command) => report::report(&config, &command),
        Command::Scores(arguments) => scores::scores(&config, &arguments),
        Command::Search(arguments) => search::search(&config, &arguments),
        Command::User(command) => people::user(&config, command),
        Command::Token(command) => people::token(&config, command),
        Command::Role { role } => crate::run::run_role(role, &config, path).map_err(Into::into),
        Command::Rule(rules::RuleCommand::Backtest(arguments)) => backtest::run(&config, &arguments),
        Command::Rule(rules::RuleCommand::WhyNot(arguments)) => why::run(&config, &arguments),
        Command::Rule(rules::RuleCommand::List { folder, .. }) => cost::run(&config, folder.as_deref()),
        Command::Rule(rules::RuleCommand::Coverage(arguments)) => coverage::run(&config, &arguments),
        Command::Rule(_) => Ok(()),
        #[cfg(feature = "demo")]
        Command::Demo(_) | Command::Till(_) => Ok(()),
    })
}

/// A configuration with what was set up on pages in the place of what it bootstrapped; as it is where the database
/// cannot be read, which `check` says by itself.
fn as_set_up(config: Config) -> Config {
    if matches!(config.database(), Location::File(file) if !file.is_file()) {
        return config;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return config };
    let read = runtime.block_on(async {
        let db = Db::open(&config.database(), Arc::new(SystemClock)).await?;
        db.set_up_with(&config).await
    });
    match read {
        Ok(set_up) => set_up.into_config(&config),
        Err(error) => {
            tracing::warn!(error = %chain(&error), "what was set up on pages is not known: this goes by the file");
            config
        }
    }
}

fn exit_code(result: Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Prints an error with all its causes, one a line.
#[expect(clippy::print_stderr, reason = "this is the command line's last word")]
fn complain(error: &dyn std::error::Error) {
    eprintln!("tillsight: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        eprintln!("  because: {inner}");
        cause = inner.source();
    }
}

/// Prints a result of a command.
fn say(text: &str) {
    print(format!("{text}\n").as_bytes());
}

/// Prints bytes of a result. Who stopped reading (`| head`) wants no more of it; a disk that is full is a failure.
#[expect(clippy::exit, reason = "nothing of the result can be told any more")]
fn print(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            complain(&error);
            std::process::exit(1);
        }
    }
}

/// Prints what a command says that goes on, whether or not somebody reads it.
#[cfg(feature = "demo")]
fn remark(text: &str) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        tracing::trace!("nobody reads what this says");
    }
}
