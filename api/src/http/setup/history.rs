//! `GET /api/v1/setup/history`: who changed what and when, in words.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use tillsight_schemas::id::StoreId;

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::Caller;
use super::super::extract::Query;
use super::super::problem::Problem;
use super::{setter, unread, within};
use crate::db::{Key, Version, What};

/// Changes that are shown at most.
const MOST: u32 = 500;
/// The longest value that is written out, in characters.
const LONGEST: usize = 120;

answer! {
    /// A change.
    struct SetUpChange {
        /// When.
        at: DateTime<Utc>,
        /// Who.
        by: String,
        /// Which version came of it.
        version: i32,
        /// What kind of thing.
        what: String,
        /// Which one.
        id: String,
        /// What changed, in words.
        words: String,
    }

    /// Changes, newest first.
    struct SetUpHistory {
        /// The changes.
        items: Vec<SetUpChange>,
    }
}

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    what: What,
    store: Option<StoreId>,
    id: Option<String>,
}

/// Lists the changes.
pub(super) async fn history(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<SetUpHistory>, Problem> {
    let person = setter(&caller)?;
    let whole = matches!(asked.what, What::User | What::Operator);
    let store = asked.store.as_ref().filter(|_| !whole).map(StoreId::as_str);
    let id = asked.id.as_deref().filter(|id| !id.is_empty());
    let versions = shared.db.versions(asked.what, &person.scope.tenant, store, id, MOST).await;
    let versions = versions.map_err(|error| unread(&error))?;
    let before: BTreeMap<(&Key, i32), &Version> =
        versions.iter().filter_map(|old| Some(((&old.key, old.ended_at.map(|_| old.version)?), old))).collect();
    let items = versions
        .iter()
        .filter(|version| within(&person, None, version))
        // Who may see everybody is who may change everybody.
        .filter(|version| version.key.what != What::User || person.scope.stores.is_empty())
        .map(|version| {
            // Versions may skip numbers: the one before is the highest below.
            let last = before.range((&version.key, i32::MIN)..(&version.key, version.version)).next_back();
            SetUpChange {
                at: version.valid_from,
                by: version.by.clone(),
                version: version.version,
                what: version.key.what.to_string(),
                id: version.key.id.clone(),
                words: words(last.map(|(_, old)| *old), version),
            }
        });
    Ok(Json(SetUpHistory { items: items.collect() }))
}

/// What changed between two versions.
fn words(before: Option<&Version>, after: &Version) -> String {
    if after.key.what == What::Adjustment {
        return match after.document.is_some().then(|| after.adjustment()) {
            None => "ended".to_owned(),
            Some(Ok(kept)) => kept.to_string(),
            Some(Err(error)) => error.to_string(),
        };
    }
    let Some(now) = &after.document else { return "removed".to_owned() };
    let Some(then) = before.and_then(|before| before.document.as_ref()) else {
        return if before.is_some() { "set up again".to_owned() } else { "set up".to_owned() };
    };
    let empty = serde_json::Map::new();
    let (then, now) = (then.as_object().unwrap_or(&empty), now.as_object().unwrap_or(&empty));
    let mut names: Vec<&String> = then.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    let mut changes = Vec::new();
    for name in names {
        let (old, new) = (then.get(name).unwrap_or(&Value::Null), now.get(name).unwrap_or(&Value::Null));
        if old == new || name == "file_version" {
            continue;
        }
        changes.push(match name.as_str() {
            "polygon" => format!("redrawn with {} corners", new.as_array().map_or(0, Vec::len)),
            "password_file" => "the password is another".to_owned(),
            _ => format!("{}: {} → {}", name.replace('_', " "), value(old), value(new)),
        });
    }
    match (changes.is_empty(), after.key.what) {
        (true, What::Camera) => "the password is another".to_owned(),
        (true, _) => "written again, unchanged".to_owned(),
        (false, _) => changes.join("; "),
    }
}

fn value(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) if text.is_empty() => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) if items.is_empty() => "all".to_owned(),
        Value::Array(items) => items.iter().map(self::value).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(what: What, document: Option<Value>) -> Version {
        Version {
            key: Key::new(what, &"acme".parse().unwrap(), "17", "till-1"),
            version: 1,
            valid_from: DateTime::UNIX_EPOCH,
            ended_at: None,
            by: "ida".into(),
            document,
        }
    }

    #[test]
    fn a_change_is_told_in_words() {
        let camera = |url: &str, name: &str| version(What::Camera, Some(json!({ "url": url, "name": name })));
        let told = words(Some(&camera("rtsp://a/", "")), &camera("rtsp://b/", "Till 1"));
        assert_eq!(told, "name: nothing → Till 1; url: rtsp://a/ → rtsp://b/");
        assert_eq!(words(Some(&camera("rtsp://a/", "")), &camera("rtsp://a/", "")), "the password is another");
        assert_eq!(words(None, &camera("rtsp://a/", "")), "set up");
        assert_eq!(words(Some(&camera("rtsp://a/", "")), &version(What::Camera, None)), "removed");
        let zone = |corners: usize| version(What::Zone, Some(json!({ "polygon": vec![[0.0, 0.0]; corners] })));
        assert_eq!(words(Some(&zone(3)), &zone(5)), "redrawn with 5 corners");
        let user = |stores: Value| version(What::User, Some(json!({ "stores": stores, "disabled": false })));
        assert_eq!(words(Some(&user(json!([]))), &user(json!(["17", "42"]))), "stores: all → 17, 42");
    }
}
