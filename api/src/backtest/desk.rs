//! [`Backtests`]: the desk at which pages ask for back-tests. One runs at a time, some may wait, more are refused; the newest
//! are kept as files and outlive a restart. Those that wait go on after it, the one that ran says that it was broken off.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tillsight_correlate::rule::Header;
use tillsight_schemas::clock::SharedClock;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::asked::Asked;
use super::kept::{Kept, Shelf, State};
use super::program::{Ended, Program};
use super::result::{BacktestProgress, BacktestResult};

/// Back-tests that wait at most, beside the one that runs.
const WAITING: usize = 8;
/// Back-tests that are kept.
const KEPT: usize = 50;
/// What is said of one that was under way when the server ended.
const BROKEN_OFF: &str = "the server was stopped while it ran: ask for it again";

/// Why a back-test is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// Too many wait.
    #[error("{0} back-tests wait already: ask again when one of them is over, or cancel one")]
    Full(usize),
    /// Its file cannot be written.
    #[error("back-tests cannot be kept in the data directory")]
    Disk(#[from] std::io::Error),
}

/// A back-test as it stands at this moment.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    /// What is kept of it, without its result.
    pub(crate) kept: Kept,
    /// How far it is, while it runs.
    pub(crate) progress: Option<BacktestProgress>,
    /// How many are before it, while it waits.
    pub(crate) before: i64,
}

/// One that is kept.
#[derive(Debug)]
struct Entry {
    kept: Kept,
    /// How far it is, and when it said so.
    progress: Option<(BacktestProgress, DateTime<Utc>)>,
    /// Breaks off the one that runs.
    unwanted: Option<CancellationToken>,
}

/// The back-tests that people asked for.
#[derive(Debug)]
pub(crate) struct Backtests {
    shelf: Shelf,
    program: Program,
    rules: Vec<Header>,
    clock: SharedClock,
    /// Who asks, cancels or forgets does so alone, up to the file.
    turn: tokio::sync::Mutex<()>,
    /// The oldest first.
    entries: Mutex<Vec<Entry>>,
    wake: Notify,
}

impl Backtests {
    /// The desk of a data directory, with the rules that can be asked about.
    ///
    /// # Errors
    /// When what was kept cannot be read or written.
    pub(crate) async fn open(
        data: &Path,
        program: Program,
        rules: Vec<Header>,
        clock: SharedClock,
    ) -> std::io::Result<Self> {
        let shelf = Shelf::in_dir(data);
        let mut entries = Vec::new();
        for mut kept in shelf.all().await? {
            if kept.state == State::Running {
                (kept.state, kept.ended_at) = (State::Failed, Some(clock.now()));
                kept.problem = Some(BROKEN_OFF.to_owned());
                shelf.put(&kept).await?;
            }
            kept.result = None;
            entries.push(Entry { kept, progress: None, unwanted: None });
        }
        let turn = tokio::sync::Mutex::new(());
        Ok(Self { shelf, program, rules, clock, turn, entries: Mutex::new(entries), wake: Notify::new() })
    }

    /// The rules that can be asked about.
    pub(crate) fn rules(&self) -> &[Header] {
        &self.rules
    }

    /// All that are kept, the newest first.
    pub(crate) fn all(&self) -> Vec<Ticket> {
        let now = self.clock.now();
        self.with(|entries| (0..entries.len()).rev().filter_map(|at| ticket(entries, at, now)).collect())
    }

    /// One of them.
    pub(crate) fn one(&self, id: Uuid) -> Option<Ticket> {
        self.all().into_iter().find(|ticket| ticket.kept.id == id)
    }

