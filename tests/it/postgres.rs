//! The metadata in PostgreSQL instead of SQLite: every statement is understood by a real server, and a day of the shop comes
//! to the same alerts, decisions and log-ins.

use serde_json::json;
use tillsight_tests::Shop;
use tillsight_tests::day;
use tillsight_tests::outside::{becomes, run};
use tillsight_tests::postgres::Postgres;

use crate::http::Browser;

#[test]
fn a_shop_keeps_its_metadata_in_postgresql() {
    let postgres = Postgres::start();
    let shop = Shop::with(&format!("[database]\nurl = \"{}\"\n", postgres.url()));

    let statements = tillsight_api::db::statements();
    let prepared: String =
        statements.iter().zip(1..).map(|(statement, n)| format!("PREPARE s{n} AS {statement};\n")).collect();
    run(&mut postgres.shop(), prepared.as_bytes());

    let login = shop.head_office("anna", "");
    let day = day::day_of_cases("2026-11-16");
    let lines = day::lines(&day);
    let (early, late) = lines.split_at(lines.len() / 2);
    shop.kcat_produce("lp.pos.in.kiosk", early);
    shop.kill_role("correlate");
    shop.kcat_produce("lp.pos.in.kiosk", late);
    // The same again changes nothing.
    shop.kcat_produce("lp.pos.in.kiosk", early);
    becomes("the whole day, once", &format!("{0}|{0}", day.rung.len()), || {
        shop.query(&login, "select count(*), count(distinct event_id) from pos.transactions")
    });
    let mut expected: Vec<String> = day
        .truth
        .iter()
        .filter_map(|item| Some(format!("{}|{}", item.expected_rule.as_ref()?, item.anchor_event_id)))
        .collect();
    expected.sort();
    assert!(expected.len() >= 4, "{expected:?}");
    becomes("every alert, once", &expected.join("\n"), || {
        shop.query(&login, "select rule_id, anchor_event_id from lp.alerts where state <> 'retracted' order by 1, 2")
    });

    let add = ["user", "add", "lena", "--role", "analyst", "--stores", "17", "--password-stdin"];
    shop.tillsight_with(&add, "correct horse battery\n");
    let browser = Browser::new(&shop, "lena");
    assert_eq!(browser.sign_in("lena", "wrong horse battery"), 401);
    assert_eq!(browser.sign_in("lena", "correct horse battery"), 200);
    let (status, alerts) = browser.get("/api/v1/alerts");
    assert_eq!((status, alerts["items"].as_array().map(Vec::len)), (200, Some(expected.len())), "{alerts}");
    let id = alerts["items"][0]["alert_id"].as_str().unwrap();
    let decided = browser.post(
        &format!("/api/v1/alerts/{id}/review"),
        &json!({ "disposition": "confirmed", "revision": alerts["items"][0]["revision"] }),
    );
    assert_eq!(decided.0, 200, "{}", decided.1);
    let found = run(postgres.shop().args(["-c", "select count(*) from alerts where disposition = 'confirmed'"]), b"");
    assert_eq!(found.trim(), "1");
    let (name, _) = login;
    shop.tillsight(&["token", "revoke", &name]);
    assert!(!shop.log().contains("panicked"), "{}", shop.log());
}
