//! The hash chain of a recording: every fragment commits to all that were recorded before it.
//!
//! Definitions (all hashes SHA-256, all integers big-endian):
//!
//! - *unit hash* = SHA-256(the sample's bytes as they stand in `mdat`), for every video and audio sample;
//! - *head* of fragment *n* = SHA-256(`"tillsight.fragment.v1\n"` ‖ head of fragment *n* − 1 (32 bytes) ‖ length of
//!   the stream's name (`u32`) ‖ the stream's name (`tenant/store/camera/kind`) ‖ run (`i64`) ‖ *n* (`u64`, from 0 in
//!   each run) ‖ decoding time of the first video sample (`i64`, 1/90000 s) ‖ the unit hashes in the order of `mdat`);
//! - the head before fragment 0 of a run is the last head of the run before, and 32 zero bytes for a stream's first;
//! - *GOP root* = RFC 6962 §2.1 tree hash over the unit hashes of a group of pictures, *segment root* = the same over
//!   its GOP roots.

use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The head before a stream's first fragment.
pub const GENESIS: Hash = [0; 32];

const FRAGMENT_TAG: &[u8] = b"tillsight.fragment.v1\n";

/// The hash of some bytes.
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS.get(usize::from(value & 15)).copied().unwrap_or(b'0'));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// A hash from its 64 hexadecimal digits.
pub fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// Where a stream's chain stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    stream: String,
    run: i64,
    next: u64,
    head: Hash,
}

impl Chain {
    /// Begins a run of a stream after `head`.
    pub fn begin(stream: String, run: i64, head: Hash) -> Self {
        Self { stream, run, next: 0, head }
    }

    /// Goes on within a run: `head` is the head of fragment `next` − 1.
    pub fn resume(stream: String, run: i64, next: u64, head: Hash) -> Self {
        Self { stream, run, next, head }
    }

    /// The head of the last fragment.
    pub fn head(&self) -> Hash {
        self.head
    }

    /// The number of the next fragment.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes in a fragment and returns its number and head.
    pub fn advance(&mut self, media_time: i64, units: &[Hash]) -> (u64, Hash) {
        let mut sha = Sha256::new();
        sha.update(FRAGMENT_TAG);
        sha.update(self.head);
        sha.update(u32::try_from(self.stream.len()).unwrap_or(u32::MAX).to_be_bytes());
        sha.update(self.stream.as_bytes());
        sha.update(self.run.to_be_bytes());
        sha.update(self.next.to_be_bytes());
        sha.update(media_time.to_be_bytes());
        for unit in units {
            sha.update(unit);
        }
        self.head = sha.finalize().into();
        let number = self.next;
        self.next += 1;
        (number, self.head)
    }
}

/// The RFC 6962 §2.1 tree hash of some leaves.
pub fn merkle_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(b""),
        [leaf] => {
            let mut sha = Sha256::new();
            sha.update([0]);
            sha.update(leaf);
            sha.finalize().into()
        }
        _ => {
            // The largest power of two below the number of leaves.
            let split = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(split);
            let mut sha = Sha256::new();
            sha.update([1]);
            sha.update(merkle_root(left));
            sha.update(merkle_root(right));
            sha.finalize().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_fragment_moves_its_head() {
        let start = || Chain::begin("acme/17/till-1/main".to_owned(), 7, GENESIS);
        let heads = [
            start().advance(0, &[sha256(b"a"), sha256(b"b")]).1,
            start().advance(0, &[sha256(b"b"), sha256(b"a")]).1,
            start().advance(1, &[sha256(b"a"), sha256(b"b")]).1,
            Chain::begin("acme/17/till-1/main".to_owned(), 8, GENESIS).advance(0, &[sha256(b"a"), sha256(b"b")]).1,
            Chain::begin("acme/17/till-2/main".to_owned(), 7, GENESIS).advance(0, &[sha256(b"a"), sha256(b"b")]).1,
            Chain::begin("acme/17/till-1/main".to_owned(), 7, sha256(b"")).advance(0, &[sha256(b"a"), sha256(b"b")]).1,
        ];
        let distinct: std::collections::BTreeSet<_> = heads.iter().collect();
        assert_eq!(distinct.len(), heads.len());
    }

    #[test]
    fn the_first_head_is_the_one_that_sha256sum_gives() {
        // printf 'tillsight.fragment.v1\n' + 32 zero bytes + 00000001 'x' + run 1 + n 0 + time 0 + sha256("") | sha256sum
        let mut bytes = b"tillsight.fragment.v1\n".to_vec();
        bytes.extend_from_slice(&[0; 32]);
        bytes.extend_from_slice(&[0, 0, 0, 1, b'x', 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend_from_slice(&[0; 16]);
        bytes.extend_from_slice(&sha256(b""));
        let (number, head) = Chain::begin("x".to_owned(), 1, GENESIS).advance(0, &[sha256(b"")]);
        assert_eq!((number, head), (0, sha256(&bytes)));
        assert_eq!(unhex(&hex(&head)), Some(head));
    }

    #[test]
    fn tree_hashes_are_those_of_rfc_6962() {
        assert_eq!(hex(&merkle_root(&[])), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let leaves = [sha256(b"a"), sha256(b"b"), sha256(b"c")];
        let leaf = |hash: &Hash| sha256(&[&[0][..], hash].concat());
        let node = |left: Hash, right: Hash| sha256(&[&[1][..], &left, &right].concat());
        let expect = node(node(leaf(&leaves[0]), leaf(&leaves[1])), leaf(&leaves[2]));
        assert_eq!(merkle_root(&leaves), expect);
    }
}
