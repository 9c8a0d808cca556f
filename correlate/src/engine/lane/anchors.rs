//! [`Anchors`]: the transactions of a chunk that may be anchors, as columns, on the recorder's clock.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::DateTime;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::pos::Kind;

use super::super::clock::{Arrival, RegisterClock};
use super::super::{Settings, tables};
use super::known::{Known, column};
use super::rows;

/// Transactions that may be anchors.
#[derive(Debug)]
pub(super) struct Anchors {
    /// As the lake has them.
    pub(super) raw: RecordBatch,
    /// As rules see them.
    pub(super) table: RecordBatch,
    /// The store of each, by its place in [`Anchors::keys`].
    pub(super) stores: Vec<u32>,
    /// The stores.
    pub(super) keys: Vec<StoreKey>,
}

impl Anchors {
    /// Puts transactions on the recorder's clock and counts their zones.
    ///
    /// # Errors
    /// [`ArrowError`] when the lake lacks a column.
    pub(super) fn of(
        raw: RecordBatch,
        read: &BTreeSet<String>,
        known: &Known,
        settings: &Settings,
    ) -> Result<Self, ArrowError> {
        let pos = rows::of(&tables::archived("pos").unwrap_or_else(|| raw.schema()), read, &raw)?;
        let text = |name: &str| Ok::<_, ArrowError>(column(&raw, name)?.as_string::<i32>());
        let instants = |name: &str| Ok::<_, ArrowError>(column(&raw, name)?.as_primitive::<TimestampMicrosecondType>());
        let (tenants, stores, registers) = (text("tenant_id")?, text("store_id")?, text("register_id")?);
        let (events, received) = (instants("event_time")?, instants("received_at")?);
        let uncertain = column(&raw, "event_time_uncertainty_ms")?.as_primitive::<Int64Type>();
        let begins = rows::begins(&raw)?;
        let unknown = RegisterClock::default();
        let mut keys: Vec<StoreKey> = Vec::new();
        let mut places: HashMap<(&str, &str, &str), (u32, &RegisterClock)> = HashMap::new();
        let mut of_store = Vec::with_capacity(raw.num_rows());
        let mut numbers: [Vec<i64>; 5] = std::array::from_fn(|_| Vec::with_capacity(raw.num_rows()));
        for row in 0..raw.num_rows() {
            let name = (tenants.value(row), stores.value(row), registers.value(row));
            let (number, clock) = match places.entry(name) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    let (tenant, store, register) = name;
                    let key = format!("{tenant}/{store}").parse::<StoreKey>();
                    let key = key.map_err(|error| ArrowError::ParseError(error.to_string()))?;
                    let clock = known.clocks.get(&format!("{tenant}/{store}/{register}")).unwrap_or(&unknown);
                    let number = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                        keys.push(key);
                        keys.len() - 1
                    });
                    *new.insert((u32::try_from(number).unwrap_or(u32::MAX), clock))
                }
            };
            let arrival = Arrival::new(events.value(row), received.value(row), uncertain.value(row));
            let placed = clock.place(&arrival, begins.value(row));
            let at = DateTime::from_timestamp_micros(arrival.event_us).unwrap_or_default();
            let store = usize::try_from(number).ok().and_then(|number| keys.get(number));
            let (customer, cashier) = store.map_or((0, 0), |store| settings.zones_at(store, name.2, at));
            let of_row = [placed.begin_us, placed.end_us, placed.bound_us, customer, cashier];
            numbers.iter_mut().zip(of_row).for_each(|(column, value)| column.push(value));
            of_store.push(number);
        }
        let numbers = numbers.into_iter().map(|values| Arc::new(Int64Array::from(values)) as ArrayRef);
        let columns = pos.columns().iter().cloned().chain(numbers).collect();
        let table = RecordBatch::try_new(tables::anchor_schema(), columns)?;
        Ok(Self { raw, table, stores: of_store, keys })
    }

    /// The rows of these kinds.
    ///
    /// # Errors
    /// [`ArrowError`] when the lake lacks a column.
    pub(super) fn of_kinds(&self, kinds: &[Kind]) -> Result<Vec<u32>, ArrowError> {
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let of = column(&self.raw, "kind")?.as_string::<i32>().iter().zip(0_u32..);
        Ok(of.filter(|(kind, _)| kind.is_some_and(|kind| kinds.contains(&kind))).map(|(_, row)| row).collect())
    }

    /// How long each lasted, in microseconds.
    ///
    /// # Errors
    /// Never, if the columns are what they are said to be.
    pub(super) fn lasted(&self) -> Result<Vec<i64>, ArrowError> {
        let long = |name: &str| Ok::<_, ArrowError>(column(&self.table, name)?.as_primitive::<Int64Type>().values());
        let (begins, ends) = (long("camera_begin_us")?, long("camera_end_us")?);
        Ok(begins.iter().zip(ends).map(|(begin, end)| end - begin).collect())
    }
}
