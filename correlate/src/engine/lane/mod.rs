//! [`Lane`]: the rules over archived rows, a [`Chunk`] at a time, for back-tests.
//!
//! Live, records pass one by one and anchors wait until they are complete. What was archived is complete: so the lane takes
//! the columns of the lake as they are, lets every rule judge all anchors of a chunk in one run of the same SQL, and makes
//! records of those anchors only of which a rule says something. What comes out is what the engine ends with when it is given the same records in the order of
//! their arrival (`tests/it/rules.rs` compares the two), but for events that came more than a day late: the engine has
//! forgotten what was around them, and the lake has not.
//!
//! Whatever a chunk is, the judgements are the same: clocks and corrections ([`Known`]) are read over the whole span before.

mod anchors;
mod chunk;
mod known;
mod needs;
mod presence;
mod rows;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array as _, AsArray as _, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{RuleId, StoreKey};
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::port::Judged;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::judge::{self, HISTORY, news};
use super::plan::{Compiled, Room, Window};
use super::verdict::{self, Circumstances, Row};
use super::{EngineError, Settings, tables};
use crate::backtest::BacktestError;
use crate::lake::History;
use crate::rule::{Header, Params, Rule};
use chunk::{Chunk, Nearby, Wanted};
pub(crate) use known::Known;
use known::column;

/// Rules that judge chunks of history.
#[derive(Debug)]
pub(crate) struct Lane {
    settings: Arc<Settings>,
    rules: Vec<Arc<Compiled>>,
    wanted: Wanted,
}

/// What was judged in a chunk, and of how much.
#[derive(Debug, Default)]
pub(crate) struct Judgements {
    pub(crate) judged: Vec<Judged>,
    /// Tiles of presence that were read.
    pub(crate) tiles: usize,
    /// How long each rule computed.
    pub(crate) cost: BTreeMap<RuleId, Duration>,
    /// How many bytes each rule read.
    pub(crate) bytes: BTreeMap<RuleId, u64>,
}

impl Lane {
    /// Plans the rules.
    ///
    /// # Errors
    /// [`EngineError::Rule`].
    pub(crate) async fn new(rules: Vec<Rule>, settings: Settings) -> Result<Self, EngineError> {
        let room = Room::of(settings.memory_bytes);
        let mut compiled = Vec::with_capacity(rules.len());
        for rule in rules {
            compiled.push(Arc::new(Compiled::new(rule, &room).await?));
        }
        let wanted = Wanted::by(compiled.iter().map(AsRef::as_ref));
        Ok(Self { settings: Arc::new(settings), rules: compiled, wanted })
    }

    /// Judges the anchors of some stores in a span, as many rules at a time as there are cores.
    ///
    /// # Errors
    /// [`BacktestError`].
    pub(crate) async fn judge(
        &self,
        history: &History,
        known: &Arc<Known>,
        stores: &[StoreKey],
        span: TimeSpan,
    ) -> Result<Judgements, BacktestError> {
        let chunk = Chunk::read(history, known, stores, span, (&self.wanted, &self.settings)).await?;
        let places = Places::of(&chunk, known)?;
        let mut all = Judgements { tiles: chunk.tiles, ..Judgements::default() };
        let sight = Arc::new(Sight { settings: Arc::clone(&self.settings), known: Arc::clone(known), chunk, places });
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut running = JoinSet::new();
        let mut rules = self.rules.iter();
        loop {
            while running.len() < cores
                && let Some(rule) = rules.next()
            {
                let (rule, sight) = (Arc::clone(rule), Arc::clone(&sight));
                running.spawn(async move {
                    let began = Instant::now();
                    let judged = sight.by(&rule).await;
                    judged.map(|(judged, bytes)| (rule.rule.header.id.clone(), (began.elapsed(), bytes), judged))
                });
            }
            let (rule, (took, bytes), judged) = match running.join_next().await {
                None => return Ok(all),
                Some(Ok(said)) => said?,
                // Nobody breaks it off while it is waited for.
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            };
            all.judged.extend(judged);
            *all.bytes.entry(rule.clone()).or_default() += bytes;
            *all.cost.entry(rule).or_default() += took;
        }
    }
}

/// A chunk, and what is known around it.
struct Sight {
    settings: Arc<Settings>,
    known: Arc<Known>,
    chunk: Chunk,
    places: Places,
}

