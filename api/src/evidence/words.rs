//! What people read in an evidence folder: the plain README, the receipt as text, and the receipt's lines at their times,
//! as subtitles of a clip.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use tillsight_ingest::record::Cue;
use tillsight_schemas::clip::ClipStatement;

use crate::http::{LineShown, TransactionShown};

/// How long the last line of a receipt stands beside the pictures.
const STANDS: TimeDelta = TimeDelta::seconds(6);
/// Width of a receipt, in letters.
const WIDTH: usize = 44;

/// An amount in the receipt's currency; in minor units where nobody said in which.
fn amount(minor: i64, transaction: &TransactionShown) -> String {
    transaction.currency.map_or_else(|| format!("{minor} (minor units)"), |currency| currency.format(minor))
}

/// A code as words: `NO_SALE` becomes `NO SALE`.
fn spelt(code: &str) -> String {
    code.replace('_', " ")
}

/// An instant in the store's time with its zone, and in UTC.
pub(crate) fn moment(at: DateTime<Utc>, tz: Tz) -> String {
    let local = at.with_timezone(&tz);
    format!("{} ({} UTC)", local.format("%Y-%m-%d %H:%M:%S%.3f %Z"), at.format("%Y-%m-%d %H:%M:%S%.3f"))
}

fn line_text(line: &LineShown, transaction: &TransactionShown) -> String {
    let what = line.description.as_deref().or(line.gtin.as_deref()).unwrap_or("item");
    let action = if line.action == "SALE" { String::new() } else { format!("{} ", spelt(&line.action)) };
    let quantity = if line.qty_milli == 1_000 {
        String::new()
    } else {
        format!("{}.{:03} x ", line.qty_milli / 1_000, line.qty_milli % 1_000)
    };
    format!("{action}{quantity}{what}  {}", amount(line.extended_minor, transaction))
}

/// The lines of a receipt at the times at which they were rung, by the camera's clock where the two could be aligned.
pub(crate) fn cues(transaction: &TransactionShown) -> Vec<Cue> {
    let kind = spelt(&transaction.kind);
    let mut cues: Vec<Cue> = transaction
        .lines
        .iter()
        .filter_map(|line| {
            let at = line.camera_at.or(line.at)?;
            Some(Cue { at, text: format!("{kind}: {}", line_text(line, transaction)) })
        })
        .collect();
    let end = transaction.camera_time.unwrap_or(transaction.event_time);
    let total = transaction.total_minor.map(|total| format!(" {}", amount(total, transaction))).unwrap_or_default();
    let number = transaction.receipt_no.as_deref().map(|number| format!("  no. {number}")).unwrap_or_default();
    cues.push(Cue { at: end, text: format!("{kind}{total}{number}") });
    cues.push(Cue { at: end + STANDS, text: String::new() });
    cues
}

/// A receipt to read.
pub(crate) fn receipt(transaction: &TransactionShown, tz: Tz) -> String {
    let mut text = format!("{}\n{}\n", spelt(&transaction.kind), "=".repeat(WIDTH));
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("{name:<12}{value}\n"));
        }
    };
    field("Store", Some(transaction.store_id.to_string()));
    field("Register", Some(transaction.register_id.to_string()));
    field("Operator", transaction.operator_id.as_ref().map(ToString::to_string));
    field("Approved by", transaction.supervisor_id.as_ref().map(ToString::to_string));
    field("Receipt", transaction.receipt_no.clone());
    field("Time", Some(moment(transaction.event_time, tz)));
    field("Till wrote", Some(transaction.event_time_raw.clone()));
    field("Training", transaction.training.then(|| "yes".to_owned()));
    text.push_str(&format!("{}\n", "-".repeat(WIDTH)));
    for line in &transaction.lines {
        text.push_str(&format!("{}\n", line_text(line, transaction)));
    }
    if transaction.lines.is_empty() {
        text.push_str("no lines\n");
    }
    text.push_str(&format!("{}\n", "-".repeat(WIDTH)));
    if let Some(total) = transaction.total_minor {
        text.push_str(&format!("{:<12}{}\n", "Total", amount(total, transaction)));
    }
    for tender in &transaction.tenders {
        let card = tender.pan_masked.as_deref().map(|card| format!("  {card}")).unwrap_or_default();
        let paid = amount(tender.amount_minor, transaction);
        text.push_str(&format!("{:<12}{paid} {}{card}\n", spelt(&tender.tender_type), tender.direction));
    }
    if let Some(printed) = &transaction.receipt_text {
        text.push_str(&format!("\nAs printed:\n{printed}\n"));
    }
    text
}

/// One line about a clip: what it shows, and how far its clock may be off.
pub(crate) fn clip(name: &str, statement: &ClipStatement, tz: Tz) -> String {
    let mut text = format!(
        "{name}\n  first picture  {}\n  last picture   {}\n  {} pictures, {}, {}x{}\n",
        moment(statement.first_frame_at, tz),
        moment(statement.last_frame_at, tz),
        statement.frames,
        statement.codec,
        statement.width,
        statement.height
    );
    for clock in &statement.clocks {
        let bound = clock.uncertainty_us.unsigned_abs().div_ceil(1_000);
        text.push_str(&format!("  its clock: {}, within {bound} ms\n", spelt(clock.source.as_str())));
    }
    for gap in &statement.gaps {
        text.push_str(&format!(
            "  NOT RECORDED from {} to {}: {}\n",
            moment(gap.start_at, tz),
            moment(gap.end_at, tz),
            spelt(gap.reason.as_str())
        ));
    }
    if statement.lost_packets > 0 {
        text.push_str(&format!("  {} packets of the camera were lost on the way\n", statement.lost_packets));
    }
    text
}

/// How to read and check a folder.
pub(crate) const HOW_TO_CHECK: &str = "\
How to check it
  Every file has the hash in SHA256SUMS, or it was changed or damaged since the list was written:
    Linux, macOS   sha256sum --check SHA256SUMS     (macOS: shasum -a 256 --check SHA256SUMS)
    Windows        Get-FileHash -Algorithm SHA256 *  in PowerShell, compared by eye
  Who changes a file could write the list anew: the audit of the system that saved it has the SHA-256 of the list.
  Clips are copies of what the camera sent, not coded anew. They play in any MP4 player; the receipt's lines are
  subtitles. A clip may hold a second of pictures before its first shown one, which a decoder needs; players skip them.
";
