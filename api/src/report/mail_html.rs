//! The HTML part of a mail, for readers of twenty years: tables, styles in the tags, 600 pixels at most, pictures by
//! content id. The verdict and the first exception come first: both are on the first screen of a phone. One style sheet
//! gives other colours to readers that are set to dark; those that leave it out show the light ones.

use maud::{DOCTYPE, Markup, html};

use super::chart::Chart;
use super::letter::{Item, Letter, SOURCE};

const FONT: &str = "font-family:Arial,Helvetica,sans-serif;color:#152026;";
const QUIET: &str =
    "font-family:Arial,Helvetica,sans-serif;color:#4a5a62;font-size:13px;line-height:18px;margin:4px 0;";
const TEXT: &str = "font-family:Arial,Helvetica,sans-serif;color:#152026;font-size:15px;line-height:21px;margin:4px 0;";
const HEADING: &str =
    "font-family:Arial,Helvetica,sans-serif;color:#152026;font-size:17px;line-height:22px;margin:18px 0 6px 0;";
/// The colours of the dark: `!important`, because those of the light stand in the tags.
const DARK: &str = "@media (prefers-color-scheme: dark) {\
                    body, .page { background-color: #0d1316 !important; }\
                    .sheet { background-color: #161e22 !important; }\
                    .lines { background-color: #202b30 !important; }\
                    h1, h2, p, td, li { color: #e7eef0 !important; }\
                    .quiet { color: #b3c1c7 !important; }\
                    a { color: #6fd0d4 !important; border-color: #6fd0d4 !important; }\
                    }";

/// The one-time links of an exception.
#[derive(Debug, Clone)]
pub(super) struct Buttons {
    pub(super) explained: String,
    pub(super) look_at_it: String,
}

/// The page.
pub(super) fn page(
    letter: &Letter,
    pictures: &[Option<String>],
    charts: &[(Chart, String)],
    buttons: &[Option<Buttons>],
) -> String {
    let colour = match letter.level.as_str() {
        "quiet" => "#17693a",
        "look" => "#7a4b00",
        _ => "#a3182b",
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                title { (letter.title()) }
                style { (DARK) }
            }
            body class="page" style="margin:0;padding:0;background-color:#f3f5f6;" {
                table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" { tr { td align="center" {
                    table class="sheet" role="presentation" width="600" cellpadding="0" cellspacing="0" border="0"
                        style="width:100%;max-width:600px;background-color:#ffffff;" {
                        tr { td style=(format!("padding:12px 16px;border-left:6px solid {colour};")) {
                            p class="quiet" style=(QUIET) { (letter.store) ", " (letter.day) }
                            h1 style=(format!("{FONT}font-size:20px;line-height:26px;margin:2px 0;")) { (letter.heading) }
                            p style=(TEXT) { (letter.verdict) }
                            p class="quiet" style=(QUIET) { (letter.totals) }
                            @if !letter.restated.is_empty() { p style=(TEXT) { (letter.restated) } }
                        } }
                        @if !letter.changes.is_empty() { tr { td style="padding:0 16px;" {
                            h2 style=(HEADING) { "Changed since the last report of this day" }
                            ul style=(TEXT) { @for change in &letter.changes { li { (change) } } }
                        } } }
                        @for (n, each) in letter.items.iter().enumerate() {
                            tr { td style="padding:8px 16px;border-top:1px solid #cfd7da;" {
                                (item(each, pictures.get(n).and_then(Option::as_ref), buttons.get(n).and_then(Option::as_ref)))
                            } }
                        }
                        @if !letter.more.is_empty() { tr { td style="padding:4px 16px;" { p style=(TEXT) { a href=(letter.more_link) style="color:#0b6468;" { (letter.more) } } } } }
                        tr { td style="padding:0 16px;" {
                            h2 style=(HEADING) { "Could we see?" }
                            (pairs(&letter.sight))
                            h2 style=(HEADING) { "Rates, and what is usual for this store" }
                            (pairs(&letter.rates))
                            @for (chart, cid) in charts {
                                h2 style=(HEADING) { (chart.title) }
                                img src=(format!("cid:{cid}")) alt=(chart.alt) width="560"
                                    style="display:block;width:100%;max-width:560px;height:auto;border:0;background-color:#ffffff;";
                            }
                            p class="quiet" style=(QUIET) { (SOURCE) }
                            p class="quiet" style=(QUIET) { (letter.footer) " " a href=(letter.link) { "The report's page" } }
                        } }
                    }
                } } }
            }
        }
    };
    page.into_string()
}

fn item(item: &Item, cid: Option<&String>, buttons: Option<&Buttons>) -> Markup {
    html! {
        h2 style=(format!("{FONT}font-size:16px;line-height:21px;margin:2px 0;")) {
            a href=(item.link) style="color:#0b6468;" { (item.title) } @if !item.amount.is_empty() { " · " (item.amount) }
        }
        p class="quiet" style=(QUIET) { (item.first) }
        p style=(TEXT) { (item.reason) }
        @if let Some(cid) = cid {
            img src=(format!("cid:{cid}")) alt=(item.picture) width="568"
                style="display:block;width:100%;max-width:568px;height:auto;border:0;";
        } @else { p class="quiet" style=(QUIET) { (item.picture) } }
        @if !item.lines.is_empty() {
            table class="lines" role="presentation" width="100%" cellpadding="2" cellspacing="0" border="0" style="background-color:#f3f5f6;" {
                @for (what, amount) in &item.lines { tr {
                    td class="quiet" style=(QUIET) { (what) }
                    td class="quiet" align="right" style=(QUIET) { (amount) }
                } }
            }
        }
        p class="quiet" style=(QUIET) { (item.clock) }
        @for said in &item.said { p style=(TEXT) { (said) } }
        @if let Some(buttons) = buttons {
            table role="presentation" cellpadding="0" cellspacing="0" border="0" { tr {
                @for (name, link) in [("Explained", &buttons.explained), ("Look at it", &buttons.look_at_it)] {
                    td style="padding:4px 12px 4px 0;" {
                        a href=(link) style=(format!("{FONT}display:inline-block;padding:10px 16px;border:1px solid #0b6468;\
                            font-size:15px;color:#0b6468;text-decoration:none;")) { (name) }
                    }
                }
            } }
        }
    }
}

fn pairs(pairs: &[(String, String)]) -> Markup {
    html! {
        table width="100%" cellpadding="3" cellspacing="0" border="0" {
            @for (name, value) in pairs { tr {
                th class="quiet" scope="row" align="left" valign="top" width="35%" style=(format!("{QUIET}font-weight:normal;")) { (name) }
                td valign="top" style=(TEXT) { (value) }
            } }
        }
    }
}
