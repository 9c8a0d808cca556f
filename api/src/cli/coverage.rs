//! `tillsight rule coverage`: how each rule sees in each store, as the process that answers HTTP found it last; nothing that is
//! live is listed one by one.

use std::error::Error;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};
use tillsight_schemas::id::{RuleId, StoreKey};

use super::say;
use crate::config::Config;
use crate::matrix::{Kept, SightState, Sights, Unknown, laid_over, lately};
use crate::run::{clock, database};

/// Which stores, and in which form.
#[derive(Debug, Args)]
pub(super) struct CoverageArguments {
    /// One store only.
    #[arg(long)]
    store: Option<String>,
    /// As JSON, with what is live.
    #[arg(long)]
    json: bool,
}

/// Says how the rules see.
pub(super) fn run(config: &Config, arguments: &CoverageArguments) -> Result<(), Box<dyn Error>> {
    let wanted = |store: &StoreKey| arguments.store.as_ref().is_none_or(|only| store.store.as_str() == only);
    if let Some(store) = arguments.store.as_ref().filter(|_| !config.stores.iter().any(|store| wanted(&store.key()))) {
        return Err(format!("there is no store {store}").into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut sights, unknown) = runtime.block_on(async {
        let db = database(config).await?;
        let mut sights = db.sights().await?;
        for (place, said) in lately(&db, clock().now()).await? {
            if let Some(kept) = sights.get_mut(&place) {
                *kept = laid_over(kept, &said);
            }
        }
        Ok::<_, Box<dyn Error>>((sights, db.unknown_registers().await?))
    })?;
    sights.retain(|(store, _), _| wanted(store));
    let unknown: Vec<Unknown> = unknown.into_iter().filter(|unknown| wanted(&unknown.store)).collect();
    if arguments.json {
        say(&format!("{:#}", document(&sights, &unknown)));
    } else if sights.is_empty() {
        say("nothing is known yet: `tillsight run` looks every few seconds");
    } else {
        lines(&sights, &unknown).iter().for_each(|line| say(line));
    }
    Ok(())
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// What is not live, a line each with its reasons below it; then how many are how.
fn lines(sights: &Sights, unknown: &[Unknown]) -> Vec<String> {
    let mut lines = Vec::new();
    for ((store, rule), kept) in sights.iter().filter(|(_, kept)| kept.state != SightState::Live) {
        let store = store.to_string();
        lines.push(format!("{store:16} {:28} {:8} since {}", rule.as_str(), kept.state, minute(kept.since)));
        lines.extend(kept.reasons.iter().map(|reason| format!("    {} {}", reason.words, reason.cure)));
    }
    for Unknown { store, register, raised_at, .. } in unknown {
        lines.push(format!(
            "{store}: register {register} is unknown since {}: name it, or draw its zones",
            minute(*raised_at)
        ));
    }
    let count = |state: &SightState| {
        let of = sights.values().filter(|kept| kept.state == *state).count();
        (of > 0).then(|| format!("{of} {state}"))
    };
    lines.push(SightState::ALL.iter().filter_map(count).collect::<Vec<_>>().join(", "));
    lines
}

fn document(sights: &Sights, unknown: &[Unknown]) -> Value {
    let cell = |((store, rule), kept): (&(StoreKey, RuleId), &Kept)| {
        json!({
            "tenant": store.tenant, "store_id": store.store, "rule_id": rule, "state": kept.state, "since": kept.since,
            "trial": kept.trial, "reasons": kept.reasons,
        })
    };
    let register = |unknown: &Unknown| {
        let Unknown { store, register, raised_at, .. } = unknown;
        json!({ "tenant": store.tenant, "store_id": store.store, "register_id": register, "since": raised_at })
    };
    json!({
        "cells": sights.iter().map(cell).collect::<Vec<_>>(),
        "unknown_registers": unknown.iter().map(register).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::SightReason;

    #[test]
    fn what_is_blind_is_listed_with_its_cure_and_what_is_live_is_counted() {
        let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
        let kept = |state, reasons| Kept { state, since: at("2026-11-22T14:03:00Z"), trial: false, reasons };
        let place = |rule: &str| ("acme/17".parse().unwrap(), rule.parse().unwrap());
        let reason = SightReason {
            code: "no_zone".into(),
            words: "Register 9: no customer zone looks there.".into(),
            cure: "Draw it.".into(),
            registers: vec!["9".parse().unwrap()],
            since: None,
        };
        let sights = Sights::from([
            (place("cancel_burst"), kept(SightState::Live, Vec::new())),
            (place("refund_no_customer"), kept(SightState::Degraded, vec![reason])),
        ]);
        let unknown = Unknown {
            store: "acme/17".parse().unwrap(),
            register: "9".parse().unwrap(),
            raised_at: at("2026-11-22T14:03:00Z"),
            told: true,
        };
        assert_eq!(
            lines(&sights, std::slice::from_ref(&unknown)),
            [
                "acme/17          refund_no_customer           degraded since 2026-11-22 14:03 UTC",
                "    Register 9: no customer zone looks there. Draw it.",
                "acme/17: register 9 is unknown since 2026-11-22 14:03 UTC: name it, or draw its zones",
                "1 live, 1 degraded",
            ]
        );
        let document = document(&sights, &[unknown]);
        assert_eq!(document["cells"][1]["reasons"][0]["code"], "no_zone", "{document}");
        assert_eq!(document["unknown_registers"][0]["register_id"], "9");
    }
}
