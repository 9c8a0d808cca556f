//! [`LastKnown`]: the recorder's copy of the cameras and how to log in to them, for a start while the database does not
//! answer. A file of its owner's alone, written whole whenever something has changed.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Camera;
use crate::db::CameraPassword;

/// The copy.
#[derive(Debug)]
pub(super) struct LastKnown(PathBuf);

/// A camera as it is written.
#[derive(Serialize, Deserialize)]
struct Kept {
    camera: Camera,
    password: Option<String>,
}

impl LastKnown {
    /// The copy in a data directory.
    pub(super) fn in_dir(data: &Path) -> Self {
        Self(data.join("recorder.json"))
    }

    /// The cameras that were set up last; none when nothing was ever written.
    pub(super) fn read(&self) -> std::io::Result<Vec<(Camera, Option<CameraPassword>)>> {
        let text = match std::fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let kept: Vec<Kept> = serde_json::from_str(&text)?;
        Ok(kept.into_iter().map(|kept| (kept.camera, kept.password.map(CameraPassword))).collect())
    }

    /// Writes what is set up now, unless it stands there.
    pub(super) fn write(&self, cameras: &[(Camera, Option<CameraPassword>)]) -> std::io::Result<()> {
        if self.read().is_ok_and(|known| known == cameras) {
            return Ok(());
        }
        let kept = cameras.iter().map(|(camera, password)| Kept {
            camera: camera.clone(),
            password: password.as_ref().map(|password| password.0.clone()),
        });
        let text = serde_json::to_vec(&kept.collect::<Vec<_>>())?;
        let half = self.0.with_extension("half");
        match std::fs::remove_file(&half) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&half, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_copy_says_what_was_written_last_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let copy = LastKnown::in_dir(dir.path());
        assert!(copy.read().unwrap().is_empty());
        let camera = |url: &str| -> Camera {
            let document = serde_json::json!({ "id": "till", "tenant": "acme", "store": "17", "url": url });
            serde_json::from_value(document).unwrap()
        };
        copy.write(&[(camera("rtsp://a/"), None)]).unwrap();
        let last = vec![(camera("rtsp://b/"), Some(CameraPassword("hunter2".into())))];
        copy.write(&last).unwrap();
        copy.write(&last).unwrap();
        assert_eq!(copy.read().unwrap(), last);
        let mode = std::fs::metadata(dir.path().join("recorder.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
