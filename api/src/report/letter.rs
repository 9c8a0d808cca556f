//! [`Letter`]: a report in words, once. Text, mail and PDF are made of it, so they cannot say different things.
//!
//! Words of tills are cut to a length here: nothing that a till sends makes a mail too large.

use serde::Serialize;
use tillsight_schemas::id::RegisterId;
use tillsight_schemas::review::Disposition;
use uuid::Uuid;

use super::Illustrated;
use super::chart::charts;
use super::held::more;
use super::local::{Local, lag, quantity};
use super::model::{Exception, Report, ReportRate};
use super::verdict::percent;

/// Characters of a text of a till, and of a sentence of a rule.
const TILL: usize = 60;
const SENTENCE: usize = 400;
/// Gaps that are named of each camera.
const GAPS: usize = 6;

/// Where a mail has the questions behind its numbers: as long as the rest of it, and for those who have access to SQL.
pub(super) const SOURCE: &str =
    "Each number is the answer to a question in SQL: they stand at the end of the PDF and on the report's page.";

/// Under the verdict of a report that late data has changed.
pub(super) const RESTATED: &str = "Restated: it counts what came after it was due, half an hour after closing.";

/// Beside the printed questions: how what is no column of theirs follows from their rows. The page of the web app says
/// the same (`ui/src/lib/rates.ts`).
pub(super) const FOLLOWS: [&str; 3] = [
    "The usual range of a rate: 100 × events / of for each day before this one on which “of” is not 0, in order of \
     size. A tenth of the days, rounded down, is left out at either end; the first and the last that remain are the \
     range. The mean is 100 × all events / all of. From 7 such days on.",
    "How much of its time a camera recorded: its recorded_us / (recorded_us + the length of its rows of Gaps, in \
     microseconds).",
    "Which of the exceptions are listed: all critical ones; of the others that are severe enough and whose rules were not \
     wrong too often, those of the greatest amount × chance to be confirmed, as many as are sent of a day.",
];

/// A report in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Letter {
    /// The shop.
    pub(super) store: String,
    /// The day.
    pub(super) day: String,
    /// What has changed since the last one; empty for a first one.
    pub(super) changes: Vec<String>,
    /// `quiet`, `look` or `blind`.
    pub(super) level: String,
    /// The same as a heading.
    pub(super) heading: &'static str,
    /// The verdict.
    pub(super) verdict: String,
    /// That late data has changed it; empty while it has not.
    pub(super) restated: &'static str,
    /// Sales and refunds.
    pub(super) totals: String,
    /// What to look at.
    pub(super) items: Vec<Item>,
    /// How many more there are, and why they are not listed; empty when none.
    pub(super) more: String,
    /// Where they are.
    pub(super) more_link: String,
    /// Name and value of each rate.
    pub(super) rates: Vec<(String, String)>,
    /// Whether the system could see.
    pub(super) sight: Vec<(String, String)>,
    /// The questions behind the numbers.
    pub(super) questions: Vec<(String, String)>,
    /// How what is no column of theirs follows from them.
    pub(super) follows: [&'static str; 3],
    /// Zone and age of all of it.
    pub(super) footer: String,
    /// The page of the report.
    pub(super) link: String,
    /// Year, month, day.
    pub(super) date: [i32; 3],
}

/// An exception in words.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Item {
    /// The alert.
    pub(super) id: Uuid,
    /// Severity, time, register, operator, receipt.
    pub(super) first: String,
    /// In a few words.
    pub(super) title: String,
    /// The amount at stake; empty without one.
    pub(super) amount: String,
    /// Why it fired.
    pub(super) reason: String,
    /// Lines of the receipt, with their amounts.
    pub(super) lines: Vec<(String, String)>,
    /// How well till and camera agree.
    pub(super) clock: String,
    /// What was decided and said.
    pub(super) said: Vec<String>,
    /// Whether nobody has decided.
    pub(super) open: bool,
    /// The words of its picture, or why there is none.
    pub(super) picture: String,
    /// Where to look at it.
    pub(super) link: String,
}

