//! What is counted of a shop, and who becomes whose peer.

use tillsight_schemas::pos::{Action, Entry, Kind, PostedTransaction, TransactionRef};

use super::*;
use crate::lake::sample::sale;
use crate::report::tests::session;
use crate::score::{Policy, Verdict, Withheld, score};

/// A transaction with the running number `n`, on the day of the test or another.
fn rung(n: i64, kind: Kind, operator: &str, register: &str) -> PostedTransaction {
    let mut posted = sale("17", n, "2026-11-20T18:00:00Z");
    let transaction = &mut posted.transaction;
    (transaction.kind, transaction.operator_id) = (kind, operator.parse().ok());
    transaction.register_id = register.parse().unwrap();
    transaction.business_day = "2026-11-20".parse().ok();
    transaction.receipt_no = Some(format!("17-{register}-{n}"));
    transaction.reference = None;
    transaction.lines[0].action = Action::Sale;
    posted
}

fn refund(n: i64, operator: &str, of: Option<(&str, i64)>) -> PostedTransaction {
    let mut posted = rung(n, Kind::Return, operator, "1");
    posted.transaction.reference = of.map(|(register, n)| TransactionRef {
        event_id: None,
        business_day: None,
        register_id: register.parse().ok(),
        sequence_no: None,
        receipt_no: Some(format!("17-{register}-{n}")),
    });
    posted
}

fn days() -> Period {
    let day = |text: &str| text.parse().unwrap();
    Period { tenant: "acme".parse().unwrap(), first: day("2026-10-25"), last: day("2026-11-21") }
}

fn of(counts: &Counts, operator: &str, key: &str) -> (u32, u32) {
    let index = COUNTED.iter().position(|counted| counted.key == key).unwrap();
    let rows = counts.rows.iter().filter(|row| row.operator.as_str() == operator);
    rows.fold((0, 0), |sum, row| (sum.0 + row.counts[index].events, sum.1 + row.counts[index].exposures))
}

#[tokio::test]
async fn what_an_operator_did_is_counted_by_store_operator_and_register() {
    let mut keyed = rung(2, Kind::Sale, "7", "1");
    keyed.transaction.total_minor = Some(50);
    let mut scanned = rung(3, Kind::Sale, "7", "2");
    scanned.transaction.lines[0].entry = Some(Entry::Scanned);
    let mut voided = rung(4, Kind::Sale, "8", "1");
    let mut line = voided.transaction.lines[0].clone();
    (line.line_no, line.action, line.voids_line_no) = (2, Action::Void, Some(1));
    voided.transaction.lines.push(line);
    let mut approved = rung(5, Kind::NoSale, "8", "1");
    approved.transaction.supervisor_id = "8".parse().ok();
    let mut training = rung(6, Kind::Cancel, "7", "1");
    training.transaction.training = true;
    let mut before = rung(7, Kind::Cancel, "7", "1");
    before.transaction.business_day = "2026-10-24".parse().ok();
    let records = [
        keyed,
        scanned,
        voided,
        approved,
        training,
        before,
        rung(8, Kind::Cancel, "7", "1"),
        rung(9, Kind::PostVoid, "8", "2"),
        refund(10, "7", Some(("2", 3))),
        refund(11, "7", Some(("1", 4))),
        refund(12, "8", None),
    ];
    let (_root, session) = session(records).await;
    let counts = counts(&session, &days()).await.unwrap();

    let places: Vec<(&str, &str, &str)> =
        counts.rows.iter().map(|row| (row.store.as_str(), row.operator.as_str(), row.register.as_str())).collect();
    assert_eq!(places, [("17", "7", "1"), ("17", "7", "2"), ("17", "8", "1"), ("17", "8", "2")]);
    // Two sales and two refunds of 7, of which none is without a receipt; a training and an older cancel do not count.
    assert_eq!(of(&counts, "7", "refunds_without_receipt"), (0, 4));
    assert_eq!(of(&counts, "8", "refunds_without_receipt"), (1, 2));
    assert_eq!(of(&counts, "7", "own_refunds"), (1, 2), "one of their own, one of somebody else's");
    assert_eq!(of(&counts, "8", "own_refunds"), (0, 0), "which sale it was is not known");
    assert_eq!(of(&counts, "7", "cancels"), (1, 5));
    assert_eq!(of(&counts, "8", "post_voids"), (1, 3));
    assert_eq!(of(&counts, "8", "no_sales"), (1, 3));
    assert_eq!(of(&counts, "7", "low_sales"), (1, 2));
    assert_eq!(of(&counts, "8", "self_approved"), (1, 1));
    let lines = |operator| of(&counts, operator, "line_voids");
    assert_eq!(lines("8").0, 1);
    assert!(lines("7").0 == 0 && lines("7").1 >= 4, "{:?}", lines("7"));
    let (typed, items) = of(&counts, "7", "keyed_items");
    assert_eq!(items - typed, 1, "all but the one that was scanned");

    // Each number is what its question says, for anybody who asks it.
    for counted in &COUNTED {
        let (_, sql) = &counts.questions[counted.question()];
        assert!(sql.contains(&format!(" AS {}_of", counted.key)), "{sql}");
    }
}

