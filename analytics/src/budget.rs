//! [`Budget`]: which camera is looked at next when there are more pictures than the detectors can take.
//!
//! Each camera has at most one picture waiting: a newer one takes its place, and the older is shed and counted. The
//! camera that was served longest ago comes first, so that none starves.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Pictures that wait for a detector.
#[derive(Debug)]
pub struct Budget<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    waiting: BTreeMap<usize, T>,
    /// The turn in which a camera was served last.
    served: BTreeMap<usize, u64>,
    turn: u64,
    closed: bool,
}

impl<T> Default for Budget<T> {
    fn default() -> Self {
        let state = State { waiting: BTreeMap::new(), served: BTreeMap::new(), turn: 0, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<T> Budget<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers a picture of a camera; returns the older one that it takes the place of.
    pub fn offer(&self, camera: usize, picture: T) -> Option<T> {
        let shed = self.lock().waiting.insert(camera, picture);
        self.changed.notify_one();
        shed
    }

    /// Waits for a picture; `None` when the budget is closed.
    pub fn take(&self) -> Option<(usize, T)> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let next = state.waiting.keys().copied().min_by_key(|camera| state.served.get(camera).copied());
            if let Some(camera) = next
                && let Some(picture) = state.waiting.remove(&camera)
            {
                state.turn += 1;
                let turn = state.turn;
                state.served.insert(camera, turn);
                return Some((camera, picture));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends everybody who waits home.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_camera_that_waited_longest_comes_first_and_none_starves() {
        let budget = Budget::default();
        for camera in [2, 0, 1] {
            assert_eq!(budget.offer(camera, "first"), None);
        }
        assert_eq!(budget.take(), Some((0, "first")));
        assert_eq!(budget.offer(0, "second"), None);
        assert_eq!(budget.take(), Some((1, "first")));
        assert_eq!(budget.take(), Some((2, "first")));
        assert_eq!(budget.take(), Some((0, "second")));
    }

    #[test]
    fn a_newer_picture_takes_the_place_of_an_older_one() {
        let budget = Budget::default();
        assert_eq!(budget.offer(7, 1), None);
        assert_eq!(budget.offer(7, 2), Some(1));
        assert_eq!(budget.take(), Some((7, 2)));
        budget.close();
        assert_eq!(budget.take(), None);
    }
}
