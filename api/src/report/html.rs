//! The report as one HTML file for a phone at half past six: the verdict first, pictures inside, nothing to load.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Illustrated;
use super::chart::charts;
use super::held::more;
use super::letter::{FOLLOWS, RESTATED};
use super::local::{Local, lag, quantity};
use super::model::{Exception, Report, ReportRate};
use super::verdict::percent;

const STYLE: &str = include_str!("report.css");
/// Gaps that are named of each camera.
const GAPS: usize = 6;
/// The chart of a rate, in pixels.
const CHART: (f64, f64) = (280.0, 14.0);

/// The page.
pub(super) fn page(of: &Illustrated) -> String {
    let report = &of.report;
    let local = Local::of(&report.store);
    let title = format!("{}, {}", report.store.name, report.business_day.format("%A, %-d %B %Y"));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Daily report: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { h1 { (report.store.name) } p { (report.business_day.format("%A, %-d %B %Y").to_string()) } }
                main {
                    (verdict(report, &local))
                    (exceptions(of, &local))
                    (sight(report, &local))
                    (rates(report))
                    (day(report))
                    (questions(report))
                }
                footer {
                    p { "Times are those of " (report.store.tz) ". Made " (local.full(report.made_at))
                        @if let Some(as_of) = report.as_of { " from records up to " (local.time(as_of)) } "." }
                }
            }
        }
    };
    page.into_string()
}

fn verdict(report: &Report, local: &Local) -> Markup {
    let (sign, words) = match report.verdict.level.as_str() {
        "quiet" => ("✓", "Quiet day"),
        "look" => ("!", "Look at this"),
        _ => ("?", "We could not see"),
    };
    let totals = &report.totals;
    html! {
        section class=(format!("verdict {}", report.verdict.level)) {
            h2 { span aria-hidden="true" { (sign) } " " (words) }
            p { (report.verdict.text) }
            p.quiet {
                (totals.sales) " sales, " (local.money(totals.sales_minor)) "; " (totals.refunds) " refunds, "
                (local.money(totals.refunds_minor)) "; " (local.minute(report.from)) " to " (local.full(report.to))
            }
            @if report.restated { p { b { (RESTATED) } } }
        }
    }
}

fn exceptions(of: &Illustrated, local: &Local) -> Markup {
    let report = &of.report;
    html! {
        section {
            h2 { @if report.exceptions.is_empty() && report.more == 0 { "No exceptions" } @else { "Exceptions" } }
            @for (each, picture) in report.exceptions.iter().zip(&of.pictures) {
                (exception(each, picture.as_deref().map(data_address), local))
            }
            @if report.more > 0 { p { (more(report.more, &report.held)) } }
        }
    }
}

/// A picture inside the page: it needs nothing else.
fn data_address(jpeg: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg))
}

fn exception(each: &Exception, picture: Option<String>, local: &Local) -> Markup {
    html! {
        article {
            @if let Some(picture) = picture {
                img src=(picture) alt=(format!("Picture at {}", local.time(each.event_time)));
            } @else {
                p.still { "No picture" @if let Some(why) = &each.no_still { ": " (why) } }
            }
            div {
                p.first { span class=(format!("severity {}", each.severity.as_str())) { (each.severity.as_str()) }
                    " " (local.time(each.event_time)) " · register " (each.register_id)
                    @if let Some(operator) = &each.operator_id { " · operator " (operator) }
                    @if let Some(receipt) = &each.receipt_no { " · receipt " (receipt) }
                }
                h3 { a href=(each.link) { (each.title) }
                    @if let Some(minor) = each.amount_minor { span.amount { (local.money(minor)) } } }
                p { (each.reason) }
                @if !each.lines.is_empty() {
                    ul { @for line in &each.lines {
                        li {
                            span {
                                @if line.action != "SALE" { b { (line.action.replace('_', " ").to_lowercase()) " " } }
                                (line.description.as_deref().unwrap_or("Item"))
                                @if let Some(milli) = line.qty_milli { @if milli != 1_000 { " × " (quantity(milli)) } }
                            }
                            span { (line.extended_minor.map(|minor| local.money(minor)).unwrap_or_default()) }
                        }
                    } }
                }
                p.quiet { (each.clock) }
                @for said in &each.said {
                    p { (said.reviewer) ": " b { (said.disposition.as_str().replace('_', " ")) }
                        @if let Some(note) = &said.note { ", " (note) } }
                }
                @if let Some(disposition) = each.disposition {
                    p { "Decided: " b { (disposition.as_str().replace('_', " ")) } }
                }
            }
        }
    }
}

