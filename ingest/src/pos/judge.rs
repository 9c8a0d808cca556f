//! Accepts or rejects a decoded transaction: permission, store, money, time, identity. Pure; it changes nothing and asks
//! nobody, so the same record always gets the same answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::id::{IntegratorId, StoreId, StoreKey, TenantId};
use tillsight_schemas::pos::{Header, PostedTransaction, Reject, RejectCode, Transaction, natural_id, payload_sha256};
use tillsight_schemas::store::Store;
use uuid::Uuid;

use super::decode::from_json;
use super::mask::mask_card_numbers;
use super::time::{ReadTime, read_time};

/// How far ahead of our clock a till may be before its time is taken for nonsense.
const AHEAD: TimeDelta = TimeDelta::days(31);

/// The stores that are set up.
#[derive(Debug, Clone, Default)]
pub struct Stores(Arc<BTreeMap<StoreKey, Store>>);

impl Stores {
    /// Makes the list.
    pub fn new(stores: impl IntoIterator<Item = Store>) -> Self {
        Self(Arc::new(stores.into_iter().map(|store| (store.key(), store)).collect()))
    }

    /// Finds a store.
    pub fn get(&self, tenant: &TenantId, store: &StoreId) -> Option<&Store> {
        self.0.get(&StoreKey::new(tenant.clone(), store.clone()))
    }
}

/// What an integrator may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permits {
    /// Who it is.
    pub integrator: IntegratorId,
    /// The retailer it writes for.
    pub tenant: TenantId,
    /// The stores it may write; all stores of the tenant when empty.
    pub stores: Vec<StoreId>,
}

impl Permits {
    /// The same, for these stores only; `None` when it may write none of them.
    pub fn only(&self, stores: &[StoreId]) -> Option<Self> {
        let stores: Vec<StoreId> =
            stores.iter().filter(|store| self.stores.is_empty() || self.stores.contains(store)).cloned().collect();
        (!stores.is_empty()).then(|| Self { stores, ..self.clone() })
    }

    /// The same, for the stores that a landing record is limited to ([`HEADER_STORES`](tillsight_schemas::topic::HEADER_STORES)).
    ///
    /// # Errors
    /// [`Reject`] when none of them may be written.
    pub(super) fn limited(&self, stores: &str) -> Result<Self, Reject> {
        let named: Result<Vec<StoreId>, _> = stores.split(',').map(str::parse).collect();
        named.ok().and_then(|named| self.only(&named)).ok_or_else(|| {
            let detail =
                format!("its sender may write the stores {stores}, integrator {} none of them", self.integrator);
            Reject::new(RejectCode::ForbiddenStore, detail).at("/store_id")
        })
    }
}

/// Says beforehand whether a record would be accepted (apart from collisions with earlier ones).
#[derive(Debug, Clone)]
pub struct Checker {
    permits: Permits,
    stores: Stores,
    landed: Landed,
}

impl Checker {
    /// Makes a checker for records of one integrator that arrive at `now`.
    pub fn new(permits: Permits, stores: Stores, now: DateTime<Utc>) -> Self {
        let landed = Landed { topic: String::new(), partition: 0, offset: 0, received_at: now, key: None };
        Self { permits, stores, landed }
    }

    /// Checks the JSON of one record; what it would be accepted as, with landing coordinates that mean nothing yet.
    ///
    /// # Errors
    /// [`Reject`] with the code and sentence it would have in the dead-letter topic.
    pub fn check(&self, value: &[u8]) -> Result<PostedTransaction, Reject> {
        // As the intake does: what is compared and kept has no card numbers.
        let mut value = value.to_vec();
        mask_card_numbers(&mut value);
        let transaction = from_json(&value)?;
        judge(transaction, &self.landed, &self.permits, &self.stores)
    }
}

/// Why a record cannot be accepted whose identity is known with other content.
pub fn collision(id: Uuid, revision: i32) -> Reject {
    let detail = format!(
        "event {id} revision {revision} was accepted before with another content; a correction needs a higher revision"
    );
    Reject::new(RejectCode::IdentityCollision, detail)
}

