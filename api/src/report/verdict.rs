//! What a day comes to, in a sentence or two: exceptions first, then whether the system could see.
//!
//! A quiet day is said only of a day that was seen.

use chrono::TimeDelta;
use chrono_tz::Tz;
use tillsight_schemas::money::Currency;

use super::model::{Exception, ReportBlind, ReportCamera, ReportGap, ReportTotals, ReportVerdict};

/// Below this a camera counts as blind, in thousandths of the time that it was to record.
const SEEN_PERMILLE: i64 = 950;
/// Gaps that are named, the longest first; shorter than a minute none is.
const GAPS: usize = 2;
const GAP_FROM: TimeDelta = TimeDelta::minutes(1);

/// What the verdict is made of.
pub(super) struct Facts<'a> {
    /// All exceptions of the day, those that are not listed included.
    pub(super) exceptions: &'a [Exception],
    pub(super) totals: &'a ReportTotals,
    pub(super) cameras: &'a [ReportCamera],
    pub(super) blind: &'a [ReportBlind],
    pub(super) currency: Currency,
    pub(super) tz: Tz,
}

/// The verdict of a day.
pub(super) fn verdict(facts: &Facts<'_>) -> ReportVerdict {
    let Facts { exceptions, totals, .. } = facts;
    let sight = sight(facts);
    let (level, text) = if exceptions.is_empty() {
        match (totals.transactions, &sight.problem) {
            (0, _) if facts.cameras.iter().all(|camera| camera.uptime_permille.is_none()) => {
                ("blind", "Nothing is known of this day: no record of a till, and no video.".to_owned())
            }
            (0, _) => ("blind", "No transaction came from the tills, so nothing could be judged.".to_owned()),
            (_, Some(problem)) => ("blind", format!("No rule fired, but {problem}.")),
            (_, None) => ("quiet", "Quiet day".to_owned()),
        }
    } else {
        let open = exceptions.iter().filter(|each| each.disposition.is_none()).count();
        let stake: i64 = exceptions.iter().filter_map(|each| each.amount_minor).sum();
        let number = counted(exceptions.len(), "exception", "exceptions");
        let decided = if open == exceptions.len() {
            "none decided yet".to_owned()
        } else if open == 0 {
            "all decided".to_owned()
        } else {
            format!("{open} still to be decided")
        };
        let mut text = format!("{number}, {} at stake, {decided}.", facts.currency.format(stake));
        if let Some(problem) = &sight.problem {
            text = format!("{text} Mind that {problem}.");
        }
        ("look", text)
    };
    let text = if level == "quiet" {
        format!("{text}, {}", sight.words)
    } else {
        format!("{text} {}", first_up(&sight.words))
    };
    ReportVerdict { level: level.to_owned(), text }
}

struct Seen {
    words: String,
    problem: Option<String>,
}

fn sight(facts: &Facts<'_>) -> Seen {
    let recording: Vec<(&ReportCamera, i64)> =
        facts.cameras.iter().filter_map(|camera| Some((camera, camera.uptime_permille?))).collect();
    let words = match i64::try_from(recording.len()) {
        Ok(count) if count > 0 => {
            let all: i64 = recording.iter().map(|(_, uptime)| uptime).sum();
            format!("cameras saw {}{}.", percent(all / count), gaps(facts))
        }
        _ if facts.cameras.is_empty() => "the store has no camera.".to_owned(),
        _ => "no camera was to record that day.".to_owned(),
    };
    let poor = recording.iter().filter(|(_, uptime)| *uptime < SEEN_PERMILLE).min_by_key(|(_, uptime)| *uptime);
    let judged_blind = facts.blind.iter().find(|blind| blind.count * 2 > blind.of);
    let problem = match (recording.is_empty(), poor, judged_blind) {
        (_, Some((camera, uptime)), _) => {
            Some(format!("{} recorded only {} of the day", camera.name, percent(*uptime)))
        }
        (_, _, Some(blind)) => {
            Some(format!("{} could not be judged {} of {} times", quoted(&blind.name), blind.count, blind.of))
        }
        (true, ..) => Some("there is no video of the day".to_owned()),
        _ => None,
    };
    Seen { words, problem }
}

