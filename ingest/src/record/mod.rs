//! The recorder: streams in, segments on disk, clips out.
//!
//! The source of truth is self-contained fMP4 files of about a minute that any player plays; the index (SQLite) can be
//! made again from them. On a volume:
//!
//! ```text
//! <volume>/tillsight-volume                     mark: the id of the volume
//! <volume>/recorder.lock                        held by the one process that writes
//! <volume>/index.sqlite                         which file covers which time, gaps, time maps, holds
//! <volume>/holds.jsonl                          the holds once more, appended, for a lost index
//! <volume>/<tenant>/<store>/<camera>/<main|sub>/<YYYY-MM-DD>/
//!     <HHMMSSZ>-<run>-<segment>.mp4             a segment: ftyp moov uuid(header) { prft uuid(chain) moof mdat }* mfra
//!     <HHMMSSZ>-<run>-<segment>.manifest.json   made when it is closed: canonical JSON, one line
//! ```
//!
//! A segment begins with a key frame. Files are appended to and never changed; one thread writes (`volume`), makes the
//! files durable first and the index after them, every two seconds for all streams together. Hashes are defined in
//! [`chain`], documents in [`document`], clock entries in [`clock_entry`].

pub mod boxes;
pub mod chain;
pub mod check;
pub mod clip;
pub mod clock_entry;
pub mod coverage;
pub mod document;
mod error;
pub mod fragment;
pub mod hold;
pub mod index;
pub mod moov;
pub mod parse;
pub mod playback;
pub mod reader;
pub mod recorder;
pub mod recover;
pub mod retention;
pub mod rows;
pub mod segment;
pub mod select;
pub mod slices;
mod statements;
pub mod still;
pub mod stream;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod text;
pub mod volume;

pub use check::{CheckReport, RebuildReport, check, rebuild};
pub use clip::Clip;
pub use coverage::{Coverage, coverage};
pub use error::{Error, Result};
pub use hold::{HoldOutcome, Holds};
pub use index::Index;
pub use playback::{Playback, PlaybackPart};
pub use reader::Reader;
pub use recorder::{Recorder, RecorderConfig, StreamSink};
pub use retention::{Retention, RetentionPolicy, RetentionReport};
pub use slices::Slices;
pub use still::Still;
pub use text::Cue;
