//! `tillsight rule`: what rules there are, which of them are held back, and whether their tests pass.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use tillsight_correlate::rule::{Origin, Rule, RuleError, fixture};
use tillsight_schemas::SystemClock;
use tillsight_schemas::error::chain;

use super::backtest::BacktestArguments;
use super::coverage::CoverageArguments;
use super::say;
use super::why::WhyArguments;
use crate::config::Config;
use crate::db::{Db, Location, RuleStanding};

/// What one may ask about rules.
#[derive(Debug, Subcommand)]
pub(super) enum RuleCommand {
    /// List the rules: the library's and those of a folder.
    List {
        /// A folder with rules of your own.
        #[arg(long)]
        folder: Option<PathBuf>,
        /// With description, parameters, what else may be behind an alert, and what the rule cannot see.
        #[arg(long)]
        long: bool,
        /// With what each costs a store: time and bytes, measured over the newest day of the lake.
        #[arg(long, conflicts_with = "long")]
        cost: bool,
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
    /// Why a rule fired on an event, or did not, and which of its numbers would have turned it.
    #[command(name = "why-not", visible_alias = "why")]
    WhyNot(WhyArguments),
    /// How each rule sees in each store just now, and why not.
    Coverage(CoverageArguments),
}

impl RuleCommand {
    /// Whether it works on the data of an installation.
    pub(super) fn needs_system(&self) -> bool {
        matches!(self, Self::Backtest(_) | Self::WhyNot(_) | Self::Coverage(_) | Self::List { cost: true, .. })
    }
}

/// Does what was asked; `config` is looked into where there is one.
pub(super) fn rule(command: &RuleCommand, config: &Path) -> Result<(), Box<dyn Error>> {
    match command {
        RuleCommand::List { folder, long, .. } => list(folder.as_deref(), *long, &held_back(config)),
        RuleCommand::Test { rules, folder } => test(rules, folder.as_deref()),
        RuleCommand::Backtest(_) | RuleCommand::WhyNot(_) | RuleCommand::Coverage(_) => Ok(()),
    }
}

/// The versions of rules that an installation holds back. Rules are listed without an installation, too.
fn held_back(config: &Path) -> Vec<RuleStanding> {
    let Ok(config) = Config::load(config) else { return Vec::new() };
    let location = config.database();
    if matches!(&location, Location::File(file) if !file.is_file()) {
        return Vec::new();
    }
    let read = || -> Result<Vec<RuleStanding>, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let standings = async { Db::open(&location, Arc::new(SystemClock)).await?.standings(None).await };
        Ok(runtime.block_on(standings)?)
    };
    match read() {
        Ok(standings) => standings.into_iter().filter(|standing| standing.demoted).collect(),
        Err(error) => {
            tracing::warn!(error = %chain(&*error), "which rules are held back is not known");
            Vec::new()
        }
    }
}

/// That a rule is held back, and why.
fn held(standing: &RuleStanding) -> String {
    let percent = |permille: i64| format!("{}.{} %", permille / 10, permille % 10);
    let RuleStanding { tenant, version, confirmed, decided, .. } = standing;
    format!(
        "    {version} is held back for {tenant} since {}: {confirmed} of {decided} confirmed, {} at most, below {}",
        standing.at.format("%Y-%m-%d %H:%M UTC"),
        percent(standing.high),
        percent(standing.floor)
    )
}

