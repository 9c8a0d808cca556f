//! [`Need`]: an optional field of a POS record without which a rule cannot judge.
//!
//! A till need not send what a rule reads: then the rule stays silent, and nobody would know. So a rule says what it
//! needs (`needs` of `rule.toml`), the engine judges a record without it as indeterminate instead of passing it over,
//! and whoever sends records is told with each one which rules are blind to it.
//!
//! A need is a field path (`"operator_id"`, `"lines.regular_price_minor"`), or several of which one is enough
//! (`"reference.receipt_no | reference.sequence_no"`). It is about the rule's anchors; as a table it can be about other
//! `kinds`, and about records or items of a list only that have something else (`where`). Paths and kinds are checked
//! against the schema when the header is read. An empty list counts as missing.

use serde::Deserialize;
use serde_json::Value;
use tillsight_schemas::pos::{Kind, Transaction};
use tillsight_schemas::wire::{FieldType, Record as _};

/// How a need is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Written {
    /// A path alone.
    Path(String),
    /// With kinds and condition.
    Table(Table),
}

/// A need with kinds and condition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    field: String,
    #[serde(default)]
    kinds: Vec<Kind>,
    #[serde(default, rename = "where")]
    only: Option<String>,
}

/// What a rule needs of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The field, as the header names it.
    pub field: String,
    /// The kinds of record that must have it.
    pub kinds: Vec<Kind>,
    /// The paths of which one is enough.
    paths: Vec<Vec<String>>,
    /// A path that must be there, with the value it must have, for the need to hold.
    only: Option<(Vec<String>, Option<String>)>,
}

impl Need {
    /// Reads what a header says; `anchor` are the kinds where it names none.
    ///
    /// # Errors
    /// What is wrong with it, in words for the author.
    pub(super) fn read(written: &Written, anchor: &[Kind]) -> Result<Self, String> {
        let (field, kinds, only) = match written {
            Written::Path(field) => (field, anchor, None),
            Written::Table(table) => {
                let kinds = if table.kinds.is_empty() { anchor } else { &table.kinds };
                (&table.field, kinds, table.only.as_deref())
            }
        };
        let paths = field.split('|').map(|path| Known::read(path.trim())).collect::<Result<Vec<_>, _>>()?;
        if let Some(known) = paths.iter().find(|known| !known.optional) {
            return Err(format!("needs {}, which every record has", known.path.join(".")));
        }
        let only = only.map(|only| match only.split_once('=') {
            None => Ok((Known::read(only.trim())?.path, None)),
            Some((path, value)) => {
                let (known, value) = (Known::read(path.trim())?, value.trim());
                match known.codes {
                    Some(codes) if !codes.contains(&value) => {
                        Err(format!("where {} can be one of {}, not {value:?}", path.trim(), codes.join(", ")))
                    }
                    _ => Ok((known.path, Some(value.to_owned()))),
                }
            }
        });
        Ok(Self {
            field: field.clone(),
            kinds: kinds.to_vec(),
            paths: paths.into_iter().map(|known| known.path).collect(),
            only: only.transpose()?,
        })
    }

    /// Whether a record of this kind should have it, and does not. `None` where the need is not about this record.
    pub fn is_missing(&self, kind: Kind, record: &Value) -> Option<bool> {
        if !self.kinds.contains(&kind) {
            return None;
        }
        let list = self.list();
        let Some(list) = list else {
            return self.holds_for(record, 0).then(|| !self.has(record, 0));
        };
        // Field and condition stand in the same list: they are compared item by item.
        let items = record.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let concerned: Vec<&Value> = items.iter().filter(|item| self.holds_for(item, 1)).collect();
        (!concerned.is_empty()).then(|| concerned.iter().any(|item| !self.has(item, 1)))
    }

    /// Whether a record has the field, of whatever kind it is: tills that send it with each record do not stop by chance.
    /// `None` where the need is about some records or items only.
    pub fn is_carried(&self, record: &Value) -> Option<bool> {
        self.only.is_none().then(|| self.has(record, 0))
    }

    /// The paths of which one is enough.
    pub(crate) fn paths(&self) -> &[Vec<String>] {
        &self.paths
    }

