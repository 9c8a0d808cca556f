//! What a back-test came to, line by line, for people.

use tillsight_schemas::review::Disposition;

use crate::backtest::{BacktestAlert, BacktestAlerts, BacktestPrecision, BacktestResult, BacktestSaid};

/// Alerts and differences that are shown unless all are asked for.
pub(super) const SHOWN: usize = 10;

/// All of it; `shown` says how many alerts and differences are.
pub(super) fn lines(result: &BacktestResult, shown: usize) -> Vec<String> {
    let mut lines = vec![head(result), String::new()];
    lines.extend(table(result));
    // What a rule says for the first time has nothing to be compared with: it is shown.
    let BacktestAlerts { count, items, .. } = &result.alerts;
    if *count > 0 {
        lines.push(String::new());
    }
    lines.extend(items.iter().take(shown).map(|alert| format!("{}  {}", line(alert), alert.words)));
    lines.extend(more("alerts", *count, shown));
    lines.extend(compared(result, shown));
    lines
}

fn head(result: &BacktestResult) -> String {
    format!(
        "{}, {} to {}, {}: {} and {}, in {:.1} s",
        plural(i64::try_from(result.store_ids.len()).unwrap_or(i64::MAX), "store"),
        result.from,
        result.to,
        plural(result.store_days, "store day"),
        plural(result.transactions, "transaction"),
        plural(result.tiles, "tile"),
        result.seconds
    )
}

/// A line for each rule: outcomes, alerts a day, and how those were decided that there are.
fn table(result: &BacktestResult) -> Vec<String> {
    if result.rules.is_empty() {
        return vec!["no anchor in these days".to_owned()];
    }
    let mut lines = vec![format!(
        "{:28} {:>6} {:>7} {:>13} {:>11} {:>7}  {}",
        "rule", "fired", "silent", "indeterminate", "a store day", "seconds", "confirmed of decided"
    )];
    lines.extend(result.rules.iter().map(|rule| {
        let line = format!(
            "{:28} {:>6} {:>7} {:>13} {:>11.3} {:>7.2}  {}",
            rule.rule_id.as_str(),
            rule.fired,
            rule.silent,
            rule.indeterminate,
            rule.rate,
            rule.seconds,
            rule.precision.as_ref().map_or_else(String::new, precision)
        );
        line.trim_end().to_owned()
    }));
    lines
}

/// What is otherwise than before.
fn compared(result: &BacktestResult, shown: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    if !result.uncompared.is_empty() {
        let new: Vec<&str> = result.uncompared.iter().map(|rule| rule.as_str()).collect();
        lines.push(format!("nothing to compare with: {} judged nothing live in these days", new.join(", ")));
    }
    if result.same + result.differs == 0 {
        return lines;
    }
    let counted = |BacktestAlerts { count, decided, confirmed, .. }: &BacktestAlerts| {
        let said = match decided {
            0 => String::new(),
            all => format!(" ({confirmed} of {all} decided ones confirmed)"),
        };
        format!("{}{said}", plural(*count, "alert"))
    };
    lines.push(format!("beside {}: {} the same, {} otherwise", result.against, result.same, result.differs));
    lines.push(format!("    gained {}", counted(&result.gained)));
    lines.push(format!("    lost   {}", counted(&result.lost)));
    // What raises an alert, or no longer, comes first.
    let mut first: Vec<&BacktestAlert> = result.gained.items.iter().chain(&result.lost.items).collect();
    first.sort_by_key(|alert| (alert.event_time, alert.alert_id));
    let all = first.into_iter().chain(&result.otherwise.items);
    lines.extend(all.take(shown).map(|alert| {
        let decision = alert.decided.map(|one: Disposition| format!("; decided: {one}")).unwrap_or_default();
        format!("{}: before {}, now {}{decision}", line(alert), said(&alert.before), said(&alert.now))
    }));
    lines.extend(more("differences", result.differs, shown));
    lines
}

fn line(alert: &BacktestAlert) -> String {
    format!("    {} store {} register {} {}", alert.local_time, alert.store_id, alert.register_id, alert.rule_id)
}

fn said(one: &Option<BacktestSaid>) -> String {
    one.as_ref().map_or_else(|| "not judged".to_owned(), |one| format!("{} ({})", one.outcome, one.why))
}

fn precision(odds: &BacktestPrecision) -> String {
    let percent = |share: f64| share * 100.0;
    format!(
        "{} of {}: {:.0} % ({:.0} to {:.0})",
        odds.confirmed,
        odds.decided,
        percent(odds.share),
        percent(odds.low),
        percent(odds.high)
    )
}

fn plural(count: i64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Says how many are not shown.
fn more(what: &str, all: i64, shown: usize) -> Option<String> {
    let left = usize::try_from(all).unwrap_or(usize::MAX).checked_sub(shown).filter(|left| *left > 0)?;
    Some(format!("    and {left} more {what}; --long shows all"))
}

#[cfg(test)]
mod tests {
    use tillsight_correlate::backtest::Piece;
    use tillsight_schemas::judgement::Outcome;

    use super::*;
    use crate::backtest::Seen;
    use crate::backtest::tally_tests::{judged, result};

    fn told(piece: Piece, decided: &[(u128, Disposition)]) -> String {
        lines(&result(&Seen::beside_live(piece), decided, SHOWN, false), SHOWN).join("\n")
    }

    #[test]
    fn a_rule_that_never_judged_live_is_shown_and_not_compared() {
        let old = judged(1, "post_void", Outcome::Silent, None);
        let mut piece = Piece { live: vec![old.judgement.clone()], ..Piece::default() };
        piece.judged =
            vec![old, judged(2, "mine", Outcome::Fired, Some("Opened.")), judged(3, "mine", Outcome::Silent, None)];
        let lines = told(piece.clone(), &[]);
        assert!(lines.contains("register 1 mine  Opened."), "{lines}");
        assert!(lines.contains("nothing to compare with: mine judged"), "{lines}");
        assert!(lines.contains("1 the same, 0 otherwise") && !lines.contains("now "), "{lines}");
        piece.live.clear();
        assert!(!told(piece, &[]).contains("otherwise"), "nothing was live");
    }

    #[test]
    fn what_is_gained_and_lost_is_told_with_how_it_was_decided() {
        let before = [judged(1, "mine", Outcome::Fired, None), judged(2, "mine", Outcome::Fired, None)];
        let live = before.iter().map(|one| one.judgement.clone()).collect();
        let now = vec![
            judged(1, "mine", Outcome::Silent, None),
            judged(2, "mine", Outcome::Fired, Some("Opened.")),
            judged(3, "mine", Outcome::Fired, Some("Opened.")),
        ];
        let piece = Piece { live, judged: now, ..Piece::default() };
        let lines = told(piece, &[(1, Disposition::Confirmed), (2, Disposition::NoIssue)]);
        assert!(lines.contains("1 the same, 2 otherwise"), "{lines}");
        assert!(lines.contains("gained 1 alert\n"), "{lines}");
        assert!(lines.contains("lost   1 alert (1 of 1 decided ones confirmed)"), "{lines}");
        assert!(
            lines.contains("before fired (customer_present), now silent (customer_present); decided: confirmed"),
            "{lines}"
        );
        assert!(lines.contains("0 of 1: 0 % (0 to 79)"), "{lines}");
        assert!(lines.contains("2.000"), "alerts a day: {lines}");
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let live = (1..=12).map(|number| judged(number, "mine", Outcome::Fired, None).judgement).collect();
        let lines = told(Piece { live, ..Piece::default() }, &[]);
        assert!(lines.contains("and 2 more differences; --long shows all"), "{lines}");
    }
}