/// Which registers were blind and when, the longest times first.
fn gaps(facts: &Facts<'_>) -> String {
    let length = |gap: &ReportGap| gap.end_at - gap.start_at;
    let mut gaps: Vec<(&ReportCamera, &ReportGap)> = facts
        .cameras
        .iter()
        .flat_map(|camera| camera.gaps.iter().map(move |gap| (camera, gap)))
        .filter(|(_, gap)| length(gap) >= GAP_FROM)
        .collect();
    gaps.sort_by_key(|(_, gap)| (TimeDelta::zero() - length(gap), gap.start_at));
    let mut said = String::new();
    for (camera, gap) in gaps.iter().take(GAPS) {
        let minute = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&facts.tz).format("%H:%M").to_string();
        said.push_str(&format!(", {} blind {}-{}", what_it_sees(camera), minute(gap.start_at), minute(gap.end_at)));
    }
    match gaps.len().saturating_sub(GAPS) {
        0 => said,
        more => format!("{said} and {more} more {}", if more == 1 { "time" } else { "times" }),
    }
}

/// What a manager calls what a camera looks at.
fn what_it_sees(camera: &ReportCamera) -> String {
    match &camera.registers[..] {
        [] => camera.name.clone(),
        [one] => format!("register {one}"),
        more => format!("registers {}", more.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ")),
    }
}

/// A title within a sentence.
fn quoted(title: &str) -> String {
    format!("“{title}”")
}

fn first_up(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Thousandths as percent.
pub(super) fn percent(permille: i64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

/// A number with its noun.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(uptime_permille: Option<i64>) -> ReportCamera {
        let registers = vec!["4".parse().unwrap()];
        ReportCamera {
            camera_id: "kiosk".parse().unwrap(),
            name: "Kiosk".into(),
            registers,
            uptime_permille,
            gaps: Vec::new(),
        }
    }

    fn said(transactions: i64, cameras: &[ReportCamera], blind: &[ReportBlind]) -> ReportVerdict {
        let totals = ReportTotals { transactions, sales: transactions, sales_minor: 0, refunds: 0, refunds_minor: 0 };
        let (currency, tz) = (Currency::new("USD").unwrap(), chrono_tz::America::Chicago);
        verdict(&Facts { exceptions: &[], totals: &totals, cameras, blind, currency, tz })
    }

    #[test]
    fn a_day_is_quiet_only_if_it_was_seen() {
        let mut seen = camera(Some(992));
        let at = |time: &str| format!("2026-11-21T{time}Z").parse().unwrap();
        let gap = |from, to| ReportGap { start_at: at(from), end_at: at(to), reason: "unreachable".into() };
        seen.gaps = vec![gap("20:00:00", "20:00:20"), gap("17:02:10", "17:40:00")];
        let quiet = said(400, &[seen], &[]);
        assert_eq!(quiet.level, "quiet");
        assert_eq!(quiet.text, "Quiet day, cameras saw 99.2 %, register 4 blind 11:02-11:40.");
        assert_eq!(said(0, &[camera(Some(1000))], &[]).level, "blind");
        let half = said(400, &[camera(Some(510))], &[]);
        assert!(half.level == "blind" && half.text.contains("Kiosk recorded only 51.0 % of the day"), "{}", half.text);
        assert!(half.text.ends_with("Cameras saw 51.0 %."), "{}", half.text);
        assert_eq!(said(400, &[camera(None)], &[]).level, "blind");
        let rule = ReportBlind {
            rule_id: "refund_no_customer".into(),
            name: "Refund with nobody at the counter".into(),
            count: 3,
            of: 4,
            why: "camera_blind".into(),
        };
        let blind = said(400, &[camera(Some(1000))], &[rule]);
        assert!(
            blind.text.contains("“Refund with nobody at the counter” could not be judged 3 of 4 times"),
            "{}",
            blind.text
        );
    }
}