    /// The path that must be there for the need to hold, and the value it must have.
    pub(crate) fn only(&self) -> Option<(&[String], Option<&str>)> {
        self.only.as_ref().map(|(path, wanted)| (path.as_slice(), wanted.as_deref()))
    }

    /// Whether it asks for a list, or for something of its items, itself or as its condition.
    pub(crate) fn is_about(&self, list: &str) -> bool {
        let only = self.only.as_ref().map(|(path, _)| path);
        self.paths.iter().chain(only).any(|path| path.first().is_some_and(|first| first == list))
    }

    /// The list in which all paths of the need stand: it is about its items one by one.
    pub(crate) fn list(&self) -> Option<&str> {
        let first = self.paths.first()?.first()?;
        let only = self.only.as_ref().map(|(path, _)| path);
        let all = self.paths.iter().chain(only).all(|path| path.len() > 1 && path.first() == Some(first));
        (all && is_list(first)).then_some(first.as_str())
    }

    fn holds_for(&self, value: &Value, skip: usize) -> bool {
        self.only.as_ref().is_none_or(|(path, wanted)| {
            found(value, path.get(skip..).unwrap_or_default())
                .iter()
                .any(|value| wanted.as_ref().is_none_or(|wanted| value.as_str() == Some(wanted)))
        })
    }

    fn has(&self, value: &Value, skip: usize) -> bool {
        self.paths.iter().any(|path| !found(value, path.get(skip..).unwrap_or_default()).is_empty())
    }

    /// Takes the field out of a record that the need is about; for tests of rules.
    pub(super) fn take_out(&self, kind: Kind, record: &mut Value) {
        if self.kinds.contains(&kind) {
            for path in &self.paths {
                remove(record, path);
            }
        }
    }

    /// The name of the missing field as a word of a judgement: `missing_operator_id`.
    pub(crate) fn why(&self) -> String {
        let path = self.paths.first().map(Vec::as_slice).unwrap_or_default();
        let name = match (path, self.paths.len()) {
            ([only], _) | ([_, only], 1) => only.as_str(),
            (path, _) => path.first().map_or("field", String::as_str),
        };
        format!("missing_{name}")
    }

    /// What is missing, as a part of a sentence.
    pub fn words(&self) -> String {
        let names: Vec<String> = self.paths.iter().map(|path| format!("`{}`", path.join("."))).collect();
        match names.as_slice() {
            [one] => format!("{one} is missing"),
            names => format!("none of {} is there", names.join(", ")),
        }
    }
}

/// What is at a path; lists are looked through, and what is null or an empty list is not there.
fn found<'a>(value: &'a Value, path: &[String]) -> Vec<&'a Value> {
    match (value, path.split_first()) {
        (Value::Null, _) => Vec::new(),
        (Value::Array(items), None) if items.is_empty() => Vec::new(),
        (value, None) => vec![value],
        (Value::Array(items), Some(_)) => items.iter().flat_map(|item| found(item, path)).collect(),
        (value, Some((name, rest))) => value.get(name).map(|value| found(value, rest)).unwrap_or_default(),
    }
}

fn remove(value: &mut Value, path: &[String]) {
    match (value, path) {
        (Value::Array(items), path) => items.iter_mut().for_each(|item| remove(item, path)),
        (Value::Object(entries), [name]) => {
            entries.remove(name);
        }
        (value, [name, rest @ ..]) => {
            if let Some(value) = value.get_mut(name) {
                remove(value, rest);
            }
        }
        _ => {}
    }
}

fn is_list(field: &str) -> bool {
    let record = Transaction::record_type();
    record.fields.iter().any(|known| known.name == field && matches!(known.field_type, FieldType::List(_)))
}

/// A path of the schema.
struct Known {
    path: Vec<String>,
    /// Whether something on it may be left out.
    optional: bool,
    /// The codes that may stand at its end, where it is one.
    codes: Option<&'static [&'static str]>,
}

