//! Which rules cannot judge a record because the till leaves a field out, in words.

use tillsight_correlate::rule::Header;
use tillsight_schemas::pos::Transaction;

/// A rule that is blind to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blindness {
    /// The rule.
    pub(crate) rule: String,
    /// What people call it.
    pub(crate) name: String,
    /// The field it lacks.
    pub(crate) missing: String,
    /// Why, as a part of a sentence: `` `operator_id` is missing ``.
    pub(crate) because: String,
}

/// The rules that cannot judge a record, each once for each field that it lacks.
pub(crate) fn blind_rules(rules: &[Header], transaction: &Transaction) -> Vec<Blindness> {
    let mut found: Vec<Blindness> = Vec::new();
    for rule in rules {
        for (need, _) in rule.needs_of(transaction).into_iter().filter(|(_, missing)| *missing) {
            let blindness = Blindness {
                rule: rule.id.to_string(),
                name: rule.name.clone(),
                missing: need.field.clone(),
                because: need.words(),
            };
            if !found.contains(&blindness) {
                found.push(blindness);
            }
        }
    }
    found
}

/// The same as a sentence about an accepted record; `None` when no rule is blind.
pub(crate) fn blind_sentence(blind: &[Blindness]) -> Option<String> {
    let mut causes: Vec<(&str, Vec<&str>)> = Vec::new();
    for each in blind {
        match causes.iter_mut().find(|(because, _)| *because == each.because) {
            Some((_, rules)) => rules.push(&each.rule),
            None => causes.push((&each.because, vec![&each.rule])),
        }
    }
    let causes: Vec<String> = causes
        .iter()
        .map(|(because, rules)| match rules.as_slice() {
            [one] => format!("rule {one} is blind because {because}"),
            rules => format!("rules {} are blind because {because}", rules.join(", ")),
        })
        .collect();
    (!causes.is_empty()).then(|| format!("accepted; {}", causes.join("; ")))
}

#[cfg(test)]
mod tests {
    use tillsight_correlate::rule::Rule;
    use tillsight_schemas::pos::Kind;

    use super::*;

    fn headers() -> Vec<Header> {
        Rule::library().unwrap().into_iter().map(|rule| rule.header).collect()
    }

    fn sample() -> Transaction {
        serde_json::from_str(include_str!("../../../schemas/samples/v1/transaction.json")).unwrap()
    }

    #[test]
    fn a_cancel_without_an_operator_blinds_two_rules() {
        let cancel = Transaction { kind: Kind::Cancel, operator_id: None, ..sample() };
        let blind = blind_rules(&headers(), &cancel);
        assert_eq!(
            blind_sentence(&blind).unwrap(),
            "accepted; rules cancel_burst, void_followed_by_no_sale are blind because `operator_id` is missing"
        );
    }

    #[test]
    fn a_whole_record_blinds_nobody() {
        let cancel = Transaction { kind: Kind::Cancel, operator_id: Some("7".parse().unwrap()), ..sample() };
        assert_eq!(blind_sentence(&blind_rules(&headers(), &cancel)), None);
    }

    #[test]
    fn a_void_that_names_no_sale_cannot_be_judged() {
        let void = Transaction { kind: Kind::PostVoid, reference: None, ..sample() };
        let sentence = blind_sentence(&blind_rules(&headers(), &void)).unwrap();
        let blind = "rules post_void, post_void_customer_gone are blind because none of `reference.event_id`";
        assert!(sentence.contains(blind), "{sentence}");
    }
}
