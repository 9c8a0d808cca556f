//! The canary in a running shop: it comes out as an alert on `lp.alert.v1`, and nobody who counts finds it.

use serde_json::{Value, json};
use tillsight_tests::Shop;
use tillsight_tests::outside::{becomes, eventually};

use crate::budget::by_hand;

#[test]
fn a_canary_of_each_store_comes_out_and_counts_nowhere() {
    let shop = Shop::with("[canary]\nenabled = true\nhour = 0\n");
    shop.tillsight(&["user", "add", "ida", "--role", "admin"]);
    let (_, ida) = shop.token(&["--http", "ida"]);
    let sql = shop.head_office("anna", "");
    let get = |path: &str| -> Value {
        let (status, body) = shop.get(path, Some(&ida));
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    };
    eventually("both canaries come out", || {
        let page = get("/api/v1/matrix");
        let canaries = page["canaries"].as_array().cloned().unwrap_or_default();
        let came = canaries.iter().filter(|canary| canary["state"] == "came").count();
        if came == 2 { Ok(()) } else { Err(format!("{canaries:?}\n{}", shop.log())) }
    });
    let mut told = shop.kcat_consume("lp.alert.v1", "%k %h\n");
    told.sort();
    assert_eq!(told, ["canary/demo/17 lp.canary=true", "canary/demo/42 lp.canary=true"], "others can tell it");

    // What is rung after it is found; so whoever counts has read past it.
    shop.kcat_produce("lp.pos.in.kiosk", &[by_hand(1)]);
    becomes("one receipt and its alert", &json!(2), || get("/api/v1/search?q=")["total"].clone());
    becomes("one transaction in SQL", &"1".to_owned(), || shop.query(&sql, "select count(*) from pos.transactions"));
    becomes("one alert in SQL", &"1".to_owned(), || shop.query(&sql, "select count(*) from lp.alerts"));
    for path in ["/api/v1/alerts?state=all", "/api/v1/queue?state=all&sent=all", "/api/v1/blindspots", "/api/v1/stores"]
    {
        assert!(!get(path).to_string().contains("canary"), "{path}");
    }
    assert_eq!(get("/api/v1/alerts?state=all")["items"].as_array().map(Vec::len), Some(1));
    becomes("the feeds have heard one record", &json!(1), || {
        get("/api/v1/feeds?integrator=kiosk")["items"][0]["today"]["accepted"].clone()
    });
    assert!(!get("/api/v1/feeds").to_string().contains("canary"));
    assert!(!shop.log().contains("panicked"), "{}", shop.log());
}