impl Known {
    fn read(text: &str) -> Result<Self, String> {
        let mut record = Some(Transaction::record_type());
        let mut known = Self { path: Vec::new(), optional: false, codes: None };
        for name in text.split('.') {
            let fields = record.map(|record| record.fields).unwrap_or_default();
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                let there: Vec<&str> = fields.iter().map(|field| field.name).collect();
                let there = if there.is_empty() { "nothing".to_owned() } else { there.join(", ") };
                return Err(format!("{text:?} is no field of a POS record: where {name:?} stands there is {there}"));
            };
            known.optional |= field.defaulted;
            let mut inner = &field.field_type;
            while let FieldType::Optional(of) | FieldType::List(of) = inner {
                known.optional |= matches!(inner, FieldType::Optional(_));
                inner = of;
            }
            known.codes = if let FieldType::Code(codes) = inner { Some(codes) } else { None };
            record = if let FieldType::Record(inner) = inner { Some(inner.clone()) } else { None };
            known.path.push(name.to_owned());
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn need(written: &str) -> Result<Need, String> {
        #[derive(Deserialize)]
        struct File {
            needs: Vec<Written>,
        }
        let file: File = toml::from_str(&format!("needs = [{written}]")).unwrap();
        Need::read(&file.needs[0], &[Kind::Sale])
    }

    #[test]
    fn a_path_that_the_schema_does_not_have_is_named_with_what_there_is() {
        assert!(need(r#""operater_id""#).unwrap_err().contains("operator_id"));
        assert!(need(r#""lines.price""#).unwrap_err().contains("regular_price_minor"));
        assert!(need(r#""operator_id.name""#).unwrap_err().contains("nothing"));
        assert!(need(r#"{ field = "tenders", where = "lines.colour" }"#).unwrap_err().contains("colour"));
        assert!(need(r#"{ field = "tenders", where = "lines.action=VOIDED" }"#).unwrap_err().contains("DISCOUNT"));
        assert!(need(r#""kind""#).unwrap_err().contains("every record has"));
    }

    #[test]
    fn one_of_several_fields_is_enough() {
        let need = need(r#""reference.event_id | reference.receipt_no""#).unwrap();
        assert_eq!(need.is_missing(Kind::Sale, &json!({ "reference": { "receipt_no": "7" } })), Some(false));
        assert_eq!(need.is_missing(Kind::Sale, &json!({ "reference": null })), Some(true));
        assert_eq!(need.is_missing(Kind::Return, &json!({})), None);
        assert_eq!(need.is_carried(&json!({ "reference": { "receipt_no": "7" } })), Some(true), "of any kind");
        assert_eq!(need.is_carried(&json!({})), Some(false));
        assert_eq!(need.why(), "missing_reference");
        assert_eq!(need.words(), "none of `reference.event_id`, `reference.receipt_no` is there");
    }

    #[test]
    fn items_of_a_list_are_compared_one_by_one() {
        let need = need(r#"{ field = "lines.regular_price_minor", where = "lines.price_override" }"#).unwrap();
        let line = |by_hand: bool, regular: Option<i64>| json!({ "price_override": by_hand.then(|| json!({})), "regular_price_minor": regular });
        let lines = |lines: &[Value]| need.is_missing(Kind::Sale, &json!({ "lines": lines }));
        assert_eq!(lines(&[line(false, None)]), None, "no price was set by hand");
        assert_eq!(lines(&[line(true, Some(5)), line(false, None)]), Some(false));
        assert_eq!(lines(&[line(true, Some(5)), line(true, None)]), Some(true));
        assert_eq!(need.why(), "missing_regular_price_minor");
    }

    #[test]
    fn a_condition_asks_for_its_list_too() {
        let need = need("{ field = \"operator_id\", where = \"lines.action=VOID\" }").unwrap();
        assert!(need.is_about("lines") && need.is_about("operator_id") && !need.is_about("tenders"));
    }

    #[test]
    fn an_empty_list_is_missing() {
        let need = need(r#"{ field = "tenders", where = "lines.action=SALE" }"#).unwrap();
        let record = |action: &str| json!({ "tenders": [], "lines": [{ "action": action }] });
        assert_eq!(need.is_missing(Kind::Sale, &record("SALE")), Some(true));
        assert_eq!(need.is_missing(Kind::Sale, &record("VOID")), None);
    }
}
