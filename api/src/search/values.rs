//! The values of a query's fields: amounts, spans of time, kinds of transaction; and which known word is nearest to one
//! that is not.

use chrono::TimeDelta;
use tillsight_schemas::pos::Kind;

/// A range of amounts in thousandths of the currency's unit, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amounts {
    /// The least.
    pub(super) least: i64,
    /// The most.
    pub(super) most: i64,
}

/// What people call kinds of transactions, beside their codes.
const KINDS: &[(&str, Kind)] = &[
    ("refund", Kind::Return),
    ("void", Kind::PostVoid),
    ("voided", Kind::PostVoid),
    ("cancelled", Kind::Cancel),
    ("canceled", Kind::Cancel),
    ("nosale", Kind::NoSale),
    ("drop", Kind::SafeDrop),
];

/// The kind of transaction that a word means; else the nearest word that means one.
pub(super) fn kind(word: &str) -> Result<Kind, Option<&'static str>> {
    let code = word.to_uppercase().replace(['-', ' '], "_");
    if let Ok(kind) = code.parse() {
        return Ok(kind);
    }
    let word = word.to_lowercase();
    match KINDS.iter().find(|(name, _)| *name == word) {
        Some((_, kind)) => Ok(*kind),
        None => Err(nearest(&word, KINDS.iter().map(|(name, _)| *name).chain(Kind::CODES.iter().copied()))),
    }
}

/// Reads `50`, `>50`, `>=50`, `<50`, `<=50`, `10..20`, `10..`, `..20`.
pub(super) fn amounts(text: &str) -> Option<Amounts> {
    let from = |least| Some(Amounts { least, most: i64::MAX });
    let to = |most| Some(Amounts { least: 0, most });
    if let Some(rest) = text.strip_prefix(">=") {
        return from(thousandths(rest)?);
    }
    if let Some(rest) = text.strip_prefix("<=") {
        return to(thousandths(rest)?);
    }
    if let Some(rest) = text.strip_prefix('>') {
        return from(thousandths(rest)?.checked_add(1)?);
    }
    if let Some(rest) = text.strip_prefix('<') {
        return to(thousandths(rest)?.checked_sub(1)?);
    }
    if let Some((least, most)) = text.split_once("..") {
        return match (least, most) {
            ("", "") => None,
            ("", most) => to(thousandths(most)?),
            (least, "") => from(thousandths(least)?),
            (least, most) => {
                let range = Amounts { least: thousandths(least)?, most: thousandths(most)? };
                (range.least <= range.most).then_some(range)
            }
        };
    }
    let exactly = thousandths(text.strip_prefix('=').unwrap_or(text))?;
    Some(Amounts { least: exactly, most: exactly })
}

/// Reads a decimal number of at most three places.
fn thousandths(text: &str) -> Option<i64> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(places) || places.len() > 3 || (whole.is_empty() && places.is_empty()) {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let places: i64 = format!("{places:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(places)
}

/// Reads `90m`, `24h`, `7d`, `4w`.
pub(super) fn ago(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    if !(1..=1_000_000).contains(&count) {
        return None;
    }
    match unit.to_ascii_lowercase() {
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        'w' => TimeDelta::try_weeks(count),
        _ => None,
    }
}

/// The word that differs from this one in the fewest letters, if it is only a few.
pub(super) fn nearest(word: &str, known: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    let far = |name: &&str| distance(word, &name.to_lowercase());
    let best = known.into_iter().min_by_key(far)?;
    let allowed = if word.chars().count() < 4 { 1 } else { 2 };
    (far(&best) <= allowed).then_some(best)
}

/// How many letters must be put in, left out, changed or swapped with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (at(&row, j) + usize::from(x != y)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    at(&row, b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_decimals_with_signs_or_ranges() {
        let range = |least, most| Some(Amounts { least, most });
        for (text, expected) in [
            ("50", range(50_000, 50_000)),
            ("=12.5", range(12_500, 12_500)),
            (">50", range(50_001, i64::MAX)),
            (">=50.01", range(50_010, i64::MAX)),
            ("<0.5", range(0, 499)),
            ("<=.5", range(0, 500)),
            ("10..20", range(10_000, 20_000)),
            ("10..", range(10_000, i64::MAX)),
            ("..20", range(0, 20_000)),
            ("20..10", None),
            ("..", None),
            ("", None),
            ("ten", None),
            ("-5", None),
            ("1.2345", None),
            ("99999999999999999999", None),
            ("9223372036854775807", None),
        ] {
            assert_eq!(amounts(text), expected, "{text}");
        }
    }

    #[test]
    fn people_say_refund_and_tills_say_return() {
        assert_eq!(kind("refund"), Ok(Kind::Return));
        assert_eq!(kind("Return"), Ok(Kind::Return));
        assert_eq!(kind("no_sale"), Ok(Kind::NoSale));
        assert_eq!(kind("no-sale"), Ok(Kind::NoSale));
        assert_eq!(kind("void"), Ok(Kind::PostVoid));
        assert_eq!(kind("refudn"), Err(Some("refund")));
        assert_eq!(kind("weather"), Err(None));
    }

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(ago("7d"), TimeDelta::try_days(7));
        assert_eq!(ago("24H"), TimeDelta::try_hours(24));
        for bad in ["", "d", "7", "-1d", "0h", "7y", "9999999d", "7é"] {
            assert_eq!(ago(bad), None, "{bad}");
        }
    }
}
