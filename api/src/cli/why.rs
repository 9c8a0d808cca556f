//! `tillsight rule why-not`: what a rule says about one archived event, and which of its numbers would have turned it.

use std::error::Error;
use std::path::PathBuf;

use chrono::TimeDelta;
use clap::Args;
use tillsight_correlate::engine::Settings;
use tillsight_correlate::lake::History;
use tillsight_correlate::rule::Header;
use tillsight_correlate::why::{Number, Why};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::judgement::Outcome;
use uuid::Uuid;

use super::rules::chosen;
use super::say;
use crate::config::Config;
use crate::run::{adjusted, database, zones};

/// Which rule, and which event.
#[derive(Debug, Args)]
pub(super) struct WhyArguments {
    /// The rule.
    rule: String,
    /// The id of the event: the address of its page ends with it, and `event_id` in SQL is it.
    event: Uuid,
    /// A folder with rules of your own.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// Asks a rule about an event.
pub(super) fn run(config: &Config, arguments: &WhyArguments) -> Result<(), Box<dyn Error>> {
    let folder = arguments.folder.as_deref().or(config.rules.folder.as_deref());
    let rules = chosen(std::slice::from_ref(&arguments.rule), folder)?;
    let Some(rule) = rules.first() else { return Err(format!("there is no rule {}", arguments.rule).into()) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let why = runtime.block_on(async {
        let db = database(config).await?;
        let settings = Settings { adjusted: adjusted(&db).await?, ..Settings::placed(zones(&db).await?) };
        let history = History::open(&config.data.dir.join("lake")).await?;
        let missing =
            "the lake has no such event: it may be younger than its last commit (a minute), or an id of something else";
        let (store, at) = history.find(arguments.event).await?.ok_or(missing)?;
        let span = TimeSpan::new(at, at + TimeDelta::microseconds(1))?;
        let why = Why::ask(&history, rule, settings, &store, (arguments.event, span)).await?;
        why.ok_or_else(|| Box::<dyn Error>::from(missing))
    })?;
    told(&rule.header, &why).iter().for_each(|line| say(line));
    Ok(())
}

/// The answer, line by line.
fn told(rule: &Header, why: &Why) -> Vec<String> {
    let posted = &why.anchor;
    let transaction = &posted.transaction;
    let said = match why.outcome {
        Outcome::Fired => "fires",
        Outcome::Silent => "does not fire",
        Outcome::Indeterminate => "cannot tell",
    };
    let mut lines = vec![
        format!(
            "{} at register {} of store {}, {}",
            transaction.kind.as_str(),
            transaction.register_id,
            transaction.store_id,
            posted.header.event_time.format("%Y-%m-%d %H:%M:%S UTC")
        ),
        format!("{} {said}: {}", rule.id, why.why.replace('_', " ")),
    ];
    if why.why == "not_an_anchor" {
        let kinds: Vec<&str> = rule.anchor.iter().map(|kind| kind.as_str()).collect();
        lines.push(format!("    it judges {} only; ask it about one of those", kinds.join(", ")));
        return lines;
    }
    lines.extend(why.facts.iter().map(|(name, value)| format!("    {} {value}", name.replace('_', " "))));
    lines.extend(why.numbers.iter().map(|number| turn(number, why.outcome == Outcome::Fired)));
    lines
}

/// What a number would change.
fn turn(number: &Number, fires: bool) -> String {
    let Number { name, unit, holds, limits: (min, max), at_most, at_least } = number;
    let otherwise = if fires { "it would not fire" } else { "it would fire" };
    let turn = match (at_most, at_least) {
        (None, None) => format!("no other from {min} to {max} changes it"),
        (Some(most), None) => format!("with {most} or less {otherwise}"),
        (None, Some(least)) => format!("with {least} or more {otherwise}"),
        (Some(most), Some(least)) => format!("with {most} or less, or {least} or more, {otherwise}"),
    };
    format!("    {name} is {holds} {unit}: {turn}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_what_it_would_change() {
        let number = |at_most, at_least| Number {
            name: "more_than".into(),
            unit: "sales".into(),
            holds: 5,
            limits: (1, 50),
            at_most,
            at_least,
        };
        assert_eq!(turn(&number(None, Some(7)), true), "    more_than is 5 sales: with 7 or more it would not fire");
        assert_eq!(turn(&number(Some(2), None), false), "    more_than is 5 sales: with 2 or less it would fire");
        assert_eq!(turn(&number(None, None), false), "    more_than is 5 sales: no other from 1 to 50 changes it");
    }
}
