//! `GET /api/v1/matrix`: how each rule sees in each store at this moment, since when and why not, and registers that nobody
//! knows ([`crate::matrix`]). Only what is not plainly live is listed.
//!
//! Who does not see every alert is not told what rules said of late: it might be about what they must not know of.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tillsight_schemas::id::{RegisterId, RuleId, StoreId, StoreKey};

use super::Shared;
use super::answer::answer;
use super::auth::{Caller, Right};
use super::extract::Query;
use super::problem::Problem;
use crate::canary::{CanaryState, state};
use crate::matrix::SightCell;

answer! {
    /// A rule of the matrix.
    struct MatrixRule {
        /// The rule.
        rule_id: RuleId,
        /// What people call it.
        name: String,
    }

    /// A register that sends records although no zone and no name knows it.
    struct UnknownRegister {
        /// The shop.
        store_id: StoreId,
        /// The register, as the till calls it.
        register_id: RegisterId,
        /// When it was noticed, or told of again: each twelve hours.
        since: DateTime<Utc>,
    }

    /// The last canary of a store: a synthetic transaction that travels the whole path once a day.
    struct CanaryShown {
        /// The shop.
        store_id: StoreId,
        /// What became of it.
        state: CanaryState,
        /// When it was sent.
        sent_at: DateTime<Utc>,
        /// When it came out; null when it has not.
        came_at: Option<DateTime<Utc>>,
    }

    /// How each rule sees in each store.
    struct MatrixPage {
        /// When it was looked last; null while what the tills sent of late is still being read.
        looked_at: Option<DateTime<Utc>>,
        /// The rules that judge.
        rules: Vec<MatrixRule>,
        /// The stores.
        stores: Vec<StoreId>,
        /// What is not live, and what is on trial; all others are live.
        cells: Vec<SightCell>,
        /// Registers that nobody knows.
        unknown_registers: Vec<UnknownRegister>,
        /// The last canary of each store; none where none are sent.
        canaries: Vec<CanaryShown>,
        /// What is wrong with each rule that does not judge anywhere, in sentences.
        left_out: Vec<String>,
    }
}

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    store: Option<StoreId>,
}

