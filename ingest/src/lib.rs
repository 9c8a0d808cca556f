//! ingest
pub mod record;
pub mod rtsp;
