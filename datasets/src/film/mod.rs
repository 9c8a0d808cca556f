//! The films of the demo's cameras, made on this machine from real surveillance footage, and what is to be seen in them.
//!
//! Camera 1 looks at "Kiosk 1": [`edit`] reads the checked-in edit list, [`picture`] puts each picture together, [`labels`] says
//! what is in the zone, [`make()`] pipes it all through `ffmpeg`. Camera 2 shows the footage unedited. [`own()`] takes somebody else's video for camera 1. The footage comes from
//! Debian's `opencv-doc` (`deploy/setup.sh`), and nothing is made twice: a film is named after the SHA-256 of its
//! edit list and source.

pub mod edit;
pub mod labels;
mod make;
mod own;
pub mod picture;

pub use edit::EditList;
pub use labels::{Crossing, Labels, Sight, State};
pub use make::{Films, KioskZone, make};
pub use own::{Own, own};

/// The folder of the films below the cache folder; the footage lies in it.
pub const FOLDER: &str = "film";
/// The edit list of camera 1.
pub const KIOSK: &str = include_str!("../../film/kiosk.toml");

#[cfg(test)]
mod tests;
