//! The query language: free words, "phrases", `-without`, and fields such as `type:refund amount:>50 last:7d`.
//!
//! Everything that is understood must hold together; several values of one field (`type:refund,void`) are alternatives.
//! What is not understood is left out and said in a sentence. Nothing that a text says can widen a
//! [`Scope`](super::Scope): it is not part of the language.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use tillsight_schemas::alert::Severity;
use tillsight_schemas::review::Disposition;
use tillsight_schemas::store::Store;

use super::lex::{LONGEST, Piece, pieces};
use super::values::{Amounts, ago, amounts, kind, nearest};

/// What must hold of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// It holds this word; all words in this order where the text has several.
    Words(String),
    /// It holds a word that begins so.
    Beginning(String),
    /// A field has one of these values.
    Is(Name, Vec<String>),
    /// The amount lies in a range.
    Amount(Amounts),
    /// It happened in `from..to`, in microseconds.
    Within(i64, i64),
    /// An alert is about it that was not taken back.
    HasAlert,
    /// It is a receipt that another one replaces.
    Replaced,
}

/// A field that is searched by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Kind,
    Transaction,
    Operator,
    Store,
    Register,
    Rule,
    Receipt,
    Code,
    Customer,
    Status,
    State,
    Disposition,
    Severity,
}

/// A query as it was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Understood {
    /// Conditions that must hold, or (`true`) must not.
    pub(super) conditions: Vec<(bool, Condition)>,
    /// What was not understood, in sentences.
    pub(super) problems: Vec<String>,
    /// By what it was understood where that is not plain, in sentences.
    pub(super) notes: Vec<String>,
}

/// What a text is understood by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    /// The present.
    pub(super) now: DateTime<Utc>,
    /// The stores in scope.
    pub(super) stores: &'a [Store],
}

/// The names of fields, for those who mistype one.
const NAMES: &[&str] = &[
    "type", "amount", "op", "operator", "store", "register", "till", "rule", "receipt", "gtin", "plu", "no", "has",
    "customer", "last", "on", "from", "to", "is", "decided", "severity",
];

/// Reads a query.
pub(super) fn understand(text: &str, context: Context<'_>) -> Understood {
    let mut reading = Reading { context, zone: None, understood: Understood::default() };
    if text.chars().nth(LONGEST).is_some() {
        reading.problem(format!("Only the first {LONGEST} characters of the query were read."));
    }
    let pieces = pieces(text);
    reading.zone = Some(reading.calendar(&pieces));
    for piece in &pieces {
        if let Some(condition) = reading.condition(piece) {
            reading.understood.conditions.push((piece.negated, condition));
        }
    }
    reading.understood
}

/// Whose days are meant, and what to say about it when a day is asked for.
struct Calendar<'a> {
    store: Option<&'a Store>,
    note: Option<String>,
}

struct Reading<'a> {
    context: Context<'a>,
    zone: Option<Calendar<'a>>,
    understood: Understood,
}

impl<'a> Reading<'a> {
    fn problem(&mut self, sentence: String) {
        if !self.understood.problems.contains(&sentence) {
            self.understood.problems.push(sentence);
        }
    }

