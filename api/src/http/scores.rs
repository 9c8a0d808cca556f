//! `GET /api/v1/scores?store&days`: operators and stores beside their peers. Those who look into what people at tills did
//! see them, of their stores; nobody their own, and no manager those of a manager of their stores.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tillsight_schemas::id::StoreId;

use super::Shared;
use super::auth::{Caller, Right};
use super::extract::Query;
use super::problem::Problem;
use super::setup::store_of;
use crate::scores::{Asked as Which, DAYS, MOST_DAYS, ScoresShown};

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    store: Option<StoreId>,
    days: Option<u32>,
}

/// The scores.
pub(super) async fn scores(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<ScoresShown>, Problem> {
    let person = caller.person(Right::Compare)?;
    let days = asked.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad request", format!("days: 1 to {MOST_DAYS}")));
    }
    let stores = match &asked.store {
        Some(store) => vec![store_of(&shared, &person, store.as_str())?.store],
        None => person.scope.stores.clone(),
    };
    let which = Which {
        tenant: person.scope.tenant.clone(),
        shops: shared.shops.clone(),
        days,
        stores,
        without: person.scope.without.clone(),
    };
    let scores = shared.scorer.scores(which).await;
    Ok(Json(scores.map_err(|error| Problem::unavailable("the scores cannot be made", &error))?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::{Value, json};
    use tillsight_correlate::lake::{ArchiveConfig, Archiver, MemoryLog};
    use tillsight_schemas::pos::{Kind, PostedTransaction};
    use tillsight_schemas::topic::POS_TRANSACTION;
    use tillsight_schemas::wire::avro;
    use uuid::Uuid;

    use super::super::tests::House;
    use super::super::work_tests::Worker;
    use super::*;
    use crate::db::{AccountChange, Role, TokenKind, User};

    /// So many sales of an operator, and so many that were given up.
    fn worked(records: &mut Vec<PostedTransaction>, store: &str, operator: &str, sales: usize, cancels: usize) {
        let sample = include_str!("../../../schemas/samples/v1/posted_transaction.json");
        let sample: PostedTransaction = serde_json::from_str(sample).unwrap();
        for index in 0..sales + cancels {
            let mut posted = sample.clone();
            let number = i64::try_from(records.len()).unwrap();
            posted.header.event_id = Uuid::from_u128(u128::try_from(number).unwrap());
            posted.header.tenant_id = "acme".parse().unwrap();
            posted.header.landing_offset = number;
            posted.transaction.store_id = store.parse().unwrap();
            posted.transaction.operator_id = operator.parse().ok();
            posted.transaction.business_day = "2026-11-20".parse().ok();
            posted.transaction.kind = if index < sales { Kind::Sale } else { Kind::Cancel };
            records.push(posted);
        }
    }

    /// A shop of forty cashiers in two stores: 7 gives every third sale up, 1042 (Maria, who runs store 17) every second.
    async fn shop() -> House {
        let house = House::open().await;
        let mut records = Vec::new();
        for index in 0..40 {
            let store = if index % 2 == 0 { "17" } else { "42" };
            worked(&mut records, store, &format!("{}", 100 + index), 58, 1 + index % 3);
        }
        worked(&mut records, "17", "7", 40, 20);
        worked(&mut records, "17", "1042", 30, 30);
        let log = MemoryLog::new(POS_TRANSACTION, 1);
        for value in avro::encode(&records).unwrap() {
            log.append(0, value);
        }
        let clock = Arc::new(house.clock.clone());
        let config = ArchiveConfig::new(house.dir.path().join("lake"));
        let mut archiver = Archiver::open(config, Box::new(log.reader()), clock).await.unwrap();
        while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
        archiver.commit().await.unwrap();
        let user = User {
            name: "maria".into(),
            tenant: "acme".parse().unwrap(),
            role: Role::Manager,
            stores: vec!["17".parse().unwrap()],
        };
        let account = AccountChange { user, email: None, operator: "1042".parse().ok(), disabled: false };
        house.shared.db.add_account("ida", &account).await.unwrap();
        house
    }

    fn operators(scores: &Value) -> Vec<&str> {
        scores["operators"].as_array().unwrap().iter().map(|one| one["operator_id"].as_str().unwrap()).collect()
    }

    #[tokio::test]
    async fn who_gives_many_sales_up_stands_out_and_nobody_reads_their_own_score() {
        let house = shop().await;
        let lena = Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
        let scores = lena.get("scores").await;
        assert_eq!((&scores["from"], &scores["to"]), (&json!("2026-10-25"), &json!("2026-11-21")), "{scores}");
        assert_eq!(operators(&scores)[..2], ["1042", "7"]);
        assert_eq!(scores["operators_total"], 22, "of store 17 alone, whose peers are in store 42, too: {scores}");
        assert_eq!(scores["stores"].as_array().unwrap().len(), 1);
        let seven = &scores["operators"][1];
        assert_eq!(
            (&seven["peers"], &seven["work"], &seven["stands_out"]),
            (&json!(42), &json!("staffed"), &json!(true))
        );
        let part = &seven["parts"][0];
        assert_eq!((&part["measure"], &part["events"], &part["of"]), (&json!("cancels"), &json!(20), &json!(60)));
        let number = |name: &str| part[name].as_f64().unwrap();
        assert!(
            number("rate") < number("raw") && number("rate") > number("peers"),
            "it is drawn towards the peers: {part}"
        );
        assert!(number("low") < number("rate") && number("rate") < number("high") && number("q") <= 0.1, "{part}");
        assert_eq!(part["query"], "op:7 store:17 type:cancel from:2026-10-25 to:2026-11-21");
        let question = scores["measures"].as_array().unwrap().iter().find(|one| one["key"] == "cancels").unwrap();
        let sql = scores["questions"][usize::try_from(question["question"].as_u64().unwrap()).unwrap()]["sql"].as_str();
        assert!(sql.unwrap().contains("AS cancels_of"), "{scores}");
        let usual = &scores["operators"][5];
        assert_eq!(usual["stands_out"], false, "{usual}");

        // Maria does not learn what is said of her, nor that anything is.
        let maria =
            Worker { house: &house, bearer: format!("Bearer {}", house.token(TokenKind::Person, "maria").await) };
        let hers = maria.get("scores").await;
        assert_eq!(operators(&hers)[0], "7");
        assert!(!operators(&hers).contains(&"1042") && !hers.to_string().contains("\"1042\""), "{hers}");
        assert_eq!((&hers["operators_total"], &hers["operators"][0]["peers"]), (&json!(21), &json!(41)));
        assert_eq!(maria.call("GET", "scores?store=42", None).await.0, StatusCode::NOT_FOUND);
        // Head office asks in SQL, without names of people put in order.
        let hanna = Worker::join(&house, "hanna", Role::HeadOffice, &[]).await;
        assert_eq!(hanna.call("GET", "scores", None).await.0, StatusCode::FORBIDDEN);
        let ida = Worker::join(&house, "ida", Role::Admin, &[]).await;
        assert_eq!(ida.get("scores?store=42&days=3").await["operators_total"], 20);
        assert_eq!(ida.get("scores?days=1").await["operators"], json!([]), "nothing was rung on the last day");
        for days in ["0", "93", "x"] {
            assert_eq!(ida.call("GET", &format!("scores?days={days}"), None).await.0, StatusCode::BAD_REQUEST);
        }
    }
}
