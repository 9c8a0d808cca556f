//! Whether the system could see on a day: cameras, zones, how late the tills were, and what could not be judged.

use std::time::Duration;

use tillsight_correlate::report::{CameraDay, Numbers, ZoneDay};
use tillsight_ingest::bus::WindowQuery;
use tillsight_schemas::id::{RegisterId, StoreKey};
use tillsight_schemas::{TimeSpan, topic};

use super::Reporter;
use super::model::{ReportBlind, ReportCamera, ReportGap, ReportSight, ReportZone};
use crate::db::DbError;

/// Rejected records that are read at most, and how long the broker has.
const REJECTED: (usize, Duration) = (400_000, Duration::from_secs(3));

impl Reporter {
    /// # Errors
    /// [`DbError`].
    pub(super) async fn sight(
        &self,
        store: &StoreKey,
        span: TimeSpan,
        numbers: &Numbers,
    ) -> Result<ReportSight, DbError> {
        let cameras = self.cameras.of_store(store).map(|camera| {
            let day = numbers.cameras.iter().find(|day| day.camera == camera.id);
            let zones = self.cameras.zones(store).filter(|zone| zone.camera == camera.id);
            let mut registers: Vec<RegisterId> = zones.filter_map(|zone| zone.register.clone()).collect();
            registers.sort();
            registers.dedup();
            ReportCamera {
                camera_id: camera.id.clone(),
                name: camera.name.clone(),
                registers,
                uptime_permille: day.map(CameraDay::uptime_permille),
                gaps: day
                    .into_iter()
                    .flat_map(|day| &day.gaps)
                    .map(|(span, reason)| ReportGap {
                        start_at: span.start(),
                        end_at: span.end(),
                        reason: reason.clone(),
                    })
                    .collect(),
            }
        });
        Ok(ReportSight {
            cameras: cameras.collect(),
            zones: numbers.zones.iter().map(zone).collect(),
            pos_lag_ms_p95: numbers.totals.behind_us.map(|behind| behind / 1_000),
            quarantined: self.quarantined(store, span).await,
            unsynchronised_lanes: numbers.unsynchronised.iter().map(|(register, _)| register.clone()).collect(),
            unknown_registers: self.db.unknown_registers_in(store, span).await?,
            indeterminate: self.blind(numbers),
        })
    }

    /// What could not be judged, by rule.
    fn blind(&self, numbers: &Numbers) -> Vec<ReportBlind> {
        let mut rules: Vec<ReportBlind> = Vec::new();
        for each in numbers.outcomes.iter().filter(|each| each.outcome == "indeterminate") {
            if let Some(rule) = rules.iter_mut().find(|rule| rule.rule_id == each.rule) {
                rule.count += each.times;
                continue;
            }
            let of_rule = numbers.outcomes.iter().filter(|other| other.rule == each.rule);
            let most = of_rule.clone().filter(|other| other.outcome == each.outcome).max_by_key(|other| other.times);
            rules.push(ReportBlind {
                rule_id: each.rule.clone(),
                name: self.titles.get(&each.rule).cloned().unwrap_or_else(|| each.rule.replace('_', " ")),
                count: each.times,
                of: of_rule.map(|other| other.times).sum(),
                why: most.map(|most| plain(&most.why)).unwrap_or_default(),
            });
        }
        rules
    }

    /// Rejected records of a store: dead letters keep the key they came with. `None` when the broker does not answer.
    async fn quarantined(&self, store: &StoreKey, span: TimeSpan) -> Option<i64> {
        let key = store.to_string();
        let mut count = 0;
        for permits in self.permits.iter().filter(|permits| permits.tenant == store.tenant) {
            let query = WindowQuery {
                topic: topic::dlq(&topic::landing(&permits.integrator)),
                key: None,
                from: span.start(),
                to: Some(span.end()),
                rows: REJECTED.0,
                patience: REJECTED.1,
            };
            match self.windows.read(query).await {
                Ok(window) => {
                    let of_store = |key: &str, of: &Option<bytes::Bytes>| of.as_deref() == Some(key.as_bytes());
                    count += window.records.iter().filter(|record| of_store(&key, &record.key)).count();
                }
                Err(error) => {
                    tracing::warn!(%error, "the dead letters cannot be read");
                    return None;
                }
            }
        }
        i64::try_from(count).ok()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a day")]
fn zone(day: &ZoneDay) -> ReportZone {
    ReportZone {
        zone_id: day.zone.clone(),
        seconds: day.seconds.round() as i64,
        unknown_seconds: day.unknown_seconds.round() as i64,
    }
}

/// Why a rule judged as it did, for people; the pages say the same (`ui/src/lib/why.ts`).
const WHY: [(&str, &str); 17] = [
    ("no_camera", "no camera looks there"),
    ("no_presence", "no camera said whether somebody was there"),
    ("rule_failed", "the rule itself failed on it"),
    ("too_long", "it took longer than the rule looks at"),
    ("no_match", "nothing of the kind was found"),
    ("left_out", "this register or operator is left out by Set up, Rules"),
    ("switched_off", "the rule is switched off here"),
    ("camera_no_signal", "no picture came from the camera"),
    ("camera_frozen", "the camera's picture was frozen"),
    ("camera_covered", "the camera's picture was black or covered"),
    ("missing_operator_id", "the receipt names no operator"),
    ("missing_supervisor_id", "the receipt does not say who approved it"),
    ("missing_reference", "the receipt does not say which sale it is about"),
    ("missing_tenders", "the receipt does not say how it was paid"),
    ("missing_total_minor", "the receipt has no total"),
    ("missing_card_token", "the receipt does not say which card it was"),
    ("missing_entry", "the receipt does not say whether items were typed or scanned"),
];

fn plain(why: &str) -> String {
    let known = WHY.iter().find(|(code, _)| *code == why);
    known.map_or_else(|| why.replace('_', " "), |(_, words)| (*words).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_and_pages_say_the_same_of_a_reason() {
        let pages = include_str!("../../../ui/src/lib/why.ts");
        for (code, words) in WHY {
            assert!(pages.contains(&format!("{code}: \"{words}\",")), "{code}");
        }
        assert_eq!(pages.lines().filter(|line| line.starts_with("  ") && line.contains(": \"")).count(), WHY.len());
    }
}
