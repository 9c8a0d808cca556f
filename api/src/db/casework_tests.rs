//! Cases as the database keeps them: what is in them, who sees them, their history and the holds they place.

use std::sync::Arc;

use tempfile::TempDir;
use tillsight_schemas::hold::Hold;
use tillsight_schemas::id::StoreId;
use tillsight_schemas::port::Outbox as _;
use tillsight_schemas::wire::avro::Decoder;
use tillsight_schemas::wire::columns;
use tillsight_schemas::{ReplayClock, TimeSpan, topic};

use super::*;
use crate::db::{CaseFilter, CasePerson, CasePersonKind, CaseRole, Content, Without};

async fn open() -> (TempDir, Db, Uuid) {
    let dir = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at("2026-11-22T16:00:00Z".parse().unwrap());
    let db = Db::in_dir(dir.path(), Arc::new(clock)).await.unwrap();
    let id = db.open_case(&"acme".parse().unwrap(), "Refunds at till 1", &[], "lena").await.unwrap();
    (dir, db, id)
}

fn alert(number: u128, store: &str) -> NewItem {
    let at = |text: &str| text.parse().unwrap();
    NewItem {
        store: Some(store.parse().unwrap()),
        content: Content::Alert(Uuid::from_u128(number)),
        label: format!("alert {number}"),
        spans: vec![(
            "till".parse().unwrap(),
            TimeSpan::new(at("2026-11-22T15:00:00Z"), at("2026-11-22T15:00:20Z")).unwrap(),
        )],
    }
}

fn note(text: &str) -> NewItem {
    NewItem { store: None, content: Content::Note(text.into()), label: "a note".into(), spans: Vec::new() }
}

async fn holds(db: &Db) -> Vec<Hold> {
    let waiting = db.waiting(100).await.unwrap();
    let values: Vec<&[u8]> =
        waiting.iter().filter(|(_, record)| record.topic == topic::HOLD).map(|(_, record)| &record.value[..]).collect();
    columns::from_batch(&Decoder::<Hold>::new().decode(&values).unwrap().batch).unwrap()
}

async fn told(db: &Db, id: Uuid) -> Vec<(CaseAct, String)> {
    let history = db.case_history(id).await.unwrap();
    history.into_iter().rev().map(|entry| (entry.what, entry.detail)).collect()
}

#[tokio::test]
async fn the_video_of_an_item_is_held_until_the_item_is_taken_out() {
    let (_dir, db, id) = open().await;
    db.add_to_case(id, &alert(7, "17"), "lena").await.unwrap();
    assert!(matches!(db.add_to_case(id, &alert(7, "17"), "otto").await, Err(CaseError::Twice(_))));
    let placed = holds(&db).await;
    assert_eq!((placed.len(), placed[0].owner_id.as_str(), placed[0].expires_at), (1, "case:1", None));
    assert!(placed[0].stands(db.clock.now()) && !placed[0].is_automatic());
    let item = db.case_items(id).await.unwrap().remove(0);
    db.remove_from_case(id, item.id, "otto").await.unwrap();
    let released = holds(&db).await;
    assert_eq!((released.len(), released[1].hold_id), (2, placed[0].hold_id));
    assert!(!released[1].stands(db.clock.now()));
    assert!(matches!(db.remove_from_case(id, item.id, "otto").await, Err(CaseError::Missing(_))));
    let case = db.case(id).await.unwrap().unwrap();
    assert_eq!(
        (case.alerts, &case.stores[..]),
        (0, &["17".parse::<StoreId>().unwrap()][..]),
        "its history is of store 17"
    );
    db.add_to_case(id, &alert(7, "17"), "lena").await.unwrap();
    assert_eq!(holds(&db).await.len(), 3, "what was taken out can be added again");
}

#[tokio::test]
async fn everything_that_is_done_to_a_case_stands_in_its_history() {
    let (_dir, db, id) = open().await;
    db.add_to_case(id, &note("He came twice."), "lena").await.unwrap();
    let edit = CaseChange {
        title: Some("Refunds of 1042".into()),
        status: Some(CaseStatus::Resolved),
        owner: Some(Some("otto".into())),
        summary: Some("Three refunds without goods.".into()),
        loss_minor: Some(Some(2_599)),
        currency: Some(Some("USD".into())),
        ..CaseChange::default()
    };
    db.edit_case(id, 0, &edit, "lena").await.unwrap();
    let person = CasePerson {
        id: Uuid::new_v4(),
        role: CaseRole::Subject,
        kind: CasePersonKind::Operator,
        operator: Some("1042".parse().unwrap()),
        name: None,
        note: Some("since March".into()),
    };
    db.add_case_person(id, &person, "lena").await.unwrap();
    assert_eq!(db.case_people(id).await.unwrap(), std::slice::from_ref(&person));
    db.remove_case_person(id, person.id, "lena").await.unwrap();
    let item = db.case_items(id).await.unwrap().remove(0);
    db.remove_from_case(id, item.id, "otto").await.unwrap();
    db.case_was_saved(id, "lena", "3 files").await.unwrap();
    let entry = |what, detail: &str| (what, detail.to_owned());
    assert_eq!(
        told(&db, id).await,
        [
            entry(CaseAct::Opened, "Refunds at till 1"),
            entry(CaseAct::Added, "a note"),
            entry(CaseAct::Renamed, "Refunds of 1042"),
            entry(CaseAct::Text, "Three refunds without goods."),
            entry(CaseAct::Owner, "nobody → otto"),
            entry(CaseAct::Loss, "lost $25.99, recovered unknown"),
            entry(CaseAct::Status, "new → resolved"),
            entry(CaseAct::PersonAdded, "subject: operator 1042 (since March)"),
            entry(CaseAct::PersonRemoved, "subject: operator 1042 (since March)"),
            entry(CaseAct::Removed, "note of lena: He came twice."),
            entry(CaseAct::Saved, "3 files"),
        ]
    );
}

