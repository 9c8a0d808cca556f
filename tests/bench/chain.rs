//! Days of a chain in the lake: stores like the demo's two in turn, each on baskets of its own, with corrections, and with what
//! cameras, rules and people said. Written by the archiver, and kept in the cache: the second time it is there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use tillsight_correlate::lake::{ArchiveConfig, Archiver, MemoryLog, Stream};
use tillsight_datasets::demo;
use tillsight_datasets::journey::Panel;
use tillsight_datasets::plan::StorePlan;
use tillsight_datasets::store_day::Setup;
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::pos::{Kind, PostedTransaction, natural_id};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro::{self, Avro};
use tillsight_tests::outside::cache;

use crate::{evidence, shop};

/// Changes whenever a lake would come out differently.
const VERSION: u32 = 2;
/// How many days of stores are simulated before they are committed.
const AT_ONCE: usize = 60;

/// Which lake.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    /// How many stores there are.
    pub(crate) stores: u32,
    /// How many days, which end with the one before [`shop::TODAY`].
    pub(crate) days: u64,
    /// Whether their cameras record.
    pub(crate) video: bool,
}

impl Chain {
    /// The stores, as they are planned.
    pub(crate) fn plans(self) -> Vec<StorePlan> {
        let of_demo = demo::stores().unwrap();
        (100..100 + self.stores)
            .zip(of_demo.iter().cycle())
            .map(|(number, plan)| {
                let mut plan = plan.clone();
                plan.store.id = number.to_string().parse().unwrap();
                plan
            })
            .collect()
    }

    /// The folder of the lake, which is made when it is not there.
    pub(crate) async fn lake(self) -> PathBuf {
        let Self { stores, days, video } = self;
        let video = if video { "-video" } else { "" };
        let folder = cache().join(format!("bench/lake-v{VERSION}-{stores}x{days}{video}"));
        if !folder.try_exists().unwrap() {
            let unfinished = folder.with_extension("unfinished");
            if unfinished.try_exists().unwrap() {
                std::fs::remove_dir_all(&unfinished).unwrap();
            }
            self.fill(&unfinished).await;
            std::fs::rename(&unfinished, &folder).unwrap();
        }
        folder
    }

    async fn fill(self, lake: &Path) {
        let (panel, plans, began) = (shop::panel(), self.plans(), Instant::now());
        let log = Stream::topics().iter().fold(MemoryLog::default(), |log, topic| log.and(topic, 1));
        let mut config = ArchiveConfig::new(lake);
        // Whole days at once: about one file for each month and bucket, as compaction leaves them.
        config.commit_bytes = usize::MAX;
        config.keep_merged = Duration::ZERO;
        let clock = Arc::new(ReplayClock::at(now()));
        let mut archiver = Archiver::open(config, Box::new(log.reader()), clock).await.unwrap();
        let mut tills: Vec<Till<'_>> =
            (0..).zip(&plans).map(|(number, plan)| Till { number, plan, received: 0 }).collect();
        let days: Vec<NaiveDate> = (1..=self.days).rev().map(|ago| now().date_naive() - Days::new(ago)).collect();
        for days in days.chunks((AT_ONCE / tills.len()).max(1)) {
            for tills in tills.chunks_mut(AT_ONCE) {
                std::thread::scope(|scope| {
                    for till in tills {
                        let (panel, log) = (&panel, &log);
                        scope.spawn(move || days.iter().for_each(|day| till.tell(log, panel, *day, self.video)));
                    }
                });
                while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
                archiver.commit().await.unwrap();
                // Everything was read.
                log.expire(0, i64::MAX);
            }
            println!("  until {}: {} s", days[days.len() - 1], began.elapsed().as_secs());
        }
        archiver.tidy().await;
        println!("  {} stores, {} days written in {} s", plans.len(), self.days, began.elapsed().as_secs());
    }
}

/// The last instant of the year.
fn now() -> DateTime<Utc> {
    shop::TODAY.parse::<NaiveDate>().unwrap().and_hms_opt(12, 0, 0).unwrap().and_utc()
}

/// A store that writes to the log.
struct Till<'a> {
    number: i32,
    plan: &'a StorePlan,
    received: i64,
}

impl Till<'_> {
    /// Writes what the store says in a day.
    fn tell(&mut self, log: &MemoryLog, panel: &Panel, day: NaiveDate, video: bool) {
        let setup = Setup { seed: u64::from(self.number.unsigned_abs()) + 1, ..Setup::default() };
        let mut posted = shop::day(panel, self.plan, day, setup);
        let evidence = evidence::of_day(self.plan, day, &posted, video.then(now));
        posted.extend(corrections(&posted));
        for posted in &mut posted {
            posted.header.landing_partition = self.number;
        }
        shop::receive(&mut posted, &mut self.received);
        append(log, topic::POS_TRANSACTION, &posted);
        append(log, topic::CLOCK, &evidence.clocks);
        append(log, topic::REC_SEGMENT, &evidence.segments);
        append(log, topic::JUDGEMENT, &evidence.judgements);
        append(log, topic::ALERT, &evidence.alerts);
        append(log, topic::REVIEW, &evidence.reviews);
    }
}

fn append<T: Avro>(log: &MemoryLog, topic: &str, records: &[T]) {
    for value in avro::encode(records).unwrap() {
        log.append_to(topic, value);
    }
}

/// One sale in 200 gets another total later, one in 500 another number: the records of before hold no more.
fn corrections(posted: &[PostedTransaction]) -> Vec<PostedTransaction> {
    let mut corrected = Vec::new();
    for (number, sale) in (1..).zip(posted.iter().filter(|posted| posted.transaction.kind == Kind::Sale)) {
        let mut again = sale.clone();
        again.header.received_at += TimeDelta::hours(2);
        if number % 200 == 0 {
            again.transaction.revision = 1;
            again.transaction.total_minor = Some(12_345);
            corrected.push(again);
        } else if number % 500 == 1 {
            again.transaction.sequence_no = Some(90_000 + number);
            again.transaction.replaces = Some(sale.header.event_id);
            again.header.event_id = natural_id(&again.header.tenant_id, &again.transaction).unwrap();
            corrected.push(again);
        }
    }
    corrected
}
