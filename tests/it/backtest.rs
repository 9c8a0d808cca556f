//! A back-test as a page asks for it: a till rings, an alert is raised and confirmed, and a number is tried with which it would not
//! have been. It runs in a process of its own, is cancelled, and outlives a restart; the command says the same.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;
use tillsight_tests::outside::eventually;

use crate::http::{Browser, PASSWORD};

/// A sale whose price was set by hand to half of what is on the shelf.
fn sale(number: i64, register: &str) -> Value {
    let at = SystemClock.now() - TimeDelta::minutes(30);
    json!({
        "store_id": "17", "register_id": register, "kind": "SALE", "sequence_no": number, "operator_id": "1042",
        "event_time_raw": at.format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string(), "currency": "USD",
        "receipt_no": format!("17-{register}-{number:04}"), "source": { "adapter": "json" }, "total_minor": 2000,
        "lines": [{
            "line_no": 1, "action": "SALE", "entry": "SCANNED", "description": "WHISKY", "qty_milli": 1000, "uom": "EA",
            "unit_price_minor": 2000, "regular_price_minor": 4000, "extended_minor": 2000,
            "price_override": { "reason": "PRICE MATCH" },
        }],
        "tenders": [{ "tender_no": 1, "tender_type": "CASH", "amount_minor": 2000, "direction": "IN" }],
    })
}

/// Waits until a back-test is over.
fn over(browser: &Browser<'_>, id: &str) -> Value {
    eventually("the back-test is over", || {
        let (_, detail) = browser.get(&format!("/api/v1/backtests/{id}"));
        match detail["state"].as_str() {
            Some("queued" | "running") | None => Err(detail.to_string()),
            Some(_) => Ok(detail),
        }
    })
}

#[test]
fn a_number_is_tried_over_http_and_says_which_confirmed_alert_it_would_lose() {
    let mut shop = Shop::open();
    for (name, stores) in [("ida", ""), ("tom", "42")] {
        let mut add = vec!["user", "add", name, "--tenant", "demo", "--role", "admin", "--password-stdin"];
        if !stores.is_empty() {
            add.extend(["--stores", stores]);
        }
        shop.tillsight_with(&add, &format!("{PASSWORD}\n"));
    }
    let (_, till) = shop.token(&["--integrator", "kiosk"]);
    for (number, register) in [(1, "1"), (2, "2")] {
        let (status, said) = shop.post("/api/v1/pos/transactions", Some(&till), &sale(number, register));
        assert_eq!(status, 202, "{said}");
    }
    let day = SystemClock.now().date_naive();
    let (from, to) = (day - TimeDelta::days(2), day + TimeDelta::days(1));
    let id = {
        let ida = Browser::new(&shop, "ida");
        assert_eq!(ida.sign_in("ida", PASSWORD), 200);
        let alerts = eventually("both sales raise an alert", || {
            let (_, page) = ida.get("/api/v1/alerts?rule=price_override_deep");
            let ids: Vec<String> = page["items"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|alert| Some(alert["alert_id"].as_str()?.to_owned()))
                .collect();
            if ids.len() == 2 { Ok(ids) } else { Err(page.to_string()) }
        });
        let decision = json!({ "disposition": "confirmed", "revision": 0 });
        assert_eq!(ida.post(&format!("/api/v1/alerts/{}/review", alerts[0]), &decision).0, 200);

        let asked = json!({
            "rules": ["price_override_deep"], "from": from, "to": to, "stores": ["17"], "params": { "percent": 60 },
        });
        // What was archived is judged: until the sales are, nothing is there to be lost.
        let detail = eventually("the sales are archived and judged again", || {
            let (status, made) = ida.post("/api/v1/backtests", &asked);
            assert_eq!((status, &made["state"]), (202, &json!("queued")), "{made}");
            let detail = over(&ida, made["backtest_id"].as_str().unwrap());
            assert_eq!(detail["state"], "done", "{detail}\n{}", shop.log());
            if detail["result"]["lost"]["count"] == 2 { Ok(detail) } else { Err(detail.to_string()) }
        });
        let result = &detail["result"];
        assert_eq!(result["against"], "the rules as they stand");
        assert_eq!((&result["summary"]["lost_confirmed"], &result["summary"]["gained"]), (&json!(1), &json!(0)));
        assert_eq!((&result["store_days"], &result["transactions"]), (&json!(4), &json!(2)), "{result}");
        assert!((result["summary"]["rate_before"].as_f64().unwrap() - 0.5).abs() < 1e-9, "{result}");
        let lost: Vec<&str> =
            result["lost"]["items"].as_array().unwrap().iter().map(|one| one["alert_id"].as_str().unwrap()).collect();
        assert!(alerts.iter().all(|alert| lost.contains(&alert.as_str())), "{result}");
        assert!(result["lost"]["items"][0]["words"].as_str().unwrap().contains("WHISKY"), "{result}");
        assert_eq!(result["lost"]["items"][0]["known"], true);

        // Nobody else's, and not of a store that one does not see.
        let tom = Browser::new(&shop, "tom");
        assert_eq!(tom.sign_in("tom", PASSWORD), 200);
        let id = detail["backtest_id"].as_str().unwrap().to_owned();
        assert_eq!(tom.get(&format!("/api/v1/backtests/{id}")).0, 404);
        assert_eq!(tom.post("/api/v1/backtests", &asked).0, 404);

        // The command says the same to a program.
        let (from, to) = (from.to_string(), to.to_string());
        let said = shop.tillsight(&[
            "rule",
            "backtest",
            "price_override_deep",
            "--store",
            "17",
            "--from",
            &from,
            "--to",
            &to,
            "--param",
            "percent=60",
            "--json",
        ]);
        let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["progress"], json!({ "done": 0, "of": 4, "seconds_left": null }));
        let (last, told) = lines.split_last().unwrap();
        assert!(told.iter().all(|line| line["progress"].is_object()), "{said}");
        for field in ["summary", "lost", "days", "same", "differs", "blind"] {
            assert_eq!(last["result"][field], result[field], "{field}");
        }
        id
    };

    // It is there after a restart, until it is forgotten.
    assert_eq!(shop.stop(), Some(0));
    shop.start();
    let ida = Browser::new(&shop, "ida");
    assert_eq!(ida.sign_in("ida", PASSWORD), 200);
    let path = format!("/api/v1/backtests/{id}");
    assert_eq!(ida.get(&path).1["result"]["lost"]["count"], 2);
    assert_eq!(ida.delete(&path).0, 204);
    assert_eq!(ida.get(&path).0, 404);
}
