//! What a rule says to people, looked at before any case: words that are missing, names that nothing fills in.

use super::{Header, explain};

/// The columns of a result that are no facts.
const NO_FACTS: [&str; 6] = ["anchor_id", "outcome", "why", "severity", "amount_minor", "members"];
/// What every explanation can name.
const ALWAYS: [&str; 3] = ["kind", "operator", "register"];

/// What is wrong with the words of a rule whose SQL returns these columns.
pub(super) fn problems(header: &Header, columns: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    let texts = [
        ("name", &header.name),
        ("description", &header.description),
        ("title", &header.title),
        ("explanation", &header.explanation),
    ];
    for (key, text) in texts {
        if text.trim().is_empty() {
            problems.push(format!("its {key} is empty: people read it"));
        }
    }
    if header.title.contains('{') {
        problems.push("its title has a {name}, which is filled in in the explanation only".to_owned());
    }
    for (key, texts) in [("innocent", &header.innocent), ("blind_to", &header.blind_to)] {
        for text in texts.iter().filter(|text| !is_sentence(text)) {
            problems.push(format!(
                "{key} has {text:?}: write a sentence that begins with a capital and ends with a full stop"
            ));
        }
    }
    let mut known: Vec<&str> = ALWAYS.to_vec();
    known.extend(columns.iter().map(String::as_str).filter(|column| !NO_FACTS.contains(column)));
    if columns.iter().any(|column| column == "amount_minor") {
        known.push("amount");
    }
    for name in explain::names(&header.explanation) {
        if !known.contains(&name) {
            problems.push(format!(
                "its explanation names {{{name}}}, which nothing fills in: there are {} ({{amount}} is made of a column \
                 amount_minor; every other name is a column of the SQL)",
                known.join(", ")
            ));
        }
    }
    problems
}

/// What a rule that comes with the program must say as well: whoever is accused by it has a right to it.
pub(super) fn unsaid(header: &Header) -> Vec<String> {
    let mut problems = Vec::new();
    for (key, texts, what) in [
        ("innocent", &header.innocent, "what else may be behind an alert"),
        ("blind_to", &header.blind_to, "what the rule cannot see"),
    ] {
        if texts.is_empty() {
            problems.push(format!("its {key} is empty: say in plain sentences {what}"));
        }
    }
    problems
}

fn is_sentence(text: &str) -> bool {
    text.starts_with(|first: char| !first.is_lowercase() && !first.is_whitespace()) && text.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nothing_fills_in_and_a_text_that_is_missing_are_told() {
        let text = include_str!("../../rules/refund_no_customer/rule.toml");
        let columns = ["anchor_id", "outcome", "why", "severity", "amount_minor", "looked_seconds"].map(str::to_owned);
        let told = |from: &str, to: &str| problems(&Header::parse(&text.replace(from, to)).unwrap(), &columns);
        assert_eq!(told("", ""), Vec::<String>::new());
        assert!(
            told("{looked_seconds}", "{looked}")[0].contains("names {looked}, which nothing fills in: there are kind")
        );
        assert!(told("{looked_seconds}", "{severity}")[0].contains("{severity}"));
        assert!(told("title = \"Refund with nobody at the counter\"", "title = \" \"")[0].contains("title is empty"));
        let title = told("title = \"Refund with", "title = \"{kind} with");
        assert!(title[0].contains("in the explanation only"), "{title:?}");
        let innocent = told("innocent = [", "innocent = [\n  \"a mistake\",");
        assert!(innocent.len() == 1 && innocent[0].contains("innocent has \"a mistake\""), "{innocent:?}");
        let without = columns.iter().filter(|column| *column != "amount_minor").cloned().collect::<Vec<_>>();
        let amount = problems(&Header::parse(text).unwrap(), &without);
        assert!(amount.len() == 1 && amount[0].contains("names {amount}"), "{amount:?}");
    }

    #[test]
    fn a_rule_of_the_library_says_what_else_may_be_behind_it_and_what_it_cannot_see() {
        let mut header = Header::parse(include_str!("../../rules/refund_no_customer/rule.toml")).unwrap();
        assert_eq!(unsaid(&header), Vec::<String>::new());
        header.innocent.clear();
        header.blind_to.clear();
        let told = unsaid(&header);
        assert!(told.len() == 2 && told[0].contains("innocent is empty") && told[1].contains("blind_to"), "{told:?}");
    }
}
