//! Sends the canary of each store's day: a record as a till would send it, into the landing topic of our own integrator.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, SecondsFormat, Timelike as _, Utc};
use serde_json::{Value, json};
use tillsight_ingest::bus::Outgoing;
use tillsight_ingest::pos::Permits;
use tillsight_schemas::store::Store;
use tillsight_schemas::{canary, topic};

use crate::http::Shared;

/// Sends what is due and was not sent. One that cannot be sent is missed like one that does not come out.
pub(super) async fn send(shared: &Shared, senders: &[Permits]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let now = shared.clock.now();
    for store in shared.shops.iter() {
        let Some(day) = due(store, shared.canary.hour, now) else { continue };
        let Some(permits) = senders.iter().find(|permits| permits.tenant == store.tenant) else { continue };
        if shared.db.send_canary(&store.key(), day).await? {
            let record = Outgoing {
                topic: topic::landing(&permits.integrator),
                key: Some(Bytes::from(store.key().to_string())),
                value: Some(Bytes::from(document(store, day, now).to_string())),
                headers: Vec::new(),
            };
            shared.producer.send(vec![record]).await?;
        }
    }
    Ok(())
}

/// The day of a store's clock whose canary is due.
fn due(store: &Store, hour: u32, now: DateTime<Utc>) -> Option<NaiveDate> {
    let local = store.local(now);
    (local.hour() >= hour).then(|| local.date_naive())
}

/// The record. Beside its sender it says itself that it is a test.
fn document(store: &Store, day: NaiveDate, now: DateTime<Utc>) -> Value {
    json!({
        "store_id": store.id,
        "register_id": canary::REGISTER,
        "business_day": day,
        "kind": "OTHER",
        "kind_raw": "CANARY",
        "sequence_no": 1,
        "event_time_raw": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "test": true,
    })
}

#[cfg(test)]
mod tests {
    use tillsight_ingest::pos::{Checker, Stores};
    use tillsight_schemas::pos::Kind;

    use super::*;

    fn store() -> Store {
        let store = json!({
            "tenant": "acme", "id": "17", "name": "Kiosk", "tz": "America/Chicago", "currency": "USD"
        });
        serde_json::from_value(store).unwrap()
    }

    #[test]
    fn it_is_due_from_an_hour_of_the_stores_clock_on() {
        let at = |text: &str| due(&store(), 4, text.parse().unwrap()).map(|day| day.to_string());
        assert_eq!(at("2026-11-22T09:59:59Z"), None, "it is 3:59 in Chicago");
        assert_eq!(at("2026-11-22T10:00:00Z").as_deref(), Some("2026-11-22"));
        assert_eq!(at("2026-11-23T05:00:00Z").as_deref(), Some("2026-11-22"), "it is still the evening there");
    }

    #[test]
    fn the_intake_takes_it_as_a_record_of_a_till() {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let integrator = canary::sender(&"acme".parse().unwrap()).unwrap();
        let permits = Permits { integrator, tenant: "acme".parse().unwrap(), stores: Vec::new() };
        let checker = Checker::new(permits, Stores::new([store()]), now);
        let document = document(&store(), "2026-11-22".parse().unwrap(), now).to_string();
        let posted = checker.check(document.as_bytes()).unwrap();
        assert!(canary::is_sender(&posted.header.integrator_id));
        let till = posted.transaction;
        assert_eq!((till.kind, till.test, till.register_id.as_str()), (Kind::Other, true, canary::REGISTER));
        assert_eq!(till.business_day, "2026-11-22".parse().ok(), "it is known again by its day");
    }
}