    /// What one came to.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(crate) async fn result(&self, id: Uuid) -> std::io::Result<Option<BacktestResult>> {
        Ok(self.shelf.one(id).await?.and_then(|kept| kept.result))
    }

    /// Takes one in; it runs when those before it are over.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) async fn ask(&self, id: Uuid, owner: &str, asked: Asked) -> Result<(), Refusal> {
        let _turn = self.turn.lock().await;
        let waits = |entries: &mut Vec<Entry>| entries.iter().filter(|each| each.kept.state == State::Queued).count();
        if self.with(waits) >= WAITING {
            return Err(Refusal::Full(WAITING));
        }
        let kept = Kept {
            id,
            owner: owner.to_owned(),
            asked,
            asked_at: self.clock.now(),
            state: State::Queued,
            began_at: None,
            ended_at: None,
            problem: None,
            summary: None,
            result: None,
        };
        self.shelf.put(&kept).await?;
        self.with(|entries| entries.push(Entry { kept, progress: None, unwanted: None }));
        self.wake.notify_one();
        while let Some(old) = self.with(one_too_many) {
            // The new one is taken; the file of an old one is found again at the next start.
            if let Err(error) = self.shelf.take_away(old).await {
                tracing::warn!(backtest = %old, %error, "an old back-test cannot be removed");
            }
        }
        Ok(())
    }

    /// Cancels one that waits or runs, and forgets one that is over.
    ///
    /// # Errors
    /// When its file cannot be written or removed.
    pub(crate) async fn end(&self, id: Uuid) -> std::io::Result<()> {
        let _turn = self.turn.lock().await;
        let now = self.clock.now();
        let ended = self.with(|entries| {
            let at = entries.iter().position(|each| each.kept.id == id)?;
            let entry = entries.get_mut(at)?;
            match entry.kept.state {
                State::Queued => {
                    (entry.kept.state, entry.kept.ended_at) = (State::Cancelled, Some(now));
                    Some(Some(entry.kept.clone()))
                }
                State::Running => {
                    entry.unwanted.iter().for_each(CancellationToken::cancel);
                    None
                }
                State::Done | State::Failed | State::Cancelled => {
                    entries.remove(at);
                    Some(None)
                }
            }
        });
        match ended {
            Some(Some(cancelled)) => self.shelf.put(&cancelled).await,
            Some(None) => self.shelf.take_away(id).await,
            // The one that runs is written by whoever runs it.
            None => Ok(()),
        }
    }

    /// Runs one after the other until `stop`.
    pub(crate) async fn run(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let unwanted = stop.child_token();
            let Some(kept) = self.begin(&unwanted) else {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.wake.notified() => {}
                }
                continue;
            };
            self.write(&kept).await;
            let id = kept.id;
            let ended = self.program.run(&kept.asked, |progress| self.hear(id, progress), &unwanted).await;
            self.over(kept, ended, stop.is_cancelled()).await;
        }
    }

    /// The next that waits is under way from now on.
    fn begin(&self, unwanted: &CancellationToken) -> Option<Kept> {
        let now = self.clock.now();
        self.with(|entries| {
            let entry = entries.iter_mut().find(|each| each.kept.state == State::Queued)?;
            (entry.kept.state, entry.kept.began_at) = (State::Running, Some(now));
            entry.unwanted = Some(unwanted.clone());
            Some(entry.kept.clone())
        })
    }

    fn hear(&self, id: Uuid, progress: BacktestProgress) {
        let now = self.clock.now();
        self.with(|entries| {
            if let Some(entry) = entries.iter_mut().find(|each| each.kept.id == id) {
                entry.progress = Some((progress, now));
            }
        });
    }

    /// One is over: first its file says so, then its list.
    async fn over(&self, mut kept: Kept, ended: Ended, stopped: bool) {
        kept.ended_at = Some(self.clock.now());
        match ended {
            Ended::Done(result) => {
                kept.state = State::Done;
                kept.summary = Some(result.summary.clone());
                kept.result = Some(*result);
            }
            Ended::Failed(problem) => (kept.state, kept.problem) = (State::Failed, Some(problem)),
            Ended::Stopped if stopped => (kept.state, kept.problem) = (State::Failed, Some(BROKEN_OFF.to_owned())),
            Ended::Stopped => kept.state = State::Cancelled,
        }
        if !self.write(&kept).await && kept.state == State::Done {
            let problem = "what came out could not be written: see whether the disk of the data directory is full";
            (kept.state, kept.problem, kept.summary) = (State::Failed, Some(problem.to_owned()), None);
        }
        kept.result = None;
        let id = kept.id;
        self.with(|entries| {
            if let Some(entry) = entries.iter_mut().find(|each| each.kept.id == id) {
                *entry = Entry { kept, progress: None, unwanted: None };
            }
        });
    }

    /// Writes what is known of one; says whether it could be.
    async fn write(&self, kept: &Kept) -> bool {
        let written = self.shelf.put(kept).await;
        if let Err(error) = &written {
            tracing::error!(backtest = %kept.id, %error, "a back-test cannot be kept");
        }
        written.is_ok()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<Entry>) -> T) -> T {
        act(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The oldest that is over, where more are kept than should be.
fn one_too_many(entries: &mut Vec<Entry>) -> Option<Uuid> {
    let at = entries.iter().position(|each| each.kept.state.is_over()).filter(|_| entries.len() > KEPT)?;
    Some(entries.remove(at).kept.id)
}

fn ticket(entries: &[Entry], at: usize, now: DateTime<Utc>) -> Option<Ticket> {
    let entry = entries.get(at)?;
    let older = entries.get(..at)?.iter().filter(|each| !each.kept.state.is_over()).count();
    let before = if entry.kept.state == State::Queued { i64::try_from(older).unwrap_or(i64::MAX) } else { 0 };
    // Between two words of the one that runs the time goes on.
    let progress = entry.progress.clone().map(|(progress, at)| BacktestProgress {
        seconds_left: progress.seconds_left.map(|left| (left - (now - at).num_seconds()).max(0)),
        ..progress
    });
    Some(Ticket { kept: entry.kept.clone(), progress, before })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tillsight_schemas::ReplayClock;
    use tokio::task::JoinSet;

    use super::super::asked::tests::asked;
    use super::super::kept::tests::kept;
    use super::super::program::tests::shell;
    use super::*;

    /// A desk at which a text of the shell is the program.
    async fn desk(data: &Path, text: &str) -> Arc<Backtests> {
        let clock = Arc::new(ReplayClock::at("2026-11-22T16:00:00Z".parse().unwrap()));
        Arc::new(Backtests::open(data, shell(data, text), Vec::new(), clock).await.unwrap())
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(1_000 + number)
    }

    async fn comes_to(desk: &Backtests, id: Uuid, state: State) -> Ticket {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let ticket = desk.one(id).unwrap();
            if ticket.kept.state == state {
                return ticket;
            }
            assert!(tokio::time::Instant::now() < deadline, "{ticket:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn some_wait_more_are_refused_and_one_that_is_cancelled_makes_room() {
        let dir = tempfile::tempdir().unwrap();
        let desk = desk(dir.path(), "exec sleep 600").await;
        let all = u128::try_from(WAITING).unwrap();
        for number in 0..all {
            desk.ask(id(number), "ida", asked()).await.unwrap();
        }
        let full = desk.ask(id(all), "ida", asked()).await.unwrap_err();
        assert!(matches!(full, Refusal::Full(_)) && full.to_string().contains("8 back-tests wait"), "{full}");
        assert_eq!(desk.one(id(3)).unwrap().before, 3);
        desk.end(id(3)).await.unwrap();
        assert_eq!(desk.one(id(3)).unwrap().kept.state, State::Cancelled);
        desk.ask(id(all), "ida", asked()).await.unwrap();
        assert_eq!(desk.all().first().unwrap().kept.id, id(all), "the newest first");

        // One that runs is broken off; the next begins.
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let (running, until) = (Arc::clone(&desk), stop.clone());
        tasks.spawn(async move { running.run(&until).await });
        comes_to(&desk, id(0), State::Running).await;
        desk.end(id(0)).await.unwrap();
        comes_to(&desk, id(0), State::Cancelled).await;
        comes_to(&desk, id(1), State::Running).await;

        // With the server the one that runs ends, and says so; those that wait are there after a restart.
        stop.cancel();
        tasks.join_all().await;
        let ended = desk.one(id(1)).unwrap().kept;
        assert_eq!((ended.state, ended.problem.as_deref()), (State::Failed, Some(BROKEN_OFF)));
        assert_eq!(desk.one(id(2)).unwrap().kept.state, State::Queued);
    }

    #[tokio::test]
    async fn after_a_restart_those_that_waited_go_on_and_the_one_that_ran_says_that_it_was_broken_off() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::in_dir(dir.path());
        for (number, state) in [(1, State::Running), (2, State::Queued)] {
            shelf.put(&kept(number, state)).await.unwrap();
        }
        let desk = desk(dir.path(), "echo '{\"problem\":\"there is no such rule\"}'; exit 1").await;
        let broken = desk.one(Uuid::from_u128(1)).unwrap().kept;
        assert_eq!((broken.state, broken.problem.as_deref()), (State::Failed, Some(BROKEN_OFF)));
        assert_eq!(shelf.one(broken.id).await.unwrap().unwrap().state, State::Failed);
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let (running, until) = (Arc::clone(&desk), stop.clone());
        tasks.spawn(async move { running.run(&until).await });
        let waited = comes_to(&desk, Uuid::from_u128(2), State::Failed).await.kept;
        assert_eq!(waited.problem.as_deref(), Some("there is no such rule"));
        stop.cancel();
        tasks.join_all().await;
    }

    #[tokio::test]
    async fn the_newest_are_kept_and_what_is_over_can_be_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::in_dir(dir.path());
        for number in 0..u32::try_from(KEPT).unwrap() {
            shelf.put(&kept(number, State::Done)).await.unwrap();
        }
        let desk = desk(dir.path(), "exit 1").await;
        desk.ask(id(0), "ida", asked()).await.unwrap();
        assert_eq!((desk.all().len(), shelf.all().await.unwrap().len()), (KEPT, KEPT));
        assert!(desk.one(Uuid::from_u128(0)).is_none(), "the oldest made room");
        desk.end(Uuid::from_u128(5)).await.unwrap();
        assert!(desk.one(Uuid::from_u128(5)).is_none());
        assert_eq!(shelf.one(Uuid::from_u128(5)).await.unwrap(), None);
    }
}
