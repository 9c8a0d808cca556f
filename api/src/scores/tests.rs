//! Which days scores are about.

use super::*;

fn shop(id: &str, tz: &str) -> Store {
    let shop = serde_json::json!({ "tenant": "acme", "id": id, "name": id, "tz": tz, "currency": "USD" });
    serde_json::from_value(shop).unwrap()
}

#[test]
fn the_last_day_is_the_last_that_is_over_in_every_store() {
    let asked = |shops: Vec<Store>| Asked {
        tenant: "acme".parse().unwrap(),
        shops: Arc::new(shops),
        days: 28,
        stores: Vec::new(),
        without: Without::default(),
    };
    // Half past midnight in New York, half past eleven in Chicago.
    let now = "2026-11-22T05:30:00Z".parse().unwrap();
    let (period, ends) = days(&asked(vec![shop("42", "America/New_York"), shop("17", "America/Chicago")]), now);
    assert_eq!((period.first.to_string(), period.last.to_string()), ("2026-10-24".into(), "2026-11-20".into()));
    assert_eq!(ends.to_rfc3339(), "2026-11-21T06:00:00+00:00");
    let (period, _) = days(&asked(vec![shop("42", "America/New_York")]), now);
    assert_eq!(period.last.to_string(), "2026-11-21");
    let (period, _) = days(&asked(Vec::new()), now);
    assert_eq!(period.last.to_string(), "2026-11-21", "a retailer without stores has days, too");
}
