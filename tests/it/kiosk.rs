//! A shop with the kiosk's film before register 1, and a till that rings by the film's labels.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tempfile::TempDir;
use tillsight_datasets::cameras::{Cameras, FrameLog, Setup};
use tillsight_datasets::film::{Films, State};
use tillsight_datasets::session::Outlook;
use tillsight_schemas::{Clock as _, SystemClock, TimeSpan};
use tillsight_tests::Shop;
use tillsight_tests::outside::eventually;

use crate::film;

/// The shop, its camera and its till.
pub(crate) struct Kiosk {
    pub(crate) shop: Shop,
    films: Films,
    frame_log: std::path::PathBuf,
    till: String,
    _cameras: Cameras,
    _folder: TempDir,
}

impl Kiosk {
    /// Opens one; `eyes` says whose presence is believed: `detector`, `camera` or `both`.
    pub(crate) fn open(eyes: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let films = film::short(folder.path());
        let kiosk = film::setup("kiosk", &films.kiosk, film::SIZE, folder.path());
        let kiosk = Setup { labels: Some(films.kiosk_labels.clone()), ..kiosk };
        let frame_log = kiosk.frame_log.clone();
        let cameras = Cameras::start(&[kiosk], folder.path()).unwrap();
        let shop = Shop::with(&format!(
            "[[camera]]\nid = \"kiosk\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\npresence = \"{eyes}\"\n\
             [[zone]]\nid = \"kiosk-customer\"\ntenant = \"demo\"\nstore = \"17\"\ncamera = \"kiosk\"\n\
             kind = \"customer\"\nregister = \"1\"\npolygon = {}\n",
            cameras.address("kiosk").unwrap().url,
            serde_json::to_string(&films.labels.zone).unwrap()
        ));
        let (_, till) = shop.token(&["--integrator", "kiosk"]);
        Self { shop, films, frame_log, till, _cameras: cameras, _folder: folder }
    }

    /// Rings something at register 1 that completes now.
    pub(crate) fn ring(&self, kind: &str, number: i64) {
        let now = SystemClock.now().format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string();
        let record = json!({
            "store_id": "17", "register_id": "1", "kind": kind, "sequence_no": number, "operator_id": "1042",
            "event_time_raw": now, "currency": "USD", "source": { "adapter": "json" },
        });
        let (status, said) = self.shop.post("/api/v1/pos/transactions", Some(&self.till), &record);
        assert_eq!(status, 202, "{said}");
    }

    /// Waits for the middle of the next stretch of the film with so much of one state on either side.
    pub(crate) fn until(&self, wanted: State, clear: TimeDelta) {
        let began = FrameLog::read(&self.frame_log).unwrap().began(self.films.labels.fps).unwrap();
        let outlook = Outlook { labels: &self.films.labels, began };
        let now = SystemClock.now();
        let at = |us: i64| DateTime::<Utc>::from_timestamp_micros(us).unwrap();
        let ahead = TimeSpan::new(now, now + TimeDelta::minutes(2)).unwrap();
        let fits = |from: DateTime<Utc>, to: DateTime<Utc>| from > now && to - from > clear * 2;
        let stretches = outlook.stretches(ahead);
        let stretch = stretches.iter().find(|one| one.state == wanted && fits(at(one.from), at(one.to))).unwrap();
        let middle = at(stretch.from) + (at(stretch.to) - at(stretch.from)) / 2;
        eventually("the film is there", || {
            let now = SystemClock.now();
            if now >= middle { Ok(()) } else { Err(format!("{now}, waiting for {middle}")) }
        });
    }
}

/// What the rule about drawers said, by sequence number, with whether an alert stands.
pub(crate) const SAID: &str = "select t.sequence_no, j.outcome, count(a.alert_id) from lp.judgements j \
                               join pos.transactions t on t.event_id = j.anchor_event_id \
                               left join lp.alerts a on a.anchor_event_id = j.anchor_event_id \
                               and a.rule_id = j.rule_id and a.state <> 'retracted' \
                               where j.rule_id = 'no_sale_no_customer' group by 1, 2 order by 1";
