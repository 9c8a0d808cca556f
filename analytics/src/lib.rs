//! What cameras see: pictures decoded, people detected and tracked, and the presence of each zone in tiles.
//!
//! Coded pictures go in ([`watch::Frame`]), tiles and boxes come out ([`watch::Statement`]). In between, for each
//! camera: [`decode`], [`health`] (can the picture be believed?), [`motion`], a [`detect::Detector`] that the cameras
//! share by a [`budget`], [`track`], and for each zone [`presence`], [`fuse`] and [`tiles`]. It knows neither RTSP nor
//! Kafka; whoever owns those feeds it and takes what it says.

pub mod budget;
pub mod camera_looks;
pub mod decode;
pub mod detect;
pub mod error;
pub mod fuse;
pub mod health;
pub mod look;
pub mod model;
pub mod motion;
pub mod picture;
pub mod presence;
pub mod still;
pub mod tiles;
pub mod track;
pub mod watch;

pub use error::{Error, Result};
pub use look::{Found, Look};