impl Letter {
    /// A report in words.
    pub(crate) fn of(of: &Illustrated, changes: &[String]) -> Self {
        let report = &of.report;
        let local = Local::of(&report.store);
        let totals = &report.totals;
        let day = report.business_day;
        Self {
            store: report.store.name.clone(),
            day: {
                let named = day.format("%A, %-d %B %Y").to_string();
                if report.over { named } else { format!("{named}, so far") }
            },
            changes: changes.to_vec(),
            level: report.verdict.level.clone(),
            heading: match report.verdict.level.as_str() {
                "quiet" => "Quiet day",
                "look" => "Look at this",
                _ => "We could not see",
            },
            verdict: report.verdict.text.clone(),
            restated: if report.restated { RESTATED } else { "" },
            totals: format!(
                "{} sales, {}; {} refunds, {}; {} to {}",
                totals.sales,
                local.money(totals.sales_minor),
                totals.refunds,
                local.money(totals.refunds_minor),
                local.minute(report.from),
                local.full(report.to)
            ),
            items: (report.exceptions.iter().zip(&of.pictures))
                .map(|(each, picture)| item(each, picture.is_some(), &local))
                .collect(),
            more: more(report.more, &report.held),
            more_link: of.queue.clone(),
            rates: report.rates.iter().map(rate).collect(),
            sight: sight(report, &local),
            questions: (report.rates.iter().map(|rate| (rate.name.clone(), rate.sql.clone())))
                .chain(report.questions.iter().map(|each| (each.name.clone(), each.sql.clone())))
                .collect(),
            follows: FOLLOWS,
            footer: format!(
                "{}Times are those of {}. Made {}{}.",
                usual(report),
                report.store.tz,
                local.full(report.made_at),
                report.as_of.map(|at| format!(" from records up to {}", local.time(at))).unwrap_or_default()
            ),
            link: of.link.clone(),
            date: {
                use chrono::Datelike as _;
                [day.year(), i32::try_from(day.month()).unwrap_or(1), i32::try_from(day.day()).unwrap_or(1)]
            },
        }
    }

    /// What it is about, in one line.
    pub(super) fn title(&self) -> String {
        format!("{}, {}", self.store, self.day)
    }
}

fn item(each: &Exception, has_picture: bool, local: &Local) -> Item {
    let mut first = format!("{} · {} · register {}", each.severity, local.time(each.event_time), each.register_id);
    for (name, value) in [
        ("operator", each.operator_id.as_ref().map(ToString::to_string)),
        ("receipt", each.receipt_no.as_ref().map(|number| cut(number, TILL))),
    ] {
        if let Some(value) = value {
            first.push_str(&format!(" · {name} {value}"));
        }
    }
    let lines = each.lines.iter().map(|line| {
        let action = if line.action == "SALE" { String::new() } else { format!("{} ", words(&line.action)) };
        let many = line.qty_milli.filter(|milli| *milli != 1_000);
        let what = cut(line.description.as_deref().unwrap_or("Item"), TILL);
        let many = many.map(|milli| format!(" × {}", quantity(milli))).unwrap_or_default();
        let amount = line.extended_minor.map(|minor| local.money(minor)).unwrap_or_default();
        (format!("{action}{what}{many}"), amount)
    });
    let decided = each.disposition.map(|disposition| format!("Decided: {}", words(disposition.as_str())));
    let said = each.said.iter().map(|review| {
        let what = match review.disposition {
            Disposition::LookAtIt => "asks to look at it",
            _ => "explained it",
        };
        let note = review.note.as_ref().map(|note| format!(": {}", cut(note, SENTENCE))).unwrap_or_default();
        format!("{} {what}{note}", review.reviewer)
    });
    Item {
        id: each.alert_id,
        first,
        title: cut(&each.title, SENTENCE),
        amount: each.amount_minor.map(|minor| local.money(minor)).unwrap_or_default(),
        reason: cut(&each.reason, SENTENCE),
        lines: lines.collect(),
        clock: cut(&each.clock, SENTENCE),
        said: decided.into_iter().chain(said).collect(),
        open: each.disposition.is_none(),
        picture: match (has_picture, &each.no_still) {
            (true, _) => format!("Register {} at {}", each.register_id, local.time(each.event_time)),
            (false, Some(why)) => format!("No picture: {why}"),
            (false, None) => "No picture".to_owned(),
        },
        link: each.link.clone(),
    }
}

/// What is usual, where that is known.
fn usual(report: &Report) -> String {
    let known = report.rates.iter().find(|rate| rate.baseline_low.is_some());
    known.map(|rate| format!("Usual: {}. ", rate.note)).unwrap_or_default()
}

fn rate(rate: &ReportRate) -> (String, String) {
    let value = rate.value.map_or_else(|| "none".to_owned(), |value| format!("{value:.2} {}", rate.unit));
    let usual = match (rate.baseline_low, rate.baseline_high) {
        (Some(low), Some(high)) => {
            let side = match rate.value {
                Some(value) if value > high => "above",
                Some(value) if value < low => "below",
                _ => "within",
            };
            format!("{side} the usual {low:.2} to {high:.2}")
        }
        _ => rate.note.clone(),
    };
    (rate.name.clone(), format!("{value} ({} of {}); {usual}", rate.events, rate.of))
}