#[tokio::test]
async fn a_second_writer_is_refused_and_a_case_is_not_resolved_before_its_loss_is_said() {
    let (_dir, db, id) = open().await;
    let renamed = CaseChange { title: Some("Voids".into()), ..CaseChange::default() };
    db.edit_case(id, 0, &renamed, "lena").await.unwrap();
    let refused = db.edit_case(id, 0, &CaseChange { owner: Some(None), ..renamed.clone() }, "otto").await;
    assert!(matches!(refused, Err(CaseError::Changed { current: 1 })), "{refused:?}");
    db.edit_case(id, 1, &renamed, "otto").await.unwrap();
    let case = db.case(id).await.unwrap().unwrap();
    assert_eq!((case.revision, case.title.as_str()), (1, "Voids"), "an edit that changes nothing is none");
    assert_eq!(told(&db, id).await.len(), 2);
    let resolved = CaseChange { status: Some(CaseStatus::Resolved), ..CaseChange::default() };
    assert!(matches!(db.edit_case(id, 1, &resolved, "otto").await, Err(CaseError::NoLoss)));
    let nothing_lost = CaseChange { loss_minor: Some(Some(0)), ..resolved };
    assert!(matches!(db.edit_case(id, 1, &nothing_lost, "otto").await, Err(CaseError::NoCurrency)));
    let said = CaseChange { currency: Some(Some("USD".into())), ..nothing_lost };
    db.edit_case(id, 1, &said, "otto").await.unwrap();
    let cleared = CaseChange { loss_minor: Some(None), ..CaseChange::default() };
    assert!(matches!(db.edit_case(id, 2, &cleared, "otto").await, Err(CaseError::NoLoss)));
    assert!(matches!(db.edit_case(Uuid::nil(), 0, &renamed, "otto").await, Err(CaseError::Missing(_))));
}

#[tokio::test]
async fn cases_are_numbered_per_retailer_found_by_words_and_seen_with_all_their_stores() {
    let (_dir, db, first) = open().await;
    let tenant = |name: &str| name.parse::<TenantId>().unwrap();
    let items = [alert(1, "17"), alert(2, "42")];
    let second = db.open_case(&tenant("acme"), "Sweethearting", &items, "otto").await.unwrap();
    let other = db.open_case(&tenant("other"), "Theirs", &[], "eve").await.unwrap();
    let number = async |id| db.case(id).await.unwrap().unwrap().number;
    assert_eq!([number(first).await, number(second).await, number(other).await], [1, 2, 1]);

    let seen = async |stores: &[&str], person: &str, text: &str| {
        let filter = CaseFilter {
            without: Without::default(),
            tenant: tenant("acme"),
            stores: stores.iter().map(|store| store.parse().unwrap()).collect(),
            person: person.into(),
            status: None,
            owner: None,
            text: text.into(),
            before: None,
            limit: 10,
        };
        let (cases, total) = db.cases(&filter).await.unwrap();
        assert_eq!(i64::try_from(cases.len()).unwrap(), total);
        let mut numbers: Vec<i64> = cases.iter().map(|case| case.number).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(seen(&[], "anna", "").await, [1, 2]);
    assert_eq!(seen(&["17", "42"], "anna", "").await, [2], "a case about no store is its owner's");
    assert_eq!(seen(&["17", "42"], "lena", "").await, [1, 2]);
    assert_eq!(seen(&["17"], "otto", "").await, [] as [i64; 0], "not even who opened it, without store 42");
    assert_eq!(seen(&[], "anna", "SWEET").await, [2]);
    assert_eq!(seen(&[], "anna", "2").await, [2]);
    assert_eq!(seen(&[], "anna", "100%").await, [] as [i64; 0]);
    let cases = db.cases_of_alert(Uuid::from_u128(2)).await.unwrap();
    assert_eq!((cases.len(), cases[0].id, cases[0].alerts), (1, second, 2));
    let since = db.cases_since(1, 10).await.unwrap();
    assert_eq!(since.len(), 2);
    assert_eq!(since[1].change, db.last_case_change().await.unwrap());
}