#[tokio::test]
async fn where_no_till_names_the_sale_of_a_refund_nobody_refunds_without_a_receipt() {
    let (_root, session) = session([rung(1, Kind::Sale, "7", "1"), refund(2, "7", None), refund(3, "8", None)]).await;
    let counts = counts(&session, &days()).await.unwrap();
    assert_eq!(
        (of(&counts, "7", "refunds_without_receipt"), of(&counts, "8", "refunds_without_receipt")),
        ((0, 0), (0, 0))
    );
    let nothing = super::counts(&session, &Period { tenant: "other".parse().unwrap(), ..days() }).await.unwrap();
    assert!(nothing.rows.is_empty() && nothing.questions.len() == 3);
}

/// Somebody's cancels among receipts, nothing else.
fn worked(store: &str, operator: &str, register: &str, cancels: u32, of: u32) -> Worked {
    let counts = COUNTED.iter().map(|counted| match counted.key {
        "cancels" => Count { events: cancels, exposures: of },
        "no_sales" => Count { events: 0, exposures: of },
        _ => Count::default(),
    });
    let counts = counts.collect();
    Worked {
        store: store.parse().unwrap(),
        operator: operator.parse().unwrap(),
        register: register.parse().unwrap(),
        counts,
    }
}

fn settings() -> Settings {
    let service = (("17".parse().unwrap(), "9".parse().unwrap()), Work::Service);
    Settings { works: [service].into(), left_out: Vec::new(), ends: "2026-11-22T06:00:00Z".parse().unwrap() }
}

fn left_out(register: Option<&str>, operator: Option<&str>, until: &str) -> LeftOut {
    LeftOut {
        store: None,
        register: register.map(|id| id.parse().unwrap()),
        operator: operator.map(|id| id.parse().unwrap()),
        note: "login for training".to_owned(),
        until: until.parse().unwrap(),
    }
}

fn names(gathered: &Gathered) -> Vec<&str> {
    gathered.period.tallies.iter().map(|tally| tally.operator.as_str()).collect()
}

#[test]
fn who_works_at_the_service_desk_too_is_compared_with_the_desk_for_that_part() {
    let rows = vec![
        worked("17", "7", "1", 1, 100),
        worked("17", "7", "2", 2, 50),
        worked("17", "7", "9", 30, 60),
        worked("42", "7", "9", 0, 10),
    ];
    let gathered = gather(&Counts { rows, questions: Vec::new() }, &settings(), |_, _| true);
    assert_eq!(
        names(&gathered),
        ["17/7/staffed", "17/7/service", "42/7/staffed"],
        "a 7 of another store is another person"
    );
    let cancels = COUNTED.iter().position(|counted| counted.key == "cancels").unwrap();
    let of = |index: usize| gathered.period.tallies[index].counts[cancels];
    assert_eq!((of(0), of(1)), (Count { events: 3, exposures: 150 }, Count { events: 30, exposures: 60 }));
    assert_eq!(of(2), Count::default(), "nobody of store 42 ever gave a sale up: its tills may not say it");
    assert_eq!(gathered.units["17/7/service"].work, Work::Service);
}

