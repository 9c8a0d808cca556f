//! What this process has handed to the broker and the intake may not have read yet. With what the database knows it makes
//! the answers to records final: a repetition within the same second is one, and so is a collision.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use uuid::Uuid;

/// How long it is remembered: the intake is seconds behind.
const FOR: Duration = Duration::from_secs(600);
/// Identities that are remembered at most.
const AT_MOST: usize = 200_000;

/// An event and its revision.
pub(super) type Identity = (Uuid, i32);

/// What was taken of late. Who judges holds it until the records are with the broker, so that they land in the order in
/// which they were judged.
#[derive(Debug, Default)]
pub(crate) struct Taken(Mutex<Recent>);

/// Identities with the hash of their content.
#[derive(Debug, Default)]
pub(super) struct Recent {
    hashes: BTreeMap<Identity, String>,
    order: VecDeque<(Instant, Identity)>,
}

impl Taken {
    /// Waits until nobody else judges.
    pub(super) async fn hold(&self) -> MutexGuard<'_, Recent> {
        let mut recent = self.0.lock().await;
        recent.forget(Instant::now());
        recent
    }
}

impl Recent {
    /// The hash under which an identity was taken.
    pub(super) fn hash(&self, identity: &Identity) -> Option<&String> {
        self.hashes.get(identity)
    }

    /// Whether a revision of an event below this one was taken.
    pub(super) fn has_below(&self, id: Uuid, below: i32) -> bool {
        self.hashes.range((id, i32::MIN)..(id, below)).next().is_some()
    }

    /// Remembers an identity; one that is known keeps what it was first.
    pub(super) fn take(&mut self, identity: Identity, hash: String) {
        if let Entry::Vacant(new) = self.hashes.entry(identity) {
            new.insert(hash);
            self.order.push_back((Instant::now(), identity));
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some((since, identity)) = self.order.front() {
            if self.order.len() <= AT_MOST && now.duration_since(*since) < FOR {
                break;
            }
            self.hashes.remove(identity);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_taken_is_known_for_ten_minutes_as_it_first_was() {
        let taken = Taken::default();
        let identity = (Uuid::from_u128(1), 0);
        taken.hold().await.take(identity, "a".to_owned());
        taken.hold().await.take(identity, "b".to_owned());
        assert_eq!(taken.hold().await.hash(&identity).map(String::as_str), Some("a"));
        assert!(taken.hold().await.has_below(identity.0, 1));
        assert!(!taken.hold().await.has_below(identity.0, 0));
        taken.hold().await.forget(Instant::now() + FOR);
        assert_eq!(taken.hold().await.hash(&identity), None);
    }
}