/// What is odd about a record that is accepted, in a sentence: it corrects what has not come. `seen` says whether a revision
/// of an event below the given one is known.
pub fn warning(posted: &PostedTransaction, seen: impl Fn(Uuid, i32) -> bool) -> Option<String> {
    let (id, revision) = (posted.header.event_id, posted.transaction.revision);
    match posted.transaction.replaces {
        Some(replaced) => (!seen(replaced, i32::MAX))
            .then(|| format!("it replaces event {replaced}, which has not come: is that the whole id that was answered?")),
        None => (revision > 0 && !seen(id, revision)).then(|| {
            format!(
                "it is revision {revision} of event {id}, of which no earlier one has come: where operator, time or another \
                 part of the natural key was wrong, name the first record's event_id in `replaces`"
            )
        }),
    }
}

/// Where a record was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Landed {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) received_at: DateTime<Utc>,
    /// The Kafka key as text, if there is one.
    pub(super) key: Option<String>,
}

/// Judges one transaction.
///
/// # Errors
/// [`Reject`] with the first reason for which it cannot be accepted.
pub(super) fn judge(
    mut transaction: Transaction,
    landed: &Landed,
    permits: &Permits,
    stores: &Stores,
) -> Result<PostedTransaction, Reject> {
    let store = permitted_store(&transaction, landed, permits, stores)?;
    check_money(&transaction, store)?;
    let payload_sha256 = payload_sha256(&transaction);
    let completed = time(&transaction.event_time_raw, "event_time_raw", store)?;
    if completed.at > landed.received_at + AHEAD {
        let detail = format!("event_time_raw {} lies more than a month ahead", transaction.event_time_raw);
        return Err(Reject::new(RejectCode::Time, detail).at("/event_time_raw"));
    }
    let begun = transaction.begin_time_raw.as_deref().map(|raw| time(raw, "begin_time_raw", store)).transpose()?;
    transaction.business_day.get_or_insert_with(|| store.business_day(completed.at));
    transaction.currency.get_or_insert(store.currency);
    let event_id = natural_id(&permits.tenant, &transaction)
        .map_err(|error| Reject::new(RejectCode::Identity, error.to_string()))?;
    let header = Header {
        event_id,
        tenant_id: permits.tenant.clone(),
        event_time: completed.at,
        event_time_uncertainty_ms: completed.uncertainty_ms,
        begin_time: begun.map(|time| time.at),
        tz: store.tz.name().to_owned(),
        dst_fold: completed.fold,
        received_at: landed.received_at,
        payload_sha256,
        integrator_id: permits.integrator.clone(),
        landing_topic: landed.topic.clone(),
        landing_partition: landed.partition,
        landing_offset: landed.offset,
    };
    Ok(PostedTransaction { header, transaction })
}

fn permitted_store<'a>(
    transaction: &Transaction,
    landed: &Landed,
    permits: &Permits,
    stores: &'a Stores,
) -> Result<&'a Store, Reject> {
    let forbidden = |what: String| {
        let stores: Vec<&str> = permits.stores.iter().map(StoreId::as_str).collect();
        let detail = match stores.as_slice() {
            [] => format!("integrator {} may not write {what}", permits.integrator),
            only => {
                let (integrator, only) = (&permits.integrator, only.join(", "));
                format!("integrator {integrator}, or its token, may write store {only} only, not {what}")
            }
        };
        Reject::new(RejectCode::ForbiddenStore, detail).at("/store_id")
    };
    let id = &transaction.store_id;
    let may_write = |store: &StoreId| permits.stores.is_empty() || permits.stores.contains(store);
    if !may_write(id) {
        return Err(forbidden(format!("store {id}")));
    }
    if let Some(key) = &landed.key {
        let named: StoreKey = key.parse().map_err(|_| {
            let detail = format!("the Kafka key is {key:?}; it must be {}/{id}", permits.tenant);
            Reject::new(RejectCode::Schema, detail)
        })?;
        if named.tenant != permits.tenant || !may_write(&named.store) {
            return Err(forbidden(format!("key {named}")));
        }
        if named.store != *id {
            let detail = format!("the Kafka key names store {}, the record store {id}", named.store);
            return Err(Reject::new(RejectCode::Schema, detail).at("/store_id"));
        }
    }
    stores.get(&permits.tenant, id).ok_or_else(|| {
        let detail = format!("store {id} of tenant {} is not set up", permits.tenant);
        Reject::new(RejectCode::UnknownStore, detail).at("/store_id")
    })
}

