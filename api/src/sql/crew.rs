//! The threads that compute statements, in gangs.
//!
//! An operator that makes much out of little (a join that compares a million rows with a million) may compute for many
//! seconds between two places where it can be stopped. Tasks cannot be taken from such a thread, the system's scheduler
//! can share a core: so each statement is given to the gang with the least to do, with as many gangs as statements may
//! run at once, and what does not end after its abort keeps nobody waiting. [`Crew::overdue`] tells when it does not
//! end for long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// Stack of a thread that plans or computes statements, in bytes: expressions are walked level by level. Memory is taken as
/// it is touched.
pub(crate) const STACK: usize = 64 << 20;

/// Threads for statements. Dropped, it lets go of them without waiting.
#[derive(Debug)]
pub(super) struct Crew {
    gangs: Vec<Runtime>,
    ending: Ending,
}

/// Work that was aborted and has not ended yet: since when, and on which gang.
type Ending = Arc<Mutex<Vec<(Instant, usize, AbortHandle)>>>;

/// Work that a crew does; dropped, it is aborted.
#[derive(Debug)]
pub(super) struct Work {
    task: JoinSet<()>,
    handle: Option<(usize, AbortHandle)>,
    ending: Ending,
}

impl Crew {
    /// Hires so many gangs of so many threads; at least one of one.
    ///
    /// # Errors
    /// [`std::io::Error`] when the system has no threads left.
    pub(super) fn new(gangs: usize, threads: usize) -> std::io::Result<Self> {
        let gang = |_| {
            Builder::new_multi_thread()
                .worker_threads(threads.max(1))
                .thread_name("sql-query")
                .thread_stack_size(STACK)
                .enable_all()
                .build()
        };
        Ok(Self { gangs: (0..gangs.max(1)).map(gang).collect::<Result<_, _>>()?, ending: Arc::default() })
    }

    /// Starts work on a gang without aborted work, or else where that goes on for the shortest time (what has just been
    /// aborted will most likely end); of those on the one with the fewest tasks.
    pub(super) fn hand_over(&self, work: impl Future<Output = ()> + Send + 'static) -> Work {
        let mut task = JoinSet::new();
        let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        ending.retain(|(_, _, work)| !work.is_finished());
        let stuck =
            |at: usize| ending.iter().filter(|(_, gang, _)| *gang == at).map(|(since, ..)| since.elapsed()).max();
        let free = |(at, gang): &(usize, &Runtime)| (stuck(*at), gang.metrics().num_alive_tasks());
        let gang = self.gangs.iter().enumerate().min_by_key(free);
        let handle = gang.map(|(at, gang)| (at, task.spawn_on(work, gang.handle())));
        drop(ending);
        Work { task, handle, ending: Arc::clone(&self.ending) }
    }

    /// Whether aborted work goes on for longer than `at_most`: only the end of the process ends it.
    pub(super) fn overdue(&self, at_most: Duration) -> bool {
        let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        ending.retain(|(_, _, work)| !work.is_finished());
        ending.iter().any(|(since, ..)| since.elapsed() > at_most)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for gang in self.gangs.drain(..) {
            gang.shutdown_background();
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.task.abort_all();
        if let Some((gang, handle)) = self.handle.take().filter(|(_, handle)| !handle.is_finished()) {
            self.ending.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), gang, handle));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_that_never_yields_keeps_nobody_waiting_and_is_noticed() {
        let crew = Crew::new(3, 1).unwrap();
        let mut ends = Vec::new();
        for _ in 0..2 {
            let (end, ended) = mpsc::channel::<()>();
            let (begin, begun) = tokio::sync::oneshot::channel();
            let work = crew.hand_over(async move {
                begin.send(()).ok();
                ended.recv().ok();
            });
            begun.await.unwrap();
            ends.push(end);
            drop(work);
        }
        assert!(crew.overdue(Duration::ZERO) && !crew.overdue(Duration::from_secs(3600)));
        for _ in 0..5 {
            let (say, said) = tokio::sync::oneshot::channel();
            let _work = crew.hand_over(async move {
                say.send(()).ok();
            });
            tokio::time::timeout(Duration::from_secs(10), said).await.unwrap().unwrap();
        }
        drop(ends);
        while crew.overdue(Duration::ZERO) {
            tokio::task::yield_now().await;
        }
    }
}