#[test]
fn who_is_left_out_of_every_rule_has_no_score_until_that_ends() {
    let rows = vec![worked("17", "7", "1", 1, 100), worked("17", "7", "3", 50, 60), worked("17", "8", "1", 1, 100)];
    let counts = Counts { rows, questions: Vec::new() };
    let cancels = COUNTED.iter().position(|counted| counted.key == "cancels").unwrap();
    let events = |left_out: LeftOut| {
        let gathered = gather(&counts, &Settings { left_out: vec![left_out], ..settings() }, |_, _| true);
        let scores = score(&gathered.period, &Policy::default()).unwrap();
        let seen = scores.standings.iter().filter(|standing| standing.measure == "cancels");
        let seen: Vec<String> = seen.map(|standing| standing.operator.to_owned()).collect();
        (gathered.period.tallies[0].counts[cancels].events, seen.len())
    };
    assert_eq!(events(left_out(Some("3"), None, "2027-01-01T00:00:00Z")), (1, 2));
    assert_eq!(events(left_out(None, Some("7"), "2027-01-01T00:00:00Z")), (51, 1));
    assert_eq!(events(left_out(None, Some("7"), "2026-11-01T00:00:00Z")), (51, 2), "it has ended");
    assert_eq!(events(left_out(Some("3"), Some("8"), "2027-01-01T00:00:00Z")), (51, 2), "8 never worked there");
    let others = gather(&counts, &settings(), |_, operator| operator.as_str() != "7");
    assert_eq!(names(&others), ["17/8/staffed"], "whom a reader does not see is no peer either");
}

#[test]
fn a_cashier_who_gives_many_sales_up_stands_out_among_forty_and_not_among_ten() {
    for (peers, stands_out) in [(40, true), (10, false)] {
        let mut rows: Vec<Worked> = (0..peers)
            .map(|index| {
                worked(if index % 2 == 0 { "17" } else { "42" }, &format!("{}", 100 + index), "1", 3 + index % 5, 400)
            })
            .collect();
        rows.push(worked("17", "7", "1", 60, 400));
        let gathered = gather(&Counts { rows, questions: Vec::new() }, &settings(), |_, _| true);
        let scores = score(&gathered.period, &Policy::default()).unwrap();
        assert_eq!(scores.operators[0].name, "17/7/staffed", "it ranks first in any case");
        let sent: Vec<&str> = scores.sent().map(|standing| standing.operator).collect();
        assert_eq!(sent, if stands_out { vec!["17/7/staffed"] } else { Vec::new() });
        let first = scores.standings.iter().find(|standing| standing.rank == 1).unwrap();
        assert_eq!(first.verdict == Verdict::Untested(Withheld::Peers), !stands_out);
    }
}

#[test]
fn each_store_is_counted_once_with_those_whose_rows_lie_in_the_same_files() {
    let tenant = "acme".parse().unwrap();
    let stores: Vec<StoreId> = (0..300).map(|index| format!("{index}").parse().unwrap()).collect();
    let groups = groups(&tenant, stores.clone());
    assert!(groups.iter().all(|group| (1..=STORES).contains(&group.len())));
    for group in &groups {
        let buckets: BTreeSet<i32> = group.iter().map(|store| store_bucket("acme", store.as_str())).collect();
        assert_eq!(buckets.len(), 1);
    }
    let all: BTreeSet<StoreId> = groups.iter().flatten().cloned().collect();
    assert_eq!((all, groups.iter().map(BTreeSet::len).sum()), (stores.into_iter().collect(), 300));
}