fn sight(report: &Report, local: &Local) -> Markup {
    let sight = &report.sight;
    html! {
        section {
            h2 { "Could we see?" }
            dl {
                @for camera in &sight.cameras {
                    dt { "Camera " (camera.name) }
                    dd {
                        @match camera.uptime_permille {
                            Some(uptime) => { (percent(uptime)) " of its time recorded" }
                            None => "was not to record that day",
                        }
                        @for gap in camera.gaps.iter().take(GAPS) {
                            br; small { (local.minute(gap.start_at)) " to " (local.minute(gap.end_at)) ": "
                                (gap.reason.replace('_', " ")) }
                        }
                        @if camera.gaps.len() > GAPS { br; small { "and " (camera.gaps.len() - GAPS) " more gaps" } }
                    }
                }
                @for zone in sight.zones.iter().filter(|zone| zone.unknown_seconds > 0) {
                    dt { "Zone " (zone.zone_id) }
                    dd { (zone.unknown_seconds / 60) " min " (zone.unknown_seconds % 60)
                        " s without knowing whether somebody was there" }
                }
                dt { "Till records behind" }
                dd { @match sight.pos_lag_ms_p95 {
                    Some(ms) => { (lag(ms)) " (95 of 100 are faster)" }
                    None => "no record came",
                } }
                dt { "Records set aside" }
                dd { @match sight.quarantined {
                    Some(0) => "none",
                    Some(count) => { (count) " could not be read" }
                    None => "not known: the broker does not answer",
                } }
                dt { "Clocks not synchronised" }
                dd { @if sight.unsynchronised_lanes.is_empty() { "none" } @else {
                    "register " (sight.unsynchronised_lanes.iter().map(|lane| lane.as_str()).collect::<Vec<_>>().join(", "))
                } }
                @if !sight.unknown_registers.is_empty() {
                    dt { "Registers that nobody knows" }
                    dd { (sight.unknown_registers.iter().map(|lane| lane.as_str()).collect::<Vec<_>>().join(", ")) }
                }
                dt { "Could not be judged" }
                dd {
                    @if sight.indeterminate.is_empty() { "none" }
                    @for blind in &sight.indeterminate {
                        (blind.rule_id.replace('_', " ")) ": " (blind.count) " of " (blind.of) ", mostly " (blind.why) br;
                    }
                }
            }
        }
    }
}

fn rates(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Rates" }
            p.quiet { "The band is this store's own usual range." }
            @for rate in &report.rates {
                div.rate {
                    p { (rate.name) ": " b { @match rate.value { Some(value) => { (format!("{value:.2}")) } None => "none" } }
                        " " (rate.unit) " " small { "(" (rate.events) " of " (rate.of) ")" } }
                    (chart(rate))
                    p.quiet { (rate.note) }
                }
            }
        }
    }
}

/// The charts of the whole day.
fn day(report: &Report) -> Markup {
    html! {
        @for chart in charts(report).iter().filter(|chart| chart.name != "rates") {
            section {
                h2 { (chart.title) }
                div role="img" aria-label=(chart.alt) { (PreEscaped(&chart.svg)) }
            }
        }
    }
}

/// Value, mean and band of a rate as a picture.
fn chart(rate: &ReportRate) -> Markup {
    let (Some(value), Some(mean), Some(low), Some(high)) =
        (rate.value, rate.baseline_mean, rate.baseline_low, rate.baseline_high)
    else {
        return html! {};
    };
    let (width, height) = CHART;
    let most = value.max(high).max(mean) * 1.15;
    let x = |number: f64| if most > 0.0 { format!("{:.1}", number / most * width) } else { "0".to_owned() };
    let usual = if value < low {
        "below"
    } else if value > high {
        "above"
    } else {
        "within"
    };
    let words = format!("{value:.2}, {usual} the usual range of {low:.2} to {high:.2}");
    let band = if most > 0.0 { format!("{:.1}", (high - low) / most * width) } else { "0".to_owned() };
    html! {
        svg class=(usual) role="img" aria-label=(words) viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) {
            rect.all width=(width) height=(height) rx="3" {}
            rect.band x=(x(low)) width=(band) height=(height) {}
            rect.mean x=(x(mean)) width="1.5" height=(height) {}
            circle.value cx=(x(value)) cy=(height / 2.0) r="5" {}
        }
    }
}

fn questions(report: &Report) -> Markup {
    let rates = report.rates.iter().map(|rate| (&rate.name, &rate.sql));
    let others = report.questions.iter().map(|question| (&question.name, &question.sql));
    html! {
        section {
            details {
                summary { "Where the numbers come from" }
                p { "Each number is the answer to a question in SQL that anybody with access may ask again." }
                @for words in FOLLOWS { p { (words) } }
                @for (name, sql) in rates.chain(others) { h3 { (name) } pre tabindex="0" { (sql) } }
            }
        }
    }
}