    fn calendar(&self, pieces: &[Piece]) -> Calendar<'a> {
        let same = |a: &Store, b: &Store| a.tz == b.tz && a.day_ends == b.day_ends;
        if let Some((first, rest)) = self.context.stores.split_first()
            && rest.iter().all(|store| same(first, store))
        {
            return Calendar { store: Some(first), note: None };
        }
        let named: Vec<&'a Store> = pieces
            .iter()
            .filter(|piece| piece.name.as_deref() == Some("store") && !piece.negated)
            .flat_map(|piece| piece.value.split(','))
            .filter_map(|id| self.context.stores.iter().find(|store| store.id.as_str().eq_ignore_ascii_case(id)))
            .collect();
        match named.split_first() {
            Some((first, rest)) if rest.iter().all(|store| same(first, store)) => {
                Calendar { store: Some(first), note: None }
            }
            Some((first, _)) => Calendar {
                store: Some(first),
                note: Some(format!("Days are those of store {} ({}).", first.id, first.tz)),
            },
            None => Calendar {
                store: None,
                note: Some(
                    "Days are UTC days, because the stores lie in several time zones; name one with `store:`."
                        .to_owned(),
                ),
            },
        }
    }

    fn condition(&mut self, piece: &Piece) -> Option<Condition> {
        if !piece.closed {
            self.problem(format!("The quotation mark before `{}` is not closed.", piece.value.trim()));
        }
        let Some(name) = &piece.name else { return self.free(piece) };
        let value = piece.value.trim();
        if value.is_empty() {
            self.problem(format!("`{name}:` has nothing after the colon and was left out."));
            return None;
        }
        match name.as_str() {
            "type" => {
                self.values(Name::Transaction, name, value, &|word| kind(word).map(|kind| kind.as_str().to_lowercase()))
            }
            "op" | "operator" => plain(Name::Operator, value),
            "store" => self.store(value),
            "register" | "till" => plain(Name::Register, value),
            "rule" => plain(Name::Rule, value),
            "receipt" => plain(Name::Receipt, value),
            "gtin" | "plu" => plain(Name::Code, value),
            "severity" => self.values(Name::Severity, name, value, &|word| code(word, Severity::CODES)),
            "decided" => self.values(Name::Disposition, name, value, &|word| code(word, Disposition::CODES)),
            "customer" => self.values(Name::Customer, name, value, &|word| code(word, &["no", "yes", "unknown"])),
            "amount" => self.amount(value),
            "last" | "on" | "from" | "to" => self.time(name, value),
            "is" => self.is(value),
            "has" | "no" => self.has(name == "has", value),
            _ => {
                let hint = match nearest(name, NAMES.iter().copied()) {
                    Some(known) => format!("did you mean `{known}:`?"),
                    None => format!("there are {}.", NAMES.join(", ")),
                };
                self.problem(format!("There is no field `{name}:` and it was left out; {hint}"));
                None
            }
        }
    }

    fn free(&mut self, piece: &Piece) -> Option<Condition> {
        if !piece.value.chars().any(char::is_alphanumeric) {
            self.problem(format!("`{}` holds no letter or digit and was left out.", piece.value));
            return None;
        }
        match piece.value.strip_suffix('*') {
            Some(beginning) if !piece.quoted => Some(Condition::Beginning(beginning.to_owned())),
            _ => Some(Condition::Words(piece.value.clone())),
        }
    }

    /// Values that are codes: those that are not are said and left out.
    fn values(
        &mut self,
        field: Name,
        name: &str,
        value: &str,
        read: &dyn Fn(&str) -> Result<String, Option<&'static str>>,
    ) -> Option<Condition> {
        let mut values = Vec::new();
        for word in value.split(',').filter(|word| !word.is_empty()) {
            match read(word) {
                Ok(code) => values.push(code),
                Err(nearest) => {
                    let meant =
                        nearest.map_or_else(String::new, |known| format!("; did you mean `{}`?", known.to_lowercase()));
                    let stop = if meant.is_empty() { "." } else { "" };
                    self.problem(format!("`{name}:` does not know `{word}`{meant}{stop}"));
                }
            }
        }
        (!values.is_empty()).then_some(Condition::Is(field, values))
    }

    fn store(&mut self, value: &str) -> Option<Condition> {
        for id in value.split(',').filter(|id| !id.is_empty()) {
            if !self.context.stores.iter().any(|store| store.id.as_str().eq_ignore_ascii_case(id)) {
                self.problem(format!("There is no store `{id}` among those you see."));
            }
        }
        plain(Name::Store, value)
    }

    fn amount(&mut self, value: &str) -> Option<Condition> {
        let read = amounts(value).map(Condition::Amount);
        if read.is_none() {
            self.problem(format!(
                "`amount:{value}` is not an amount and was left out; write `amount:>50`, `amount:12.50` or \
                 `amount:10..20`."
            ));
        }
        read
    }

    fn is(&mut self, value: &str) -> Option<Condition> {
        let field = |name, code: &str| Some(Condition::Is(name, vec![code.to_owned()]));
        match value.to_lowercase().as_str() {
            code @ ("open" | "closed") => field(Name::Status, code),
            code @ ("alert" | "receipt") => field(Name::Kind, code),
            code @ ("standing" | "amended" | "retracted") => field(Name::State, code),
            "replaced" => Some(Condition::Replaced),
            other => {
                let known = ["open", "closed", "alert", "receipt", "amended", "retracted", "standing", "replaced"];
                let meant = nearest(other, known);
                let meant = meant.map_or_else(|| known.join(", "), |word| format!("did you mean `{word}`?"));
                self.problem(format!("`is:` does not know `{other}`: {meant}"));
                None
            }
        }
    }

    fn has(&mut self, wanted: bool, value: &str) -> Option<Condition> {
        let customer = if wanted { "yes" } else { "no" };
        match (value.to_lowercase().as_str(), wanted) {
            ("customer", _) => Some(Condition::Is(Name::Customer, vec![customer.to_owned()])),
            ("alert", true) => Some(Condition::HasAlert),
            (other, _) => {
                let known = if wanted { "`has:customer` and `has:alert`" } else { "`no:customer`" };
                self.problem(format!("There is {known}, but nothing about `{other}`; it was left out."));
                None
            }
        }
    }

    fn time(&mut self, name: &str, value: &str) -> Option<Condition> {
        let micros = |at: DateTime<Utc>| at.timestamp_micros();
        if name == "last" {
            let start = ago(value).and_then(|span| self.context.now.checked_sub_signed(span));
            if start.is_none() {
                self.problem(format!("`last:{value}` is not a span and was left out; write `last:24h` or `last:7d`."));
            }
            return start.map(|start| Condition::Within(micros(start), i64::MAX));
        }
        let day: Option<NaiveDate> = value.parse().ok();
        let span = match day {
            Some(day) => self.day(day),
            None => minute(value).and_then(|minute| self.minute(minute)),
        };
        let Some((start, end)) = span else {
            self.problem(format!("`{name}:{value}` is not a day and was left out; write `{name}:2026-11-22` or `{name}:2026-11-22T16:20`."));
            return None;
        };
        Some(match name {
            "on" => Condition::Within(micros(start), micros(end)),
            "from" => Condition::Within(micros(start), i64::MAX),
            _ => Condition::Within(i64::MIN, micros(end)),
        })
    }

    /// A minute of the store's clock, the first one where the clock shows it twice.
    fn minute(&mut self, at: NaiveDateTime) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        self.day(at.date())?;
        let zone = self.zone.as_ref().and_then(|zone| zone.store).map_or(Tz::UTC, |store| store.tz);
        let start = zone.from_local_datetime(&at).earliest()?.to_utc();
        Some((start, start.checked_add_signed(TimeDelta::minutes(1))?))
    }

    fn day(&mut self, day: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let (store, note) = self.zone.as_ref().map(|zone| (zone.store, zone.note.clone())).unwrap_or_default();
        if let Some(note) = note.filter(|note| !self.understood.notes.contains(note)) {
            self.understood.notes.push(note);
        }
        // Beyond these, local midnights leave what an instant can hold.
        if !(1970..=2200).contains(&chrono::Datelike::year(&day)) {
            return None;
        }
        match store {
            Some(store) => store.day(day).map(|span| (span.start(), span.end())),
            None => {
                let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
                Some((midnight(day)?, midnight(day.checked_add_days(Days::new(1))?)?))
            }
        }
    }
}

/// A day with a time.
fn minute(text: &str) -> Option<NaiveDateTime> {
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
}

fn plain(name: Name, value: &str) -> Option<Condition> {
    let values: Vec<String> = value.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    (!values.is_empty()).then_some(Condition::Is(name, values))
}

fn code(word: &str, codes: &'static [&'static str]) -> Result<String, Option<&'static str>> {
    let word = word.to_lowercase().replace('-', "_");
    if codes.contains(&word.as_str()) { Ok(word) } else { Err(nearest(&word, codes.iter().copied())) }
}

#[cfg(test)]
#[path = "language_tests.rs"]
mod tests;