/// Says how the rules see.
pub(super) async fn matrix(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<MatrixPage>, Problem> {
    let scope = caller.person(Right::Look)?.scope;
    if let Some(store) = asked.store.as_ref().filter(|store| !scope.sees(&scope.tenant, store)) {
        let detail = format!("there is no store {store} for you");
        return Err(Problem::new(StatusCode::NOT_FOUND, "not found", detail));
    }
    let sees = |key: &StoreKey| {
        scope.sees(&key.tenant, &key.store) && asked.store.as_ref().is_none_or(|store| *store == key.store)
    };
    let rules = shared.rules.iter().map(|rule| {
        let header = &rule.header;
        MatrixRule { rule_id: header.id.clone(), name: header.name.clone() }
    });
    let unknown = shared.matrix.unknown(sees).into_iter();
    let sung = if shared.canary.enabled { shared.db.canaries().await } else { Ok(Vec::new()) };
    let sung = sung.map_err(|error| Problem::unavailable("what became of canaries cannot be read", &error))?;
    let now = shared.clock.now();
    let canaries = sung.into_iter().filter(|sung| sees(&sung.store)).map(|sung| CanaryShown {
        state: state(&sung, shared.canary, now),
        store_id: sung.store.store,
        sent_at: sung.sent_at,
        came_at: sung.came_at,
    });
    Ok(Json(MatrixPage {
        looked_at: shared.matrix.looked_at(),
        rules: rules.collect(),
        stores: shared.shops.iter().map(|store| store.key()).filter(sees).map(|key| key.store).collect(),
        cells: shared.matrix.cells(sees, scope.without.is_empty()),
        unknown_registers: unknown
            .map(|(key, register_id, since)| UnknownRegister { store_id: key.store, register_id, since })
            .collect(),
        canaries: canaries.collect(),
        left_out: shared.left_out.to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;
    use serde_json::{Value, json};
    use tillsight_schemas::Clock as _;
    use tillsight_schemas::judgement::{Judgement, Outcome};
    use tillsight_schemas::port::{Epoch, EpochStore as _, Judged, Partition};
    use tillsight_schemas::pos::{Kind, PostedTransaction};
    use tillsight_schemas::presence::{Blind, PresenceState, PresenceTile};

    use super::super::Live;
    use super::super::tests::House;
    use super::*;
    use crate::db::{AccountChange, Role, TokenKind, User};
    use crate::feed::Feeds;
    use crate::matrix::look;

    /// A house whose log was read to its end.
    async fn house() -> House {
        let mut house = House::open().await;
        let headers = house.shared.rules.iter().map(|rule| rule.header.clone()).collect();
        house.shared.feeds = Arc::new(Feeds::new(Arc::new(headers), house.shared.stores.clone()));
        house.live = Live::new(house.shared.clone());
        house.shared.feeds.heard_all(&[]);
        house
    }

    /// Rings a transaction at a register of store 17.
    fn ring(house: &House, register: &str, number: i64, kind: Kind, operator: Option<&str>) {
        let mut posted: PostedTransaction =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/posted_transaction.json")).unwrap();
        let (header, till) = (&mut posted.header, &mut posted.transaction);
        (header.tenant_id, header.integrator_id) = ("acme".parse().unwrap(), "kiosk".parse().unwrap());
        (header.received_at, header.event_time) = (house.clock.now(), house.clock.now());
        header.landing_offset = number;
        (till.store_id, till.register_id) = ("17".parse().unwrap(), register.parse().unwrap());
        (till.kind, till.operator_id) = (kind, operator.map(|operator| operator.parse().unwrap()));
        house.shared.feeds.heard_all(&[posted]);
    }

    /// Says what is seen in the counter's zone for a second.
    fn see(house: &House, state: PresenceState, blind: Option<Blind>) {
        let mut tile: PresenceTile =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/presence_tile.json")).unwrap();
        (tile.tenant_id, tile.store_id) = ("acme".parse().unwrap(), "17".parse().unwrap());
        (tile.camera_id, tile.zone_id) = ("kiosk".parse().unwrap(), "kiosk-customer".parse().unwrap());
        (tile.start_at, tile.end_at) = (house.clock.now() - TimeDelta::seconds(1), house.clock.now());
        (tile.state, tile.blind) = (state, blind);
        house.shared.known.note_looked(&tile);
    }

    /// The cell of a rule in store 17; null when it is live.
    async fn cell(house: &House, who: &str, rule: &str) -> Value {
        look(&house.shared).await.unwrap();
        let bearer = format!("Bearer {who}");
        let answer = house.ask("GET", "/api/v1/matrix?store=17", &[("authorization", bearer.as_str())], None).await;
        let (status, page) = super::super::tests::read(answer).await;
        assert_eq!((status, &page["stores"]), (StatusCode::OK, &json!(["17"])), "{page}");
        let cells = page["cells"].as_array().unwrap();
        cells.iter().find(|cell| cell["rule_id"] == rule).cloned().unwrap_or_default()
    }

    #[tokio::test]
    async fn the_matrix_turns_within_a_minute_when_a_camera_goes_dark_and_keeps_since_when() {
        let house = house().await;
        let lena = house.token(TokenKind::Person, "lena").await;
        ring(&house, "1", 1, Kind::Sale, Some("7"));
        see(&house, PresenceState::Absent, None);
        assert_eq!(cell(&house, &lena, "refund_no_customer").await, json!(null));
        for _ in 0..12 {
            house.clock.advance(TimeDelta::seconds(1));
            see(&house, PresenceState::Unknown, Some(Blind::NoSignal));
        }
        let dark = cell(&house, &lena, "refund_no_customer").await;
        assert_eq!(
            (&dark["state"], &dark["reasons"][0]["code"]),
            (&json!("blind"), &json!("camera_no_signal")),
            "{dark}"
        );
        assert_eq!(cell(&house, &lena, "cancel_burst").await, json!(null), "it asks no camera");
        house.clock.advance(TimeDelta::seconds(8));
        let later = cell(&house, &lena, "refund_no_customer").await;
        assert_eq!(later["since"], dark["since"]);
        let kept = house.shared.db.sights().await.unwrap();
        let place: (StoreKey, RuleId) = ("acme/17".parse().unwrap(), "refund_no_customer".parse().unwrap());
        assert_eq!(json!(kept[&place].since), dark["since"], "the next process says the same");
        see(&house, PresenceState::Absent, None);
        assert_eq!(cell(&house, &lena, "refund_no_customer").await, json!(null));
        house.clock.advance(TimeDelta::seconds(25));
        let silent = cell(&house, &lena, "refund_no_customer").await;
        assert_eq!(silent["reasons"][0]["code"], "camera_silent", "the analysis has stopped: {silent}");
    }

    #[tokio::test]
    async fn the_matrix_turns_when_the_tills_no_longer_name_the_operator() {
        let house = house().await;
        let lena = house.token(TokenKind::Person, "lena").await;
        for number in 1..=12 {
            ring(&house, "1", number, Kind::Sale, Some("7"));
        }
        assert_eq!(cell(&house, &lena, "cancel_burst").await, json!(null));
        for number in 13..=17 {
            house.clock.advance(TimeDelta::seconds(5));
            ring(&house, "1", number, Kind::Sale, None);
        }
        let blind = cell(&house, &lena, "cancel_burst").await;
        assert_eq!(
            (&blind["state"], &blind["reasons"][0]["code"]),
            (&json!("blind"), &json!("missing_field")),
            "{blind}"
        );
        assert_eq!(blind["reasons"][0]["registers"], json!(["1"]));
        ring(&house, "1", 18, Kind::Sale, Some("7"));
        assert_eq!(cell(&house, &lena, "cancel_burst").await, json!(null));
    }

    #[tokio::test]
    async fn a_lane_that_no_zone_knows_is_named_where_lanes_are_mapped() {
        let house = house().await;
        let lena = house.token(TokenKind::Person, "lena").await;
        ring(&house, "1", 1, Kind::Sale, Some("7"));
        ring(&house, "9", 2, Kind::Sale, Some("7"));
        see(&house, PresenceState::Absent, None);
        let unmapped = cell(&house, &lena, "refund_no_customer").await;
        assert_eq!((&unmapped["state"], &unmapped["reasons"][0]["code"]), (&json!("degraded"), &json!("no_zone")));
        let lena = house.sign_in("lena").await;
        let (_, page) = house.get("/api/v1/matrix", &lena).await;
        assert_eq!(page["unknown_registers"][0]["register_id"], "9", "{page}");
        let ida = house.sign_in("ida").await;
        let draft = json!({ "name": "Lane 9" });
        let (status, said) = house.send("PUT", "/api/v1/setup/registers/17/9", &ida, Some(draft)).await;
        assert!(status.is_success(), "{said}");
        look(&house.shared).await.unwrap();
        let (_, page) = house.get("/api/v1/matrix", &lena).await;
        assert_eq!(page["unknown_registers"], json!([]), "somebody knows it");
        let (_, page) = house.get("/api/v1/matrix", &house.sign_in("tom").await).await;
        assert!(page["cells"].as_array().unwrap().iter().all(|cell| cell["store_id"] == "17"), "{page}");
    }

    #[tokio::test]
    async fn a_rule_that_fails_is_told_to_those_who_see_every_alert() {
        let house = house().await;
        let lena = house.token(TokenKind::Person, "lena").await;
        let user = User {
            name: "maria".into(),
            tenant: "acme".parse().unwrap(),
            role: Role::Manager,
            stores: vec!["17".parse().unwrap()],
        };
        let maria = AccountChange { user, email: None, operator: "1042".parse().ok(), disabled: false };
        house.shared.db.add_account("ida", &maria).await.unwrap();
        let maria = house.token(TokenKind::Person, "maria").await;
        ring(&house, "1", 1, Kind::Sale, Some("7"));
        let mut judgement: Judgement =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/judgement.json")).unwrap();
        (judgement.tenant_id, judgement.store_id) = ("acme".parse().unwrap(), "17".parse().unwrap());
        (judgement.rule_id, judgement.event_time) = ("cancel_burst".parse().unwrap(), house.clock.now());
        (judgement.outcome, judgement.why) = (Outcome::Indeterminate, "rule_failed".into());
        let partition = Partition::new("engine", 0);
        let fence = house.shared.db.take(&partition).await.unwrap().fence;
        let judged = vec![Judged { judgement, alert: None, events: Vec::new(), shadow: false }];
        let epoch = Epoch { partition, fence, checkpoint: String::new(), judged, outgoing: Vec::new() };
        house.shared.db.commit_epoch(&epoch).await.unwrap();
        let failed = cell(&house, &lena, "cancel_burst").await;
        assert_eq!(
            (&failed["state"], &failed["reasons"][0]["code"]),
            (&json!("blind"), &json!("rule_failed")),
            "{failed}"
        );
        assert_eq!(cell(&house, &maria, "cancel_burst").await, json!(null));
        house.clock.advance(TimeDelta::hours(2));
        ring(&house, "1", 2, Kind::Sale, Some("7"));
        assert_eq!(cell(&house, &lena, "cancel_burst").await, json!(null), "it has not failed for an hour");
    }
}
