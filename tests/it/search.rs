//! Search over HTTP and on the command line: receipts that kcat produced, and a death in the middle.

use serde_json::Value;
use tillsight_tests::Shop;
use tillsight_tests::day;
use tillsight_tests::outside::{becomes, eventually};

/// Asks as a person; the answer, or what went wrong.
fn ask(shop: &Shop, token: &str, parameters: &str) -> Result<Value, String> {
    match shop.get(&format!("/api/v1/search?{parameters}"), Some(token)) {
        (200, body) => serde_json::from_str(&body).map_err(|error| format!("{error}: {body}")),
        (status, body) => Err(format!("{status} {body}")),
    }
}

fn total(shop: &Shop, token: &str, parameters: &str) -> i64 {
    ask(shop, token, parameters).ok().and_then(|answer| answer["total"].as_i64()).unwrap_or(-1)
}

#[test]
fn receipts_are_found_whatever_dies_meanwhile() {
    let shop = Shop::open();
    shop.tillsight(&["user", "add", "anna", "--role", "analyst"]);
    shop.tillsight(&["user", "add", "corner", "--role", "analyst", "--stores", "42"]);
    let (_, anna) = shop.token(&["--http", "anna"]);
    let (_, corner) = shop.token(&["--http", "corner"]);
    let day = day::store_day("2026-11-17");
    let lines = day::lines(&day);
    let all = i64::try_from(lines.len()).unwrap();

    // A quarter of the day at a time; between two of them the process that indexes dies.
    for part in lines.chunks(lines.len().div_ceil(4)) {
        shop.kcat_produce("lp.pos.in.kiosk", part);
        let killed = shop.kill_role("api");
        eventually("api is back", || match shop.pid_of("api") {
            Some(pid) if pid != killed => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
    becomes("the whole day, once", &all, || total(&shop, &anna, "q="));

    // By a word of an item, by amount, by receipt number: the answers follow from what was sent.
    let sent: Vec<_> = day.rung.iter().map(|rung| &rung.transaction).collect();
    let over_fifty = sent.iter().filter(|sale| sale.total_minor.is_some_and(|total| total > 5_000)).count();
    assert!(over_fifty > 0, "a day without a large receipt proves nothing");
    assert_eq!(total(&shop, &anna, "q=amount:%3E50"), i64::try_from(over_fifty).unwrap());
    let word = sent.iter().flat_map(|sale| &sale.lines).filter_map(|line| line.description.as_deref());
    let word = word.flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()));
    let word = word.filter(|word| word.len() > 5 && word.bytes().all(|byte| byte.is_ascii_uppercase())).max().unwrap();
    let has = |text: &str| text.split(|letter: char| !letter.is_alphanumeric()).any(|other| other == word);
    let with_word =
        sent.iter().filter(|sale| sale.lines.iter().any(|line| line.description.as_deref().is_some_and(has)));
    let found = ask(&shop, &anna, &format!("q={}", word.to_lowercase())).unwrap();
    assert_eq!(found["total"].as_i64(), i64::try_from(with_word.count()).ok(), "{word}");
    assert!(found["items"][0]["snippet"].as_str().unwrap().contains(&format!("<mark>{word}</mark>")), "{found}");
    let number = sent.iter().find_map(|sale| sale.receipt_no.clone()).unwrap();
    let found = ask(&shop, &anna, &format!("q=receipt:{number}")).unwrap();
    assert!(found["total"].as_i64().unwrap() >= 1, "{number}: {found}");
    let facets: i64 = found["facets"]["store"].as_array().unwrap().iter().map(|f| f["count"].as_i64().unwrap()).sum();
    assert_eq!(Some(facets), found["total"].as_i64());

    // Another shop's person finds nothing of it, and a mistyped field is said.
    assert_eq!(total(&shop, &corner, "q=store:17"), 0);
    assert_eq!(total(&shop, &corner, "q="), 0);
    let said = ask(&shop, &anna, "q=tpye:refund").unwrap();
    assert!(said["problems"][0].as_str().unwrap().contains("did you mean `type:`"), "{said}");
    assert_eq!(shop.get("/api/v1/search", None).0, 401);

    // The command line finds the same, also after it had everything built anew.
    let printed: Value =
        serde_json::from_str(&shop.tillsight(&["search", "--json", "--limit", "1", "amount:>50"])).unwrap();
    assert_eq!(printed["total"].as_u64(), u64::try_from(over_fifty).ok());
    let said = shop.tillsight(&["search", "rebuild"]);
    assert!(said.contains(&format!("done: {all} receipts and 0 alerts")), "{said}");
    assert_eq!(total(&shop, &anna, "q="), all);
    assert!(!shop.log().contains("panicked"), "{}", shop.log());
}
