//! What people are told of in a running shop: so many alerts of a day, and nothing of a rule on trial. The rest is kept.

use serde_json::{Value, json};
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;
use tillsight_tests::outside::eventually;

use crate::http::{Browser, PASSWORD};

/// A sale in store 17 whose price was set by hand to half of that on the shelf: `price_override_deep` fires.
pub(crate) fn by_hand(number: i64) -> String {
    let now = SystemClock.now();
    let record = json!({
        "store_id": "17", "register_id": "1", "kind": "SALE", "sequence_no": number, "operator_id": "7",
        "event_time_raw": now.format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string(), "currency": "USD",
        "total_minor": 2000, "receipt_no": format!("17-1-{number:04}"),
        "lines": [{
            "line_no": 1, "action": "SALE", "entry": "SCANNED", "description": "WHISKY", "qty_milli": 1000, "uom": "EA",
            "unit_price_minor": 2000, "regular_price_minor": 4000, "extended_minor": 2000,
            "price_override": { "reason": "PRICE MATCH" },
        }],
        "tenders": [{ "tender_no": 1, "tender_type": "CASH", "amount_minor": 2000, "direction": "IN" }],
        "source": { "adapter": "json" },
    });
    format!("demo/17|{record}")
}

#[test]
fn three_alerts_of_a_day_are_sent_where_three_are_wanted_and_none_of_a_rule_on_trial() {
    let shop = Shop::with("[alerts]\nper_store_and_day = 3\n");
    for (name, role) in [("lena", "analyst"), ("ida", "admin")] {
        shop.tillsight_with(&["user", "add", name, "--role", role, "--password-stdin"], &format!("{PASSWORD}\n"));
    }
    let person = |name: &str| {
        let browser = Browser::new(&shop, name);
        assert_eq!(browser.sign_in(name, PASSWORD), 200);
        browser
    };
    let (lena, ida) = (person("lena"), person("ida"));
    let alerts = || lena.get("/api/v1/alerts?state=all&store=17").1["items"].as_array().cloned().unwrap_or_default();
    let count = |all: &[Value], why: &str| all.iter().filter(|alert| alert["sending"] == why).count();
    shop.kcat_produce("lp.pos.in.kiosk", &(1..=6).map(by_hand).collect::<Vec<_>>());
    let all = eventually("six alerts are raised", || {
        let all = alerts();
        if all.len() == 6 { Ok(all) } else { Err(format!("{} of 6: {}", all.len(), shop.log())) }
    });
    assert_eq!((count(&all, "threshold"), count(&all, "budget")), (3, 3), "{all:?}");
    // One in twenty of what is held back is shown all the same.
    let shown = all.iter().filter(|alert| alert["sent"] == true).count();
    let picked = all.iter().filter(|alert| alert["picked"].is_number()).count();
    assert_eq!(shown, 3 + picked);
    let total = |view: &str| lena.get(&format!("/api/v1/queue?store=17{view}")).1["total"].clone();
    assert_eq!((total(""), total("&sent=held"), total("&sent=all")), (json!(shown), json!(6 - shown), json!(6)));

    let trial = json!({
        "rule_id": "price_override_deep", "shadow": true, "note": "we look at it first",
        "until": SystemClock.now() + chrono::TimeDelta::days(30),
    });
    let (status, said) = ida.post("/api/v1/setup/adjustments", &trial);
    assert_eq!((status, &said["shadow"]), (201, &json!(true)), "{said}");
    // What is rung before the rules have heard of it is judged as before.
    let mut number = 10;
    eventually("a sale is judged by the rule on trial", || {
        number += 1;
        shop.kcat_produce("lp.pos.in.kiosk", &[by_hand(number)]);
        let all = alerts();
        if count(&all, "shadow") > 0 { Ok(()) } else { Err(format!("{all:?}")) }
    });
    assert_ne!(total("&sent=shadow"), 0);
    let page = lena.get("/api/v1/queue?store=17&sent=all").1;
    assert!(page["items"].as_array().unwrap().iter().all(|item| item["head"]["sending"] != "shadow"), "{page}");
}
