//! `tillsight rule`: what rules there are, and whether their tests pass.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use tillsight_correlate::rule::{Rule, fixture};
use tillsight_schemas::error::chain;

use super::backtest::BacktestArguments;
use super::say;

/// What one may ask about rules.
#[derive(Debug, Subcommand)]
pub(super) enum RuleCommand {
    /// List the rules: the library's and those of a folder.
    List {
        /// A folder with rules of your own.
        #[arg(long)]
        folder: Option<PathBuf>,
        /// With description and parameters.
        #[arg(long)]
        long: bool,
    },
    /// Run the tests of rules: those of the library and of a folder, or only the named ones.
    Test {
        /// The rules.
        rules: Vec<String>,
        /// A folder with rules of your own.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Judge what was archived, and say what came out otherwise than live.
    Backtest(BacktestArguments),
}

impl RuleCommand {
    /// Whether it works on the data of an installation.
    pub(super) fn needs_system(&self) -> bool {
        matches!(self, Self::Backtest(_))
    }
}

/// Does what was asked.
pub(super) fn rule(command: &RuleCommand) -> Result<(), Box<dyn std::error::Error>> {
    match command {
        RuleCommand::List { folder, long } => list(folder.as_deref(), *long),
        RuleCommand::Test { rules, folder } => test(rules, folder.as_deref()),
        RuleCommand::Backtest(_) => Ok(()),
    }
}

fn list(folder: Option<&Path>, long: bool) -> Result<(), Box<dyn std::error::Error>> {
    for rule in Rule::known(folder)? {
        let header = &rule.header;
        let asked_for = if header.by_default { "" } else { " (off)" };
        say(&format!(
            "{:28} {:5} {:8} {}{asked_for}",
            header.id.as_str(),
            header.version,
            header.severity,
            header.name
        ));
        if long {
            say(&format!("    {}", header.description));
            for need in &header.needed {
                let kinds: Vec<&str> = need.kinds.iter().map(|kind| kind.as_str()).collect();
                say(&format!("    needs {} of {}", need.field, kinds.join(", ")));
            }
            for (name, param) in &header.params {
                say(&format!(
                    "    {name} = {} {} ({} to {}): {}",
                    param.default, param.unit, param.min, param.max, param.description
                ));
            }
        }
    }
    Ok(())
}

/// The rules of these names, or all that judge.
pub(super) fn chosen(wanted: &[String], folder: Option<&Path>) -> Result<Vec<Rule>, Box<dyn std::error::Error>> {
    let mut rules = if wanted.is_empty() { Rule::all(folder)? } else { Rule::known(folder)? };
    for name in wanted {
        if !rules.iter().any(|rule| rule.header.id.as_str() == name) {
            return Err(format!("there is no rule {name}; `tillsight rule list` names them").into());
        }
    }
    rules.retain(|rule| wanted.is_empty() || wanted.iter().any(|name| name == rule.header.id.as_str()));
    Ok(rules)
}

fn test(wanted: &[String], folder: Option<&Path>) -> Result<(), Box<dyn std::error::Error>> {
    let rules = if wanted.is_empty() { Rule::known(folder)? } else { chosen(wanted, folder)? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut passed, mut failed) = (0_u32, 0_u32);
    for rule in &rules {
        if rule.tests.is_empty() {
            say(&format!("{}: has no tests", rule.header.id));
        }
        let results = runtime.block_on(fixture::run(rule)).map_err(|error| chain(&error))?;
        for result in results {
            let verdict = if result.problems.is_empty() { "ok" } else { "FAILED" };
            say(&format!("{} / {} ... {verdict}", rule.header.id, result.name));
            for problem in &result.problems {
                say(&format!("    {problem}"));
            }
            if result.problems.is_empty() { passed += 1 } else { failed += 1 }
        }
    }
    say(&format!("{passed} passed, {failed} failed, each in five ways of cutting time"));
    if failed == 0 { Ok(()) } else { Err(format!("{failed} tests of rules failed").into()) }
}
