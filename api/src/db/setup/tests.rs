//! Versions and the bootstrap, on SQLite.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use tillsight_schemas::{Clock as _, ReplayClock};

use super::*;
use crate::config::Config;

const FILE: &str = r#"
[[store]]
tenant = "acme"
id = "17"
name = "Kiosk"
tz = "America/Chicago"
currency = "USD"
[[camera]]
id = "kiosk"
tenant = "acme"
store = "17"
url = "rtsp://192.0.2.1/x"
[[zone]]
id = "kiosk-customer"
tenant = "acme"
store = "17"
camera = "kiosk"
kind = "customer"
register = "1"
polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
version = 3
"#;

struct Desk {
    _dir: tempfile::TempDir,
    clock: ReplayClock,
    db: Db,
}

impl Desk {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T12:00:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock.clone())).await.unwrap();
        Self { _dir: dir, clock, db }
    }

    async fn change(
        &self,
        by: &str,
        key: &Key,
        expected: Expected,
        document: Option<Value>,
    ) -> Result<(), ChangeError> {
        self.clock.advance(TimeDelta::minutes(1));
        self.db.change(by, &[Change::new(key.clone(), expected, document)]).await
    }
}

fn config(text: &str) -> Config {
    let config: Config = toml::from_str(text).unwrap();
    assert!(config.problems().is_empty(), "{:?}", config.problems());
    config
}

fn key(what: What, id: &str) -> Key {
    Key::new(what, &"acme".parse().unwrap(), "17", id)
}

#[tokio::test]
async fn a_configuration_is_taken_over_once_and_what_a_page_says_stays() {
    let desk = Desk::open().await;
    let first = config(FILE);
    assert_eq!(desk.db.take_over(&first).await.unwrap(), 3);
    assert_eq!(desk.db.take_over(&first).await.unwrap(), 0, "every process does it");
    let set_up = desk.db.set_up().await.unwrap();
    assert_eq!((&set_up.stores, &set_up.cameras, &set_up.zones), (&first.stores, &first.cameras, &first.zones));
    assert_eq!(set_up.clone().into_config(&config("")).cameras, first.cameras);

    // The file is edited: it is still the one who speaks of this camera.
    let moved = config(&FILE.replace("192.0.2.1", "192.0.2.2"));
    assert_eq!(desk.db.take_over(&moved).await.unwrap(), 1);
    assert_eq!(desk.db.set_up().await.unwrap().cameras, moved.cameras);

    // A person changes it, and removes the zone: neither comes back.
    let mut camera = moved.cameras[0].clone();
    camera.url = "rtsp://192.0.2.3/x".into();
    let (of_camera, document) = bootstrap::camera(&camera);
    desk.change("ida", &of_camera, Expected::Version(2), Some(document)).await.unwrap();
    desk.change("ida", &key(What::Zone, "kiosk-customer"), Expected::Any, None).await.unwrap();
    assert_eq!(desk.db.take_over(&first).await.unwrap(), 0);
    let set_up = desk.db.set_up().await.unwrap();
    assert_eq!((&set_up.cameras, set_up.zones.len()), (&vec![camera], 0));
}