fn sight(report: &Report, local: &Local) -> Vec<(String, String)> {
    let sight = &report.sight;
    let mut said = Vec::new();
    for camera in &sight.cameras {
        let mut text = camera.uptime_permille.map_or_else(
            || "was not to record that day".to_owned(),
            |uptime| format!("{} of its time recorded", percent(uptime)),
        );
        for gap in camera.gaps.iter().take(GAPS) {
            let (from, to) = (local.minute(gap.start_at), local.minute(gap.end_at));
            text.push_str(&format!("; {from} to {to} {}", words(&gap.reason)));
        }
        if camera.gaps.len() > GAPS {
            text.push_str(&format!("; and {} more gaps", camera.gaps.len() - GAPS));
        }
        said.push((format!("Camera {}", camera.name), text));
    }
    for zone in sight.zones.iter().filter(|zone| zone.unknown_seconds > 0) {
        let (minutes, seconds) = (zone.unknown_seconds / 60, zone.unknown_seconds % 60);
        said.push((
            format!("Zone {}", zone.zone_id),
            format!("{minutes} min {seconds} s without knowing whether somebody was there"),
        ));
    }
    let behind = sight.pos_lag_ms_p95.map(|ms| format!("{} (95 of 100 are faster)", lag(ms)));
    said.push(("Till records behind".to_owned(), behind.unwrap_or_else(|| "no record came".to_owned())));
    said.push((
        "Records set aside".to_owned(),
        match sight.quarantined {
            Some(0) => "none".to_owned(),
            Some(count) => format!("{count} could not be read"),
            None => "not known: the broker does not answer".to_owned(),
        },
    ));
    let lanes = |lanes: &[RegisterId]| match lanes {
        [] => "none".to_owned(),
        some => format!("register {}", some.iter().map(RegisterId::as_str).collect::<Vec<_>>().join(", ")),
    };
    said.push(("Clocks not synchronised".to_owned(), lanes(&sight.unsynchronised_lanes)));
    if !sight.unknown_registers.is_empty() {
        said.push(("Registers that nobody knows".to_owned(), lanes(&sight.unknown_registers)));
    }
    let blind: Vec<String> = (sight.indeterminate.iter())
        .map(|blind| format!("{}: {} of {}, mostly {}", blind.name, blind.count, blind.of, blind.why))
        .collect();
    let blind = if blind.is_empty() { "none".to_owned() } else { blind.join("; ") };
    said.push(("Could not be judged".to_owned(), blind));
    said.extend(
        charts(report)
            .into_iter()
            .filter(|chart| chart.name == "hours")
            .map(|chart| ("Business".to_owned(), chart.alt)),
    );
    said
}

fn words(code: &str) -> String {
    code.replace('_', " ").to_lowercase()
}

/// At most so many characters, without those that steer a terminal or a mail.
fn cut(text: &str, most: usize) -> String {
    let mut letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let kept: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() { format!("{kept}…") } else { kept }
}

