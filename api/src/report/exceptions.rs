//! The exceptions of a day: alerts that stand, with their decisive lines and a picture.

use std::collections::HashSet;

use chrono::{DateTime, SecondsFormat, Utc};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use tillsight_analytics::still::jpeg;
use tillsight_ingest::record::Still;
use tillsight_schemas::alert::{Alert, AlertState, Evidence};
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::pos::{Action, Line, PostedTransaction, Transaction};
use tillsight_schemas::review::{Disposition, Review};
use tillsight_schemas::segment::{StreamKey, StreamKind};
use tillsight_schemas::store::Store;

use super::held::{Place, held, places};
use super::model::{DecisiveLine, Exception, ReportHeld};
use super::{Reader, ReportError, Reporter};
use crate::db::AlertRow;
use crate::sending::Sending;

/// Lines of a receipt that are shown.
const LINES: usize = 3;
/// Pixels from left to right of a picture in a file: it is read on a phone.
const STILL_WIDTH: u32 = 640;
/// Quality of a picture in a file.
const STILL_QUALITY: u8 = 70;

/// A picture of an alert.
#[derive(Debug)]
pub(super) struct StillAt {
    key: StreamKey,
    at: DateTime<Utc>,
    taken: Still,
}

/// An alert of the day, with what belongs to it.
#[derive(Debug)]
pub(super) struct Standing {
    row: AlertRow,
    events: Vec<PostedTransaction>,
    /// What each of the store said last about it, newest first.
    said: Vec<Review>,
}

impl Standing {
    /// When it was raised, or its last revision.
    pub(super) fn raised_at(&self) -> DateTime<Utc> {
        self.row.alert.raised_at
    }
}

impl Reporter {
    /// The alerts of a day that stand and that the reader sees, but for those of rules on trial, what matters most first: what
    /// the store asks to look at, open before decided, then severity, then amount.
    pub(super) async fn exceptions(
        &self,
        store: &Store,
        day: chrono::NaiveDate,
        reader: &Reader,
    ) -> Result<Vec<Standing>, ReportError> {
        let mut standing = Vec::new();
        for row in self.db.alerts_of_day(&store.tenant, &store.id, day).await? {
            let events = self.db.alert_events(row.alert.alert_id).await?;
            let counts = row.alert.state != AlertState::Retracted && row.told.why != Sending::Shadow;
            if !counts || reader.misses(&row, &events) {
                continue;
            }
            let row = if reader.without.is_empty() { row } else { row.alone() };
            let mut said = self.db.reviews(row.alert.alert_id).await?;
            said.retain(|review| !review.disposition.decides());
            // Newest first: what somebody said last is what holds; the page of the alert has the rest.
            let mut heard = HashSet::new();
            said.retain(|review| heard.insert(review.reviewer.clone()));
            standing.push(Standing { row, events, said });
        }
        standing.sort_by_key(|Standing { row, said, .. }| {
            let alert = &row.alert;
            let asked = said.iter().any(|review| review.disposition == Disposition::LookAtIt);
            let severity = u8::MAX - alert.severity as u8;
            let amount = -alert.amount_minor.unwrap_or(0);
            (row.disposition.is_some(), !asked, severity, amount, alert.event_time, alert.alert_id)
        });
        Ok(standing)
    }

    /// The same, those first that are listed; why the others are not; and how many are.
    pub(super) async fn listed(
        &self,
        store: &Store,
        day: chrono::NaiveDate,
        reader: &Reader,
    ) -> Result<(Vec<Standing>, Vec<ReportHeld>, usize), ReportError> {
        let all = self.exceptions(store, day, reader).await?;
        let sends = self.db.sends();
        let tokens = usize::try_from(sends.of_day(&store.tenant, &store.id)).unwrap_or(usize::MAX);
        let rows: Vec<&AlertRow> = all.iter().map(|standing| &standing.row).collect();
        let places = places(&rows, tokens, sends.from_severity);
        let held = held(&rows, &places, (tokens, sends.from_severity), &self.titles);
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for (standing, place) in all.into_iter().zip(places) {
            let side = if place == Place::Listed { &mut first } else { &mut rest };
            side.push(standing);
        }
        let listed = first.len();
        first.append(&mut rest);
        Ok((first, held, listed))
    }