fn time(raw: &str, field: &str, store: &Store) -> Result<ReadTime, Reject> {
    let wrong = |error| Reject::new(RejectCode::Time, format!("{field}: {error}")).at(format!("/{field}"));
    read_time(raw, store).map_err(wrong)
}

fn check_money(transaction: &Transaction, store: &Store) -> Result<(), Reject> {
    if let Some(currency) = transaction.currency
        && currency != store.currency
    {
        let detail = format!("currency {currency}, but store {} works in {}", store.id, store.currency);
        return Err(Reject::new(RejectCode::Money, detail).at("/currency"));
    }
    let totals = [
        ("gross_minor", transaction.gross_minor),
        ("net_minor", transaction.net_minor),
        ("tax_minor", transaction.tax_minor),
        ("total_minor", transaction.total_minor),
    ];
    let totals = totals.into_iter().filter_map(|(name, value)| Some((name.to_owned(), format!("/{name}"), value?)));
    let lines = transaction.lines.iter().zip(0..).flat_map(|(line, n)| {
        let amounts = [
            ("extended_minor", Some(line.extended_minor)),
            ("discount_minor", Some(line.discount_minor)),
            ("unit_price_minor", line.unit_price_minor),
            ("regular_price_minor", line.regular_price_minor),
            ("qty_milli", Some(line.qty_milli)),
        ];
        let named = move |(name, value): (&str, Option<i64>)| {
            Some((format!("line {}: {name}", line.line_no), format!("/lines/{n}/{name}"), value?))
        };
        amounts.into_iter().filter_map(named)
    });
    let tenders = transaction.tenders.iter().zip(0..).flat_map(|(tender, n)| {
        let amounts = [("amount_minor", tender.amount_minor), ("change_minor", tender.change_minor)];
        amounts.map(|(name, value)| {
            (format!("tender {}: {name}", tender.tender_no), format!("/tenders/{n}/{name}"), value)
        })
    });
    match totals.chain(lines).chain(tenders).find(|(_, _, value)| *value < 0) {
        Some((name, pointer, value)) => {
            let detail = format!("{name} is {value}; amounts are not negative: say it by kind, action or direction");
            Err(Reject::new(RejectCode::Money, detail).at(pointer))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tillsight_schemas::wire::json;

    use super::*;

    fn sale() -> Transaction {
        serde_json::from_str(include_str!("../../../schemas/samples/v1/transaction.json")).unwrap()
    }

    fn permits(stores: &[&str]) -> Permits {
        Permits {
            integrator: "kiosk".parse().unwrap(),
            tenant: "demo".parse().unwrap(),
            stores: stores.iter().map(|store| store.parse().unwrap()).collect(),
        }
    }

    fn stores() -> Stores {
        Stores::new([serde_json::from_value(serde_json::json!({
            "tenant": "demo", "id": "17", "name": "Kiosk", "tz": "America/Chicago", "currency": "USD"
        }))
        .unwrap()])
    }

    fn landed(key: Option<&str>) -> Landed {
        Landed {
            topic: "lp.pos.in.kiosk".into(),
            partition: 0,
            offset: 7,
            received_at: "2026-11-22T00:00:00Z".parse().unwrap(),
            key: key.map(str::to_owned),
        }
    }

    fn code(transaction: Transaction, key: Option<&str>, allowed: &[&str]) -> RejectCode {
        judge(transaction, &landed(key), &permits(allowed), &stores()).unwrap_err().code
    }

    #[test]
    fn a_good_record_gets_identity_time_day_and_currency() {
        let record = Transaction { currency: None, ..sale() };
        let posted = judge(record, &landed(Some("demo/17")), &permits(&["17"]), &stores()).unwrap();
        assert_eq!(posted.header.event_time.to_rfc3339(), "2026-11-21T20:03:22+00:00");
        assert_eq!(posted.transaction.business_day.unwrap().to_string(), "2026-11-21");
        assert_eq!(posted.transaction.currency.unwrap().as_str(), "USD");
        assert_eq!(posted.header.event_id.get_version_num(), 5);
    }

    #[test]
    fn a_foreign_store_is_forbidden_in_key_and_body() {
        assert_eq!(code(sale(), None, &["42"]), RejectCode::ForbiddenStore);
        assert_eq!(code(sale(), Some("demo/42"), &["17"]), RejectCode::ForbiddenStore);
        assert_eq!(code(sale(), Some("other/17"), &[]), RejectCode::ForbiddenStore);
        assert_eq!(code(sale(), Some("demo/42"), &[]), RejectCode::Schema);
        let unknown = Transaction { store_id: "99".parse().unwrap(), ..sale() };
        assert_eq!(code(unknown, None, &[]), RejectCode::UnknownStore);
    }

    #[test]
    fn the_schema_and_the_judge_refuse_the_same_signs() {
        let sample = serde_json::to_value(sale()).unwrap();
        let (schema, mut refused) = (json::schema::<Transaction>(), 0);
        for (list, fields) in [
            (None, &schema["properties"]),
            (Some("lines"), &schema["properties"]["lines"]["items"]["properties"]),
            (Some("tenders"), &schema["properties"]["tenders"]["items"]["properties"]),
        ] {
            let numbers = fields.as_object().unwrap().iter().filter(|(_, field)| field["minimum"].is_number());
            for (name, field) in numbers {
                let mut negative = sample.clone();
                let place = list.map_or_else(|| format!("/{name}"), |list| format!("/{list}/0/{name}"));
                let (object, _) = place.rsplit_once('/').unwrap();
                negative.pointer_mut(object).unwrap()[name.as_str()] = serde_json::json!(-1);
                let judged = judge(serde_json::from_value(negative).unwrap(), &landed(None), &permits(&[]), &stores());
                let at = judged.err().map(|reject| (reject.code, reject.problems[0].at.clone()));
                let has_no_sign = field["minimum"] == 0;
                assert_eq!(at, has_no_sign.then(|| (RejectCode::Money, place.clone())), "{place}");
                refused += u32::from(has_no_sign);
            }
        }
        assert_eq!(refused, 11, "totals, line amounts, quantity, tender amounts");
    }

    #[test]
    fn a_correction_of_what_has_not_come_is_accepted_with_a_warning() {
        let posted = |revision, replaces| {
            let record = Transaction { revision, replaces, ..sale() };
            judge(record, &landed(None), &permits(&[]), &stores()).unwrap()
        };
        let first = posted(0, None);
        let id = first.header.event_id;
        let knows = |of: Uuid, below: i32| of == id && below > 0;
        assert_eq!(warning(&first, |_, _| false), None);
        assert_eq!(warning(&posted(1, None), knows), None);
        assert!(warning(&posted(1, None), |_, _| false).unwrap().contains("revision 1 of event"));
        assert_eq!(warning(&posted(0, Some(id)), knows), None);
        let other = Uuid::from_u128(7);
        assert!(warning(&posted(0, Some(other)), knows).unwrap().contains(&other.to_string()));
    }

    #[test]
    fn signs_currencies_times_and_missing_counters_are_named() {
        let mut negative = sale();
        negative.lines[0].extended_minor = -1899;
        assert_eq!(code(negative, None, &[]), RejectCode::Money);
        let euro = Transaction { currency: Some("EUR".to_owned().try_into().unwrap()), ..sale() };
        assert_eq!(code(euro, None, &[]), RejectCode::Money);
        let skipped = Transaction { event_time_raw: "2026-03-08T02:30:00".into(), ..sale() };
        assert_eq!(code(skipped, None, &[]), RejectCode::Time);
        let ahead = Transaction { event_time_raw: "2027-03-09T02:30:00".into(), ..sale() };
        assert_eq!(code(ahead, None, &[]), RejectCode::Time);
        assert_eq!(code(Transaction { sequence_no: None, ..sale() }, None, &[]), RejectCode::Identity);
    }
}