impl Sight {
    /// What a rule says of the anchors of a chunk, and how many bytes it read for that.
    async fn by(&self, rule: &Compiled) -> Result<(Vec<Judged>, u64), EngineError> {
        let (header, chunk) = (&rule.rule.header, &self.chunk);
        let Sorted { mut said, groups } = self.sorted(header)?;
        let mut bytes = 0;
        for group in &groups {
            let window = window(header, chunk, group)?;
            bytes += read(rule, &window);
            let rows = rule.run(window).await?;
            for (id, row) in verdict::rows(rule, &rows)? {
                let anchor = self.places.rows.get(&id).copied();
                said.insert(anchor.ok_or_else(|| header.wrong(format!("{id} is no anchor")))?, row);
            }
        }
        // What the till does not say is no all-clear.
        for need in &header.needed {
            let missing = chunk.records().missing(need)?;
            let judged = groups.iter().flat_map(|group| &group.rows);
            let lacking = judged.filter(|row| missing.get(place(**row)).is_some_and(|missing| *missing));
            for row in lacking {
                said.entry(*row).or_insert_with(|| Row::silent(header, Outcome::Indeterminate, &need.why()));
            }
        }
        Ok((self.judgements(header, &said)?, bytes))
    }

    /// The anchors of a rule: those that it does not judge, with what is said of them, and the others in groups of one mind.
    fn sorted(&self, header: &Header) -> Result<Sorted, EngineError> {
        let (anchors, places) = (&self.chunk.anchors, &self.places);
        let (operators, registers) = (column(&anchors.raw, "operator_id")?, column(&anchors.raw, "register_id")?);
        let (operators, registers) = (operators.as_string::<i32>(), registers.as_string::<i32>());
        let times = column(&anchors.raw, "event_time")?.as_primitive::<TimestampMicrosecondType>().values();
        let longest = header.longest_seconds * 1_000_000;
        let adjusted = &self.settings.adjusted;
        let mut sorted = Sorted::default();
        for row in anchors.of_kinds(&header.anchor)? {
            let n = place(row);
            let Some(number) = anchors.stores.get(n).copied() else { continue };
            let (mut left_out, mut numbers) = (None, None);
            if !adjusted.is_empty()
                && let Some(store) = anchors.keys.get(place(number))
            {
                let at = instant(times.get(n).copied().unwrap_or_default());
                let operator = operators.is_valid(n).then(|| operators.value(n));
                left_out = adjusted.leaves_out(header, store, at, (registers.value(n), operator));
                numbers = adjusted.numbers(header, store, at);
            }
            if places.replaced.get(n) == Some(&true) {
                // A correction under another number stands in its place.
                sorted.said.insert(row, Row::silent(header, Outcome::Silent, "replaced"));
            } else if let Some(why) = left_out {
                sorted.said.insert(row, Row::silent(header, Outcome::Silent, why));
            } else if places.lasted.get(n).is_some_and(|lasted| *lasted > longest) {
                sorted.said.insert(row, Row::silent(header, Outcome::Indeterminate, "too_long"));
            } else {
                sorted.put(row, number, numbers);
            }
        }
        Ok(sorted)
    }

    /// Judgements and alerts of what was said, by row.
    fn judgements(&self, header: &Header, said: &BTreeMap<u32, Row>) -> Result<Vec<Judged>, EngineError> {
        let chunk = &self.chunk;
        if said.is_empty() {
            return Ok(Vec::new());
        }
        let fired = said.values().filter(|row| row.outcome == Outcome::Fired);
        let members: HashSet<Uuid> = fired.flat_map(|row| row.members.iter().copied()).collect();
        let members = chunk.transactions_of(&members)?;
        let rows = UInt32Array::from_iter_values(said.keys().copied());
        let posted = chunk::posted(&take_record_batch(&chunk.anchors.raw, &rows)?)?;
        let mut judged = Vec::with_capacity(said.len());
        for (posted, row) in posted.into_iter().zip(said.values()) {
            let posted = Arc::new(posted);
            let store = StoreKey::new(posted.header.tenant_id.clone(), posted.transaction.store_id.clone());
            let mut anchor = judge::anchor(&self.settings, &self.known.clocks, &posted, &store);
            anchor.numbers = self.settings.adjusted.numbers(header, &store, posted.header.event_time);
            let logged_at = posted.header.received_at;
            let around = Circumstances {
                header,
                anchor: &anchor,
                near: &Nearby { chunk, store: &store, members: &members },
                cameras: self.settings.cameras_of(&store, &posted),
                provisional: self.is_provisional(header, &store, &anchor),
                logged_at,
                now: logged_at,
            };
            judged.extend(news(&around, row, None));
        }
        Ok(judged)
    }