    /// What the report says of an alert, and where its picture is.
    pub(super) async fn exception(
        &self,
        store: &Store,
        standing: &Standing,
        pictures: bool,
    ) -> (Exception, Option<StillAt>) {
        let Standing { row, events, said } = standing;
        let alert = &row.alert;
        let anchor = events.iter().find(|posted| posted.header.event_id == alert.anchor_event_id);
        let (still, no_still) = if pictures {
            self.still(store, alert).await
        } else {
            (None, Some("this report has no pictures".to_owned()))
        };
        let still_url = still.as_ref().map(|still| {
            let at = still.at.to_rfc3339_opts(SecondsFormat::Micros, true);
            format!("/api/v1/stills/{}.jpg?store={}&at={at}", still.key.camera, store.id)
        });
        let exception = Exception {
            alert_id: alert.alert_id,
            rule_id: alert.rule_id.clone(),
            title: alert.title.clone(),
            reason: alert.reason.clone(),
            severity: alert.severity,
            event_time: alert.event_time,
            register_id: alert.register_id.clone(),
            operator_id: alert.operator_id.clone(),
            receipt_no: anchor.and_then(|posted| posted.transaction.receipt_no.clone()),
            amount_minor: alert.amount_minor,
            lines: decisive_of(anchor, events),
            clock: alert.clock.words.clone(),
            no_still,
            still_url,
            link: format!("{}/alerts/{}", self.address, alert.alert_id),
            disposition: row.disposition,
            said: said.clone(),
        };
        (exception, still)
    }

    /// Where the picture of an alert is, or why there is none.
    async fn still(&self, store: &Store, alert: &Alert) -> (Option<StillAt>, Option<String>) {
        let mut why = "no camera looks at the register".to_owned();
        for Evidence { camera_id, event_at, note, .. } in &alert.evidence {
            let Some(camera) = camera_id else {
                why = note.clone().unwrap_or(why);
                continue;
            };
            let key = StreamKey::new(
                &StoreKey::new(store.tenant.clone(), store.id.clone()),
                camera.clone(),
                StreamKind::Main,
            );
            let still = match self.cameras.reader().await {
                Ok(reader) => reader.still(&key, *event_at).await,
                Err(error) => Err(error),
            };
            match still {
                Ok(taken) => return (Some(StillAt { key, at: *event_at, taken }), None),
                Err(error) => why = error.to_string(),
            }
        }
        (None, Some(why))
    }
}

/// A picture as a small JPEG. `None` when it cannot be decoded, which the log says.
pub(super) async fn picture(still: StillAt) -> Option<Vec<u8>> {
    let StillAt { key, at, taken } = still;
    let made = tokio::task::spawn_blocking(move || -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let whole = image::load_from_memory(&jpeg(&taken.codec, &taken.units, 95)?)?;
        let width = STILL_WIDTH.min(whole.width());
        let height = whole.height() * width / whole.width().max(1);
        let small = whole.resize_exact(width, height.max(1), FilterType::Triangle).into_rgb8();
        let mut bytes = Vec::new();
        small.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, STILL_QUALITY))?;
        Ok(bytes)
    });
    match made.await.map_err(Into::into).and_then(|made| made) {
        Ok(picture) => Some(picture),
        Err(error) => {
            tracing::warn!(%error, camera = %key, %at, "a picture is missing from a report");
            None
        }
    }
}

/// The lines that matter: those of the anchor, or where it has none (a drawer opened after a void) of the events with it.
fn decisive_of(anchor: Option<&PostedTransaction>, events: &[PostedTransaction]) -> Vec<DecisiveLine> {
    let of_anchor = anchor.map(|posted| decisive(&posted.transaction)).unwrap_or_default();
    if !of_anchor.is_empty() {
        return of_anchor;
    }
    events.iter().rev().map(|posted| decisive(&posted.transaction)).find(|lines| !lines.is_empty()).unwrap_or_default()
}

/// The lines that matter: those that are no plain sale, else the dearest.
fn decisive(transaction: &Transaction) -> Vec<DecisiveLine> {
    let special = |line: &Line| line.action != Action::Sale || line.price_override.is_some();
    let mut lines: Vec<&Line> = transaction.lines.iter().collect();
    lines.sort_by_key(|line| (!special(line), -line.extended_minor, line.line_no));
    lines
        .into_iter()
        .take(LINES)
        .map(|line| DecisiveLine {
            description: line.description.clone(),
            qty_milli: Some(line.qty_milli),
            extended_minor: Some(line.extended_minor),
            action: if line.price_override.is_some() {
                "PRICE_SET_BY_HAND".to_owned()
            } else {
                line.action.as_str().to_owned()
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_sale_comes_first_then_what_is_dear() {
        let mut transaction: Transaction =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/transaction.json")).unwrap();
        let line = transaction.lines[0].clone();
        let of = |line_no, action, extended_minor| Line {
            line_no,
            action,
            extended_minor,
            price_override: None,
            ..line.clone()
        };
        transaction.lines =
            vec![of(1, Action::Sale, 100), of(2, Action::Sale, 900), of(3, Action::Void, 5), of(4, Action::Sale, 500)];
        let shown: Vec<_> = decisive(&transaction).into_iter().map(|line| line.extended_minor).collect();
        assert_eq!(shown, [Some(5), Some(900), Some(500)]);
    }
}
