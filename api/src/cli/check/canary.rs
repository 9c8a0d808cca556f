//! Whether the last canary of each store came out.

use chrono::{DateTime, Utc};
use tillsight_schemas::error::chain;
use tokio::runtime::Runtime;

use super::line::Line;
use crate::canary::{CanaryState, state};
use crate::config::{Canary, Config};
use crate::db::{Db, Sung};
use crate::run::clock;

/// What is found, where canaries are sent.
pub(super) fn canaries(runtime: &Runtime, config: &Config, db: Option<&Db>) -> Vec<Line> {
    let (true, Some(db)) = (config.canary.enabled, db) else { return Vec::new() };
    match runtime.block_on(db.canaries()) {
        Ok(sung) if sung.is_empty() => vec![Line::ok("canary", "none was sent yet")],
        Ok(sung) => sung.iter().map(|sung| line(sung, config.canary, clock().now())).collect(),
        Err(error) => vec![Line::warn("canary", chain(&error), "look at the database")],
    }
}

fn line(sung: &Sung, canary: Canary, now: DateTime<Utc>) -> Line {
    let (store, sent_at) = (&sung.store, sung.sent_at.format("%Y-%m-%d %H:%M UTC"));
    match (state(sung, canary, now), sung.came_at) {
        (CanaryState::Overdue, _) => Line::bad(
            "canary",
            format!("that of {store}, sent {sent_at}, did not come out"),
            "docs/runbooks.md#tillsightcanarymissing",
        ),
        (_, Some(came_at)) => {
            let took = (came_at - sung.sent_at).num_seconds();
            Line::ok("canary", format!("that of {store}, sent {sent_at}, came out after {took} s"))
        }
        (_, None) => Line::ok("canary", format!("that of {store} is on its way")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Mark;
    use super::*;

    #[test]
    fn one_that_did_not_come_out_is_bad() {
        let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
        let sent_at = at("2026-11-22T10:00:00Z");
        let mut sung = Sung {
            store: "acme/17".parse().unwrap(),
            day: "2026-11-22".parse().unwrap(),
            sent_at,
            came_at: None,
            silent_since: sent_at,
        };
        let said = |sung: &Sung, now: &str| line(sung, Canary::default(), at(now));
        assert_eq!(said(&sung, "2026-11-22T10:01:00Z").mark, Mark::Ok);
        let missing = said(&sung, "2026-11-22T10:03:00Z");
        assert!(missing.mark == Mark::Bad && missing.said.contains("that of acme/17, sent 2026-11-22 10:00 UTC"));
        sung.came_at = Some(at("2026-11-22T10:00:04Z"));
        assert!(said(&sung, "2026-11-22T10:03:00Z").said.ends_with("came out after 4 s"));
    }
}
