//! The parameters of query strings, for the table of routes. What they may be is said in [`super::openapi`].

use super::route::Parameter;

pub(super) const SPAN: &[Parameter] = &[
    ("from", "The first instant, RFC 3339.", true),
    ("to", "The first instant after, RFC 3339.", true),
    ("store", "The store, if several have a camera of that name.", false),
];
pub(super) const STILL: &[Parameter] =
    &[("at", "The instant, RFC 3339.", true), ("store", "The store, if several have a camera of that name.", false)];
pub(super) const LIST: &[Parameter] = &[
    ("state", "open (default), closed or all.", false),
    ("store", "One store only.", false),
    ("rule", "One rule only.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many, 1 to 200; 50 when left out.", false),
];
pub(super) const SEARCH: &[Parameter] = &[
    ("q", "The query: words and fields such as type:refund amount:>50 op:1042 last:7d.", false),
    ("from", "The first instant, RFC 3339.", false),
    ("to", "The first instant after, RFC 3339.", false),
    ("sort", "time (default) or score.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many; 50 when left out.", false),
];
pub(super) const QUEUE: &[Parameter] = &[
    ("state", "open (default), closed or all.", false),
    ("store", "One store only.", false),
    ("rule", "One rule only.", false),
    ("operator", "One operator only.", false),
    ("assignee", "me, none, or a name.", false),
    ("asked", "true: only what the store asks, from its report, to look at.", false),
    (
        "sent",
        "sent (default): what people are told of; held: what was held back; all: both; shadow: what rules on trial found.",
        false,
    ),
    (
        "sort",
        "time (default): what the store asks to look at, then newest first; value: by what they are expected to come to.",
        false,
    ),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many items, 1 to 200; 50 when left out.", false),
];
pub(super) const CASES: &[Parameter] = &[
    ("status", "One status only.", false),
    ("owner", "me, or a name.", false),
    ("q", "A part of title, summary, owner or a person's name or operator id; or the number.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many, 1 to 200; 50 when left out.", false),
];
pub(super) const BLIND: &[Parameter] = &[
    ("store", "One store only.", false),
    ("rule", "One rule only.", false),
    ("from", "The first instant, RFC 3339; a week ago when left out.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many, 1 to 200; 50 when left out.", false),
];
pub(super) const POS: &[Parameter] = &[("dry_run", "1: the same answer, and nothing is written.", false)];
pub(super) const FEEDS: &[Parameter] =
    &[("store", "One store only.", false), ("integrator", "One integrator only.", false)];
pub(super) const COMPLETENESS: &[Parameter] = &[
    ("day", "The business day; the store's today when left out.", false),
    ("integrator", "One integrator only.", false),
];
pub(super) const REJECTS: &[Parameter] = &[
    ("integrator", "The integrator.", true),
    ("code", "One code only.", false),
    ("store", "One store only.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many, 1 to 100; 20 when left out.", false),
];
pub(super) const JOURNAL: &[Parameter] = &[("minutes", "Minutes before and after, 1 to 240; 15 when left out.", false)];
pub(super) const REPORT: &[Parameter] =
    &[("store", "The store.", true), ("day", "The business day; the store's today when left out.", false)];
pub(super) const REPORT_FILE: &[Parameter] = &[
    ("store", "The store.", true),
    ("day", "The business day; the store's today when left out.", false),
    ("format", "html (default), pdf, csv or json.", false),
];
pub(super) const MATRIX: &[Parameter] = &[("store", "One store only.", false)];
pub(super) const DAY: &[Parameter] = &[
    ("store", "The store.", true),
    ("from", "The first instant, RFC 3339.", true),
    ("to", "The first instant after, 26 hours later at most.", true),
];
pub(super) const SCORES: &[Parameter] = &[
    ("store", "One store only.", false),
    ("days", "How many business days, up to the last that is over everywhere; 28 when left out.", false),
];