fn list(folder: Option<&Path>, long: bool, held_back: &[RuleStanding]) -> Result<(), Box<dyn Error>> {
    let (rules, unreadable) = Rule::known(folder);
    for rule in rules {
        let header = &rule.header;
        let mark = match rule.origin {
            Origin::Library if header.by_default => "",
            Origin::Library => " (off)",
            Origin::Adopted => " (with your numbers)",
            Origin::Own => " (your own)",
            Origin::InPlace => " (your own, in the place of the library's)",
        };
        say(&format!("{:28} {:5} {:8} {}{mark}", header.id.as_str(), header.version, header.severity, header.name));
        for standing in held_back.iter().filter(|standing| standing.rule == header.id.as_str()) {
            say(&held(standing));
        }
        if long {
            say(&format!("    {}", header.description));
            for need in &header.needed {
                let kinds: Vec<&str> = need.kinds.iter().map(|kind| kind.as_str()).collect();
                say(&format!("    needs {} of {}", need.field, kinds.join(", ")));
            }
            for sentence in &header.innocent {
                say(&format!("    may be innocent: {sentence}"));
            }
            for sentence in &header.blind_to {
                say(&format!("    cannot see: {sentence}"));
            }
            for (name, param) in &header.params {
                say(&format!(
                    "    {name} = {} {} ({} to {}): {}",
                    param.default, param.unit, param.min, param.max, param.description
                ));
            }
        }
    }
    match listed(&unreadable) {
        said if said.is_empty() => Ok(()),
        said => Err(said.into()),
    }
}

/// What cannot be read, a line each.
fn listed(unreadable: &[RuleError]) -> String {
    unreadable.iter().map(|error| chain(error)).collect::<Vec<_>>().join("\n")
}

/// The rules of these names, or all that judge. Others of the folder may be wrong.
pub(super) fn chosen(wanted: &[String], folder: Option<&Path>) -> Result<Vec<Rule>, Box<dyn Error>> {
    if wanted.is_empty() {
        return Ok(Rule::all(folder)?);
    }
    let (mut rules, unreadable) = Rule::known(folder);
    let is_there = |name: &&String| rules.iter().any(|rule| rule.header.id.as_str() == name.as_str());
    if let Some(name) = wanted.iter().find(|name| !is_there(name)) {
        return Err(match listed(&unreadable) {
            said if said.is_empty() => format!("there is no rule {name}; `tillsight rule list` names them").into(),
            said => format!("there is no rule {name} that can be read: {said}").into(),
        });
    }
    rules.retain(|rule| wanted.iter().any(|name| name == rule.header.id.as_str()));
    Ok(rules)
}

fn test(wanted: &[String], folder: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let (rules, unreadable) =
        if wanted.is_empty() { Rule::known(folder) } else { (chosen(wanted, folder)?, Vec::new()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut passed, mut failed) = (0_u32, 0_u32);
    let mut count = |what: &str, problems: &[String]| {
        say(&format!("{what} ... {}", if problems.is_empty() { "ok" } else { "FAILED" }));
        for problem in problems {
            say(&format!("    {problem}"));
        }
        if problems.is_empty() { passed += 1 } else { failed += 1 }
    };
    for error in &unreadable {
        count("a rule of the folder", &[chain(error)]);
    }
    for rule in &rules {
        let id = &rule.header.id;
        match rule.origin {
            Origin::InPlace => say(&format!("{id}: your own, in the place of the library's rule of this name")),
            _ if rule.tests.is_empty() => say(&format!("{id}: has no tests")),
            _ => {}
        }
        match runtime.block_on(fixture::run(rule)) {
            Ok(results) => results.iter().for_each(|one| count(&format!("{id} / {}", one.name), &one.problems)),
            Err(error) => count(id.as_str(), &[chain(&error)]),
        }
    }
    say(&format!("{passed} passed, {failed} failed, each in five ways of cutting time"));
    if failed == 0 { Ok(()) } else { Err(format!("{failed} tests of rules failed").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_is_held_back_is_listed_with_the_numbers_that_decided_it() {
        let standing = RuleStanding {
            tenant: "acme".into(),
            rule: "low_sales".into(),
            version: "1.0".into(),
            at: "2026-11-22T16:00:00Z".parse().unwrap(),
            demoted: true,
            decided: 35,
            confirmed: 0,
            share: 0,
            low: 0,
            high: 99,
            floor: 100,
        };
        assert_eq!(
            held(&standing),
            "    1.0 is held back for acme since 2026-11-22 16:00 UTC: 0 of 35 confirmed, 9.9 % at most, below 10.0 %"
        );
    }
}