/// A report for tests: two exceptions, all charts, and words that mean something to HTML, typst and spreadsheets.
#[cfg(test)]
pub(super) fn sample() -> Illustrated {
    use super::model::{
        DecisiveLine, ReportCamera, ReportGap, ReportHeld, ReportHour, ReportQuestion, ReportSight, ReportStore,
        ReportTotals, ReportVerdict,
    };
    let at = |text: &str| format!("2026-11-21T{text}Z").parse().unwrap();
    let exception = |number: u128, title: &str| Exception {
        alert_id: Uuid::from_u128(number),
        rule_id: "refund_no_customer".parse().unwrap(),
        title: title.to_owned(),
        reason: "#panic() <script>alert(1)</script> $ \\ *nobody* stood at the counter".to_owned(),
        severity: tillsight_schemas::alert::Severity::High,
        event_time: at("20:03:22"),
        register_id: "4".parse().unwrap(),
        operator_id: Some("1042".parse().unwrap()),
        receipt_no: Some("17-4-0012".to_owned()),
        amount_minor: Some(4_550),
        lines: vec![DecisiveLine {
            description: Some("=HYPERLINK(\"http://x\") #import \"x\"".to_owned()),
            qty_milli: Some(2_000),
            extended_minor: Some(4_550),
            action: "RETURN".to_owned(),
        }],
        clock: "till and camera agree within 1.2 s".to_owned(),
        no_still: Some("the camera was unreachable".to_owned()),
        still_url: None,
        link: format!("https://tillsight.example/alerts/{}", Uuid::from_u128(number)),
        disposition: None,
        said: Vec::new(),
    };
    let report = Report {
        store: ReportStore {
            id: "17".parse().unwrap(),
            name: "Kiosk <17>".to_owned(),
            tz: "America/Chicago".to_owned(),
            currency: tillsight_schemas::money::Currency::new("USD").unwrap(),
        },
        business_day: "2026-11-21".parse().unwrap(),
        from: at("06:00:00"),
        to: "2026-11-22T03:30:00Z".parse().unwrap(),
        verdict: ReportVerdict {
            level: "look".to_owned(),
            text: "2 exceptions, $91.00 at stake, none decided yet. Cameras saw 99.2 %.".to_owned(),
        },
        totals: ReportTotals { transactions: 118, sales: 90, sales_minor: 123_456, refunds: 10, refunds_minor: 4_550 },
        exceptions: vec![exception(1, "Refund with nobody at the counter"), exception(2, "Price set far down")],
        more: 3,
        held: vec![ReportHeld { why: "budget".to_owned(), count: 3, words: "3 beyond the 2 of a day".to_owned() }],
        rates: vec![ReportRate {
            name: "Refunds".to_owned(),
            value: Some(10.0),
            unit: "per 100 receipts".to_owned(),
            events: 10,
            of: 100,
            baseline_mean: Some(1.0),
            baseline_low: Some(0.5),
            baseline_high: Some(2.5),
            note: "what 8 in 10 of the 28 days before were".to_owned(),
            sql: "SELECT 1".to_owned(),
        }],
        hours: vec![ReportHour { hour: 12, transactions: 100 }, ReportHour { hour: 19, transactions: 18 }],
        sight: ReportSight {
            cameras: vec![ReportCamera {
                camera_id: "till-4".parse().unwrap(),
                name: "R&D till 4".to_owned(),
                registers: vec!["4".parse().unwrap()],
                uptime_permille: Some(992),
                gaps: vec![ReportGap {
                    start_at: at("17:02:00"),
                    end_at: at("17:40:00"),
                    reason: "unreachable".to_owned(),
                }],
            }],
            zones: Vec::new(),
            pos_lag_ms_p95: Some(940),
            quarantined: Some(0),
            unsynchronised_lanes: Vec::new(),
            unknown_registers: Vec::new(),
            indeterminate: Vec::new(),
        },
        questions: vec![ReportQuestion { name: "Business of the day".to_owned(), sql: "SELECT 2".to_owned() }],
        restated: false,
        over: true,
        made_at: "2026-11-22T03:30:05Z".parse().unwrap(),
        as_of: Some("2026-11-22T03:28:00Z".parse().unwrap()),
    };
    let mut jpeg = Vec::new();
    let picture = image::RgbImage::from_pixel(64, 36, image::Rgb([40, 90, 120]));
    picture.write_with_encoder(image::codecs::jpeg::JpegEncoder::new(&mut jpeg)).unwrap();
    let link = "https://tillsight.example/reports?store=17&day=2026-11-21".to_owned();
    let queue = "https://tillsight.example/alerts?state=all&store=17".to_owned();
    Illustrated { report, pictures: vec![Some(jpeg), None], link, queue }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_till_says_is_cut_and_steers_nothing() {
        assert_eq!(cut("a\r\nBcc: x", 60), "a  Bcc: x");
        assert_eq!(cut("12345", 4), "1234…");
    }

    #[test]
    fn a_register_that_nobody_knew_is_among_what_could_not_be_seen() {
        let mut of = sample();
        let said = |of: &Illustrated| Letter::of(of, &[]).sight;
        assert!(!said(&of).iter().any(|(what, _)| what == "Registers that nobody knows"), "only where there is one");
        of.report.sight.unknown_registers = vec!["9".parse().unwrap()];
        assert!(said(&of).contains(&("Registers that nobody knows".to_owned(), "register 9".to_owned())));
    }

    #[test]
    fn page_and_letter_say_alike_how_numbers_follow_from_their_questions() {
        let pages = include_str!("../../../ui/src/lib/rates.ts").split_whitespace().collect::<Vec<_>>().join(" ");
        for words in FOLLOWS {
            assert!(pages.contains(&format!("\"{words}\",")), "{words}");
        }
        assert_eq!(Letter::of(&sample(), &[]).follows, FOLLOWS);
    }
}
