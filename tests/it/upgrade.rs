//! An upgrade loses nothing: data directories that earlier versions wrote are opened by this one and read to the last
//! byte. How they were made stands in `tests/data/upgrade/README.md`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tillsight_api::db::{Content, Db, TokenKind, file_is_whole, password_fits};
use tillsight_correlate::lake::{History, Table};
use tillsight_correlate::rule::Says;
use tillsight_ingest::record::{Holds, Index, check};
use tillsight_schemas::{Clock as _, SystemClock, TimeSpan};
use tillsight_tests::outside::run;

fn versions() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/upgrade");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn unpacked(version: &Path) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    run(Command::new("tar").arg("-xzf").arg(version.join("data.tar.gz")).arg("-C").arg(dir.path()), b"");
    dir
}

#[test]
fn what_earlier_versions_wrote_is_read_to_the_last_byte() {
    let versions = versions();
    assert!(!versions.is_empty());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for version in versions {
        let expected = std::fs::read_to_string(version.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let dir = unpacked(&version);
        runtime.block_on(async {
            let db = Db::in_dir(dir.path(), Arc::new(SystemClock)).await.unwrap();
            database(dir.path(), &db, &expected).await;
            // `v1` is older than all of these.
            if expected.get("case").is_some() {
                set_up(&db, &expected).await;
                casework(&db, &expected).await;
            }
            lake(&dir.path().join("lake"), &expected).await;
            recordings(&dir.path().join("recordings"), &expected).await;
        });
        audit(dir.path(), &expected);
    }
}

fn number(expected: &Value, name: &str) -> usize {
    usize::try_from(expected[name].as_u64().unwrap_or_else(|| panic!("{name} is not in expected.json"))).unwrap()
}

fn names(expected: &Value, name: &str) -> Vec<String> {
    expected[name].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

async fn database(dir: &Path, db: &Db, expected: &Value) {
    let users: Vec<String> = db.users().await.unwrap().into_iter().map(|user| user.name).collect();
    assert_eq!(users, names(expected, "users"));
    let tokens: Vec<String> = db.tokens().await.unwrap().into_iter().map(|token| token.owner.login).collect();
    assert_eq!(tokens, names(expected, "tokens"));
    // Who could log in still can, and a token that had no limit has none.
    let owner = db.token_owner(expected["token"].as_str().unwrap()).await.unwrap().expect("the token holds");
    assert_eq!((owner.kind, owner.owner.as_str(), owner.stores.as_slice()), (TokenKind::Integrator, "kiosk", &[][..]));
    let phc = db.password("lena").await.unwrap().expect("lena has a password");
    assert!(password_fits(expected["password"].as_str().unwrap(), &phc));

    let alerts = db.alerts_since(0, 1_000).await.unwrap();
    assert_eq!(alerts.len(), number(expected, "alerts"));
    let mut reviews = 0;
    for row in &alerts {
        let id = row.alert.alert_id;
        let events = db.alert_events(id).await.unwrap();
        assert_eq!(events.len(), row.alert.event_ids.len(), "the receipts of {id}");
        assert!(!db.judgements_of(row.alert.anchor_event_id).await.unwrap().is_empty(), "the judgements of {id}");
        // Whom it concerns is found out when an earlier version did not write it.
        assert!(row.alert.operator_id.iter().all(|operator| row.people.contains(operator)), "{id}: {:?}", row.people);
        reviews += db.reviews(id).await.unwrap().len();
    }
    assert_eq!(reviews, number(expected, "reviews"));
    let decided = alerts.iter().find(|row| row.disposition.is_some()).expect("a decided alert");
    assert_eq!(decided.alert.alert_id.to_string(), expected["decided"]);
    assert_eq!(file_is_whole(&dir.join("tillsight.sqlite")).await.unwrap(), Vec::<String>::new());
}

/// What was said on pages: a zone in two drawings, an operator who is left out, a token that was revoked.
async fn set_up(db: &Db, expected: &Value) {
    let drawn = db.drawn().await.unwrap();
    let [first, last] = drawn.as_slice() else { panic!("two drawings, not {drawn:?}") };
    assert!(first.to.is_some() && first.to == last.from && last.to.is_none(), "{drawn:?}");
    let zone = &last.zone;
    assert_eq!(
        json!({ "id": zone.id.to_string(), "version": zone.version, "polygon": zone.polygon }),
        expected["zone"],
        "as it was drawn last"
    );
    let adjusted = db.adjusted().await.unwrap();
    let [adjusted] = adjusted.as_slice() else { panic!("one adjustment, not {adjusted:?}") };
    let said = &expected["adjustment"];
    let operator = said["operator"].as_str().unwrap().parse().unwrap();
    assert_eq!(adjusted.says, Says::LeaveOut { register: None, operator: Some(operator) });
    assert_eq!(adjusted.to, Some(said["until"].as_str().unwrap().parse().unwrap()));

    let revoked = &expected["revoked"];
    assert!(db.token_owner(revoked["secret"].as_str().unwrap()).await.unwrap().is_none(), "it does not hold again");
    let tokens = db.all_tokens().await.unwrap();
    let token = tokens.iter().find(|token| token.owner.login == revoked["login"]).expect("the token that was revoked");
    assert!(token.revoked_at.is_some(), "{token:?}");
}

/// A case with all that it holds, and a search that somebody kept.
async fn casework(db: &Db, expected: &Value) {
    let said = &expected["case"];
    let id = said["id"].as_str().unwrap().parse().unwrap();
    let case = db.case(id).await.unwrap().expect("the case");
    assert_eq!(
        (case.title.as_str(), case.status.as_str(), case.loss_minor),
        (said["title"].as_str().unwrap(), said["status"].as_str().unwrap(), said["loss_minor"].as_i64())
    );
    let items = db.case_items(id).await.unwrap();
    let contents: Vec<&Content> = items.iter().map(|item| &item.content).collect();
    let [Content::Alert(alert), Content::Receipt(receipt), Content::Note(_)] = contents.as_slice() else {
        panic!("an alert, a receipt and a note, not {contents:?}")
    };
    assert_eq!(alert.to_string(), expected["decided"]);
    assert_eq!(receipt.header.event_id.to_string(), said["receipt"]);
    assert_eq!(db.case_history(id).await.unwrap().len(), number(said, "history"));

    let kept = db.searches(&"demo".parse().unwrap(), "lena").await.unwrap();
    let [kept] = kept.as_slice() else { panic!("one search, not {kept:?}") };
    assert_eq!(json!({ "id": kept.id.to_string(), "name": kept.name, "q": kept.q }), expected["search"]);
}

async fn lake(root: &Path, expected: &Value) {
    let history = History::open(root).await.unwrap();
    let always =
        TimeSpan::new("2020-01-01T00:00:00Z".parse().unwrap(), "2120-01-01T00:00:00Z".parse().unwrap()).unwrap();
    let mut rows = Vec::new();
    for table in Table::ALL {
        let batches = history.scan(table, always, &["demo/17".parse().unwrap()]).await.unwrap();
        rows.push((table.name(), batches.iter().map(|batch| batch.num_rows()).sum::<usize>()));
    }
    let of = |name: &str| rows.iter().find(|(table, _)| *table == name).unwrap().1;
    assert_eq!(of("pos_transactions"), number(expected, "transactions"), "{rows:?}");
    assert_eq!(of("pos_lines"), number(expected, "lines"), "{rows:?}");
    assert_eq!(of("pos_tenders"), number(expected, "tenders"), "{rows:?}");
    assert_eq!(of("lp_alerts"), number(expected, "alerts"), "{rows:?}");
    assert_eq!(of("lp_judgements"), number(expected, "judgements"), "{rows:?}");
    assert_eq!(of("lp_reviews"), number(expected, "reviews"), "{rows:?}");
}

async fn recordings(volume: &Path, expected: &Value) {
    let index = Index::open_read_only(volume).await.unwrap();
    let report = check(volume, &index, true, SystemClock.now()).await.unwrap();
    assert_eq!(report.problems, Vec::<(String, String)>::new());
    assert_eq!(usize::try_from(report.segments).unwrap(), number(expected, "segments"));
    assert!(report.bytes > 0);
    // The video of the case is held still.
    let held = Holds::new(volume, index, 0).standing(SystemClock.now()).await.unwrap();
    let owners: Vec<&str> = held.iter().map(|hold| hold.owner_id.as_str()).collect();
    assert_eq!(owners, if expected.get("case").is_some() { vec!["case:1"] } else { vec![] });
}

fn audit(dir: &Path, expected: &Value) {
    const READ: &str = "import sqlite3, sys; print(len(sqlite3.connect(sys.argv[1]).execute(\
                        'select at, who, action, detail, outcome, result_rows, took_micros from audit').fetchall()))";
    let file = dir.join("audit.sqlite");
    let read = tillsight_tests::outside::python(READ, &[file.to_str().unwrap()]);
    assert_eq!(read.trim(), expected["audit"].to_string());
}
