//! An upgrade loses nothing: data directories that earlier versions wrote are opened by this one and read to the last
//! byte. How they were made stands in `tests/data/upgrade/README.md`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tillsight_api::db::{Db, TokenKind, file_is_whole, password_fits};
use tillsight_correlate::lake::{History, Table};
use tillsight_ingest::record::{Index, check};
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
            database(dir.path(), &expected).await;
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

async fn database(dir: &Path, expected: &Value) {
    let db = Db::in_dir(dir, Arc::new(SystemClock)).await.unwrap();
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
}

fn audit(dir: &Path, expected: &Value) {
    const READ: &str = "import sqlite3, sys; print(len(sqlite3.connect(sys.argv[1]).execute(\
                        'select at, who, action, detail, outcome, result_rows, took_micros from audit').fetchall()))";
    let file = dir.join("audit.sqlite");
    let read = tillsight_tests::outside::python(READ, &[file.to_str().unwrap()]);
    assert_eq!(read.trim(), expected["audit"].to_string());
}