#[tokio::test]
async fn versions_follow_each_other_and_an_old_one_is_refused() {
    let desk = Desk::open().await;
    let till = key(What::Register, "1");
    let named = |name: &str| Some(json!({ "name": name }));
    desk.change("ida", &till, Expected::New, named("Till")).await.unwrap();
    let again = desk.change("otto", &till, Expected::New, named("Other")).await;
    assert!(matches!(again, Err(ChangeError::Exists(What::Register, _))), "{again:?}");
    let before = desk.db.set_up_change().await.unwrap();
    desk.change("ida", &till, Expected::Version(1), named("Front till")).await.unwrap();
    assert!(desk.db.set_up_change().await.unwrap() > before);
    let late = desk.change("otto", &till, Expected::Version(1), named("Back till")).await;
    assert!(matches!(late, Err(ChangeError::Changed { version: 2, .. })), "{late:?}");
    desk.change("otto", &till, Expected::Any, None).await.unwrap();
    assert!(desk.db.holds(&till).await.unwrap().is_none());
    let gone = desk.change("otto", &till, Expected::Any, None).await;
    assert!(matches!(gone, Err(ChangeError::Missing(..))), "{gone:?}");
    desk.change("ida", &till, Expected::New, named("Till")).await.unwrap();

    let tenant = "acme".parse().unwrap();
    let history = desk.db.versions(What::Register, &tenant, Some("17"), Some("1"), 10).await.unwrap();
    let told: Vec<_> = history.iter().map(|one| (one.version, one.by.as_str(), one.document.is_some())).collect();
    assert_eq!(told, [(4, "ida", true), (3, "otto", false), (2, "ida", true), (1, "ida", true)]);
    for pair in history.windows(2) {
        assert_eq!(pair[1].ended_at, Some(pair[0].valid_from), "no hole and no overlap");
    }
    assert!(desk.db.versions(What::Register, &tenant, Some("42"), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_zone_is_known_as_it_was_drawn_then() {
    let desk = Desk::open().await;
    desk.db.take_over(&config(FILE)).await.unwrap();
    let before = desk.db.set_up().await.unwrap().zones.remove(0);
    assert_eq!(before.version, 3, "as the file says");
    let mut after = before.clone();
    after.polygon = vec![[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]];
    let (zone, document) = bootstrap::zone(&after);
    desk.change("ida", &zone, Expected::Version(3), Some(document)).await.unwrap();
    let changed_at = desk.clock.now();
    let drawn = desk.db.drawn().await.unwrap();
    let spans: Vec<_> = drawn.iter().map(|one| (one.zone.version, one.from, one.to)).collect();
    assert_eq!(spans, [(3, None, Some(changed_at)), (4, Some(changed_at), None)]);
    assert_eq!((&drawn[0].zone.polygon, &drawn[1].zone.polygon), (&before.polygon, &after.polygon));
    assert_eq!(desk.db.set_up().await.unwrap().zones[0].version, 4);
}

#[tokio::test]
async fn a_password_is_in_no_version_and_goes_with_its_camera() {
    let desk = Desk::open().await;
    let own = config(FILE);
    desk.db.take_over(&own).await.unwrap();
    let camera = &own.cameras[0];
    let (key, document) = bootstrap::camera(camera);
    let change = |password: Password, document: Option<Value>| Change {
        key: key.clone(),
        expected: Expected::Any,
        document,
        password,
    };
    let secret = change(Password::Set("hunter2-hunter2".into()), Some(document.clone()));
    assert!(!format!("{secret:?}").contains("hunter2"));
    desk.db.change("ida", &[secret]).await.unwrap();
    desk.db.change("ida", &[change(Password::Keep, Some(document.clone()))]).await.unwrap();
    let kept = desk.db.camera_password(camera).await.unwrap().unwrap();
    assert_eq!((kept.0.as_str(), format!("{kept:?}").as_str()), ("hunter2-hunter2", "CameraPassword(…)"));
    let history = desk.db.versions(What::Camera, &camera.tenant, None, None, 10).await.unwrap();
    assert!(history.len() == 3 && !format!("{history:?}").contains("hunter2"));
    desk.db.change("ida", &[change(Password::Keep, None)]).await.unwrap();
    assert!(desk.db.camera_password(camera).await.unwrap().is_none());
}

#[tokio::test]
async fn all_changes_of_a_call_are_made_or_none() {
    let desk = Desk::open().await;
    let good = Change::new(key(What::Register, "1"), Expected::New, Some(json!({})));
    let bad = Change::new(key(What::Register, "2"), Expected::Version(7), Some(json!({})));
    assert!(desk.db.change("ida", &[good, bad]).await.is_err());
    assert!(desk.db.holds(&key(What::Register, "1")).await.unwrap().is_none());
}

#[tokio::test]
async fn the_database_file_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::open().await;
    let file = desk._dir.path().join("tillsight.sqlite");
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}
