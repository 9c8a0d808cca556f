//! What the running system says about itself, read from its metrics.

use tillsight_schemas::metric;

use super::Result;
use crate::config::Config;
use crate::telemetry;

/// Counts since the processes started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Readings {
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    pub(super) rejected: u64,
    /// Rows in the lake.
    pub(super) rows: u64,
    /// Lines of receipts in the lake.
    pub(super) lines: u64,
    /// Seconds of video on disk, of all cameras.
    pub(super) recorded_seconds: u64,
    /// Seconds that are declared as gaps.
    pub(super) gap_seconds: u64,
    /// Pictures that the detector looked at.
    pub(super) looks: u64,
    /// Pictures that were due for a look and got none.
    pub(super) shed: u64,
}

impl Readings {
    /// Reads them now; they are at most two seconds old.
    pub(super) async fn of(config: &Config) -> Result<Self> {
        let text = telemetry::joined(&config.data.dir).await?;
        let outcome = |name: &str| total(&text, metric::POS_RECORDS, &format!("outcome=\"{name}\""));
        Ok(Self {
            accepted: outcome("accepted"),
            duplicates: outcome("duplicate"),
            rejected: outcome("rejected"),
            rows: total(&text, metric::LAKE_ROWS, ""),
            lines: total(&text, metric::LAKE_ROWS, "table=\"pos_lines\""),
            recorded_seconds: total(&text, metric::RECORDED_SECONDS, ""),
            gap_seconds: total(&text, metric::RECORDING_GAP_SECONDS, ""),
            looks: total(&text, metric::VISION_LOOKS, ""),
            shed: total(&text, metric::VISION_SHED, ""),
        })
    }

    /// Records that were judged.
    pub(super) fn records(&self) -> u64 {
        self.accepted + self.duplicates + self.rejected
    }
}

/// The sum of a metric's samples that carry a label.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts and seconds of a demo")]
fn total(text: &str, name: &str, label: &str) -> u64 {
    let samples = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
    samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>().round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_a_metric_are_added_up() {
        let text = "# TYPE a counter\na{outcome=\"ok\",p=\"1\"} 3\na{outcome=\"ok\",p=\"2\"} 4\na{outcome=\"bad\"} 9\n";
        assert_eq!(total(text, "a", "outcome=\"ok\""), 7);
        assert_eq!(total("seconds 1.25\nseconds 1.5\n", "seconds", ""), 3);
    }
}