    /// Whether an anchor was judged without a zone that may still have spoken.
    fn is_provisional(&self, header: &Header, store: &StoreKey, anchor: &tables::Anchor) -> bool {
        if header.watched.is_empty() {
            return false;
        }
        let until = verdict::looked(header, anchor).end;
        let zones = self.settings.zones_of(store, &anchor.posted, &header.watched);
        let behind = zones.iter().any(|zone| self.chunk.spoken(store, zone).is_none_or(|end| end < until));
        behind && anchor.posted.header.received_at - instant(until) <= HISTORY
    }
}

/// Where anchors stand in their chunk.
struct Places {
    replaced: Vec<bool>,
    rows: HashMap<Uuid, u32>,
    lasted: Vec<i64>,
}

impl Places {
    fn of(chunk: &Chunk, known: &Known) -> Result<Self, ArrowError> {
        let ids = column(&chunk.anchors.raw, "event_id")?.as_string::<i32>();
        Ok(Self {
            replaced: ids.iter().map(|id| id.is_some_and(|id| known.is_replaced(id))).collect(),
            rows: ids.iter().zip(0_u32..).filter_map(|(id, row)| Some((id?.parse().ok()?, row))).collect(),
            lasted: chunk.anchors.lasted()?,
        })
    }
}

/// The anchors of a rule.
#[derive(Debug, Default)]
struct Sorted {
    /// What is said of those that the rule does not judge, by row.
    said: BTreeMap<u32, Row>,
    /// The others. Within a group the rule has the same numbers for all anchors of a store.
    groups: Vec<Group>,
}

/// Anchors that are judged at once.
#[derive(Debug, Default)]
struct Group {
    rows: Vec<u32>,
    /// By the number of the store.
    numbers: BTreeMap<u32, Option<Params>>,
}

impl Sorted {
    /// Puts an anchor where its store has these numbers, or none yet.
    fn put(&mut self, row: u32, store: u32, numbers: Option<Params>) {
        let fits = |group: &Group| group.numbers.get(&store).is_none_or(|known| *known == numbers);
        let group = match self.groups.iter_mut().find(|group| fits(group)) {
            Some(group) => group,
            None => {
                self.groups.push(Group::default());
                let Some(group) = self.groups.last_mut() else { return };
                group
            }
        };
        group.numbers.entry(store).or_insert(numbers);
        group.rows.push(row);
    }
}

/// What a rule sees of a chunk.
fn window(header: &Header, chunk: &Chunk, group: &Group) -> Result<Window, ArrowError> {
    let table = &chunk.anchors.table;
    let anchors: RecordBatch = match group.rows.len() == table.num_rows() {
        true => table.clone(),
        false => take_record_batch(table, &UInt32Array::from(group.rows.clone()))?,
    };
    let key = |store: &u32| chunk.anchors.keys.get(place(*store));
    let numbers = group.numbers.iter().filter_map(|(store, numbers)| Some((key(store)?, numbers.as_ref())));
    let numbers: Vec<_> = numbers.collect();
    let mut window = Window::default();
    window.0.insert("anchor", vec![anchors]);
    window.0.insert("params", vec![tables::params(header, &numbers)?]);
    for (table, rows) in &chunk.tables {
        if header.reads.iter().any(|read| read == table) {
            window.0.insert(table, vec![rows.clone()]);
        }
    }
    Ok(window)
}

/// How many bytes of a window a rule reads: those of the columns that its SQL names.
fn read(rule: &Compiled, window: &Window) -> u64 {
    let mut bytes = 0;
    for (table, rows) in &window.0 {
        let Some(names) = rule.columns.get(*table) else { continue };
        let columns = rows.iter().flat_map(|rows| names.iter().filter_map(move |name| rows.column_by_name(name)));
        bytes += columns.map(|column| column.get_array_memory_size()).sum::<usize>();
    }
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn place(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

fn instant(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or_default()
}
