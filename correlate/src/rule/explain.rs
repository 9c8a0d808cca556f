//! Explanations: a template with `{names}`, filled in with what the rule found.

use std::collections::BTreeMap;

use tillsight_schemas::money::Currency;
use tillsight_schemas::pos::Kind;

/// Fills in a template; a name without a value stays visible as `?`.
pub fn fill(template: &str, values: &BTreeMap<String, String>) -> String {
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        match after.split_once('}') {
            Some((name, after)) => {
                text.push_str(values.get(name).map_or("?", String::as_str));
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

/// The names that a template wants filled in.
pub fn names(template: &str) -> Vec<&str> {
    template.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect()
}

/// An amount as people write it: `25.99 USD`.
pub fn amount(minor: i64, currency: Option<&Currency>) -> String {
    let digits = currency.map_or(2, Currency::exponent);
    let code = currency.map(|currency| format!(" {currency}")).unwrap_or_default();
    let unit = 10_i64.pow(digits);
    match usize::try_from(digits) {
        Ok(digits) if digits > 0 => format!("{}.{:0digits$}{code}", minor / unit, (minor % unit).abs()),
        _ => format!("{minor}{code}"),
    }
}

/// What people call a kind of transaction, as the beginning of a sentence.
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Sale => "Sale",
        Kind::Return => "Refund",
        Kind::Exchange => "Exchange",
        Kind::Cancel => "Cancelled sale",
        Kind::PostVoid => "Voided sale",
        Kind::NoSale => "No-sale",
        Kind::PaidOut => "Paid-out",
        Kind::PaidIn => "Paid-in",
        _ => "Event",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_a_missing_one_is_visible() {
        let values = [("amount".to_owned(), "25.99 USD".to_owned())].into();
        assert_eq!(fill("{amount} by {operator} {", &values), "25.99 USD by ? {");
        assert_eq!(names("{amount} by {operator} {"), ["amount", "operator"]);
    }

    #[test]
    fn amounts_follow_their_currency() {
        let currency = |code| Currency::new(code).unwrap();
        assert_eq!(amount(2599, Some(&currency("USD"))), "25.99 USD");
        assert_eq!(amount(1500, Some(&currency("JPY"))), "1500 JPY");
        assert_eq!(amount(5, None), "0.05");
    }
}
