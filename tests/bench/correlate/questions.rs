//! Rows `b0` to `b3`: the same question to our engine and to others.
//!
//! Over history everybody has the same rows in memory, presence in stretches of one state; an event is a transaction, a payment or
//! such a stretch (`_files`: everybody reads the Parquet files, and a tile is an event). Live everybody has decoded records in
//! memory, and an event is a transaction, each of its lines and payments, or a tile, whether somebody needs it or not.
//!
//! Others are timed by what they take of a processor until they have the ids of what they found. Ours in memory is what the rule takes
//! by the clock on the wall while nothing else runs, with judgements, alerts and evidence made. Who
//! cannot express a question is listed with the reason.

use std::io::Write as _;
use std::path::Path;

use tokio::runtime::Runtime;

use super::beside::Beside;
use super::feed::Feed;
use super::{kept, part};
use crate::sheet::{Bar, Row, Sheet};

/// Ten hours of twelve stores: two million tiles.
const HISTORY: Feed = Feed { stores: 12, minutes: 600, tile: 5 };
/// The same without cameras.
const HISTORY_TILLS: Feed = Feed { tile: 0, ..HISTORY };
/// Five minutes of a hundred stores, and the same with tills only for longer.
const LIVE: Feed = Feed { stores: 100, minutes: 5, tile: 1 };
const TILLS: Feed = Feed { stores: 100, minutes: 60, tile: 0 };
/// A long shift of four stores.
const SHIFT: Feed = Feed { stores: 4, minutes: 600, tile: 0 };
/// How much integrators send.
const LANDED: &str = "120";

const NO_SEQUENCE: &str = "its SQL has neither LAG nor MATCH_RECOGNIZE over streams";
const NO_TEXT: &str = "a program, not a text: see b1_live";

/// The words that say which feed a part makes.
fn size(feed: Feed) -> [String; 3] {
    [feed.stores, feed.minutes, feed.tile].map(|number| number.to_string())
}

/// Asks about history.
fn over(runtime: &Runtime, rule: &str, counted: &str, feed: Feed, cores: usize, ways: &[(&str, &str, &str)]) -> Beside {
    let lake = kept::lake(runtime, feed).display().to_string();
    let [stores, minutes, tile] = size(feed);
    let asked = Beside::on(cores).ourselves(&["backtest", rule, counted, &stores, &minutes, &tile]);
    ways.iter().fold(asked, |asked, (name, script, way)| asked.peer(name, script, way, &[&lake]))
}

/// Asks live.
fn live(runtime: &Runtime, rule: &str, counted: &str, feed: Feed, ways: &[(&str, &str, &str)]) -> Beside {
    let lake = kept::lake(runtime, feed).display().to_string();
    let [stores, minutes, tile] = size(feed);
    let asked = Beside::on(1).ourselves(&["live", rule, counted, &stores, &minutes, &tile]);
    ways.iter().fold(asked, |asked, (name, script, way)| asked.peer(name, script, way, &[&lake]))
}

pub(crate) fn decode(sheet: &mut Sheet) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("landed.jsonl");
    write(&file);
    let file = file.display().to_string();
    let avro = Beside::on(1).ourselves(&["decode", "avro", LANDED]);
    let what = "landing records in Avro into columns";
    sheet.row(&avro.rate_row("b0_avro", what, "lines/s/core", Some(Bar::AtLeast(1e6))));
    let json = Beside::on(1)
        .ourselves(&["decode", "json", LANDED])
        .peer("Flink json", "flink_peer.py", "decode", &[&file])
        .peer("DuckDB read_json", "duckdb_peer.py", "decode", &[&file]);
    let what = "the same in JSON";
    sheet.row_beside(&json.rate_row("b0_json", what, "lines/s/core", None), &json.peers());
    sheet.row(&json.times_row("b0_json_flink", "the same, over Flink's JSON format", "Flink", Bar::AtLeast(5.0)));
}

/// What integrators send, as JSON, a record a line.
fn write(file: &Path) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file).unwrap());
    for one in part::landed(LANDED.parse().unwrap()) {
        serde_json::to_writer(&mut out, &one).unwrap();
        out.write_all(b"\n").unwrap();
    }
    out.flush().unwrap();
}

pub(crate) fn refund(sheet: &mut Sheet, runtime: &Runtime) {
    let ways = [
        ("DuckDB same text", "duckdb_peer.py", "refund"),
        ("DuckDB NOT EXISTS", "duckdb_peer.py", "refund-not-exists"),
        ("DuckDB buckets", "duckdb_peer.py", "refund-buckets"),
        ("DuckDB ASOF", "duckdb_peer.py", "refund-asof"),
        ("Polars join_asof", "polars_peer.py", "refund"),
    ];
    let asked = over(runtime, "refund", "memory", HISTORY, 1, &ways);
    let what = "refunds with nobody at the counter over ten hours of 12 stores, columns in memory";
    let row = asked.rate_row("b1_backtest", what, "events/s/core", Some(Bar::AtLeast(25e6)));
    sheet.row_beside(&row, &asked.peers());
    let what = "the same, over the fastest of all others";
    sheet.row(&asked.times_row("b1_backtest_best", what, "", Bar::AtLeast(1.3)));
    let what = "the same, over DuckDB with the text of the rule";
    sheet.row(&asked.times_row("b1_backtest_text", what, "DuckDB same text", Bar::AtLeast(2.5)));
    let two = over(runtime, "refund", "memory", HISTORY, 2, &ways);
    let what = "the same on two cores";
    sheet.row_beside(&two.rate_row("b1_backtest_2", what, "events/s/core", None), &two.peers());
    let files = [("DuckDB same text", "duckdb_peer.py", "refund-files")];
    let files = over(runtime, "refund", "files", HISTORY, 1, &files);
    let what = "the same from the Parquet files of the lake to judgements";
    sheet.row_beside(&files.rate_row("b1_backtest_files", what, "events/s/core", None), &files.peers());

    let ways = [("Flink SQL interval join", "flink_peer.py", "refund"), ("bytewax", "bytewax_peer.py", "refund")];
    let asked = live(runtime, "refund", "engine", LIVE, &ways);
    let what = "refunds with nobody at the counter, 100 stores, ticks of 1 s, without decoding";
    let row = asked.rate_row("b1_live", what, "events/s/core", Some(Bar::AtLeast(10e6)));
    sheet.row_beside(&row, &asked.peers());
    sheet.row(&asked.times_row("b1_live_flink", "the same, over Flink SQL", "Flink", Bar::AtLeast(30.0)));
    sheet.row(&asked.times_row("b1_live_bytewax", "the same, over bytewax", "bytewax", Bar::AtLeast(5.0)));
    let decoding = live(runtime, "refund", "decoding", LIVE, &[]);
    sheet.row(&decoding.rate_row("b1_live_decoding", "the same with decoding of Avro", "events/s/core", None));
}

pub(crate) fn sequence(sheet: &mut Sheet, runtime: &Runtime) {
    let ways = [
        ("DuckDB lag()", "duckdb_peer.py", "sequence-lag"),
        ("DuckDB same text", "duckdb_peer.py", "sequence"),
        ("Polars shift", "polars_peer.py", "sequence"),
    ];
    let asked = over(runtime, "sequence", "memory", HISTORY_TILLS, 1, &ways);
    let what = "a sale paid in cash and voided within 60 s, over ten hours of 12 stores, columns in memory";
    let row = asked.rate_row("b2_sequence", what, "events/s/core", Some(Bar::AtLeast(15e6)));
    sheet.row_beside(&row, &asked.peers());
    let what = "the same, over DuckDB's lag()";
    sheet.row(&asked.times_row("b2_sequence_lag", what, "DuckDB lag()", Bar::AtLeast(1.0)));

    let ways = [("Flink MATCH_RECOGNIZE", "flink_peer.py", "sequence")];
    let asked = live(runtime, "sequence", "engine", TILLS, &ways).without("bytewax", NO_TEXT);
    let asked = asked.without("Arroyo, RisingWave", NO_SEQUENCE);
    let what = "the same live, 100 stores, without decoding";
    let row = asked.rate_row("b2_sequence_live", what, "events/s/core", Some(Bar::AtLeast(3e6)));
    sheet.row_beside(&row, &asked.peers());
    let what = "the same, over Flink's MATCH_RECOGNIZE";
    sheet.row(&asked.times_row("b2_sequence_flink", what, "Flink", Bar::AtLeast(8.0)));
}

pub(crate) fn sliding(sheet: &mut Sheet, runtime: &Runtime) {
    let ways = [("DuckDB window functions", "duckdb_peer.py", "sliding-8"), ("Flink OVER", "flink_peer.py", "over-8")];
    let long = live(runtime, "sliding-8", "engine", SHIFT, &ways);
    let short =
        live(runtime, "sliding-1", "engine", SHIFT, &[("DuckDB window functions", "duckdb_peer.py", "sliding-1")]);
    let cost = |asked: &Beside| crate::sheet::median(&asked.ours().seconds);
    let ratio = cost(&long) / cost(&short);
    let otherwise = [long.otherwise(), short.otherwise()].concat();
    let what = "voids of an operator beside those of the store, 8 h, over the cost of the same over 1 h, live";
    let value = if otherwise.is_empty() { ratio } else { f64::NAN };
    let note = format!("{:.2} s and {:.2} s of processor time; {}", cost(&long), cost(&short), otherwise.join("; "));
    let row = Row {
        name: "b3_sliding",
        what: what.to_owned(),
        value,
        samples: vec![ratio],
        unit: "times",
        bar: Some(Bar::AtMost(1.2)),
        note,
    };
    sheet.row_beside(&row, &long.peers());
    // A hopping window says it for the minute in which it ends, not for the void: its answer is compared with DuckDB's for minutes.
    let lake = kept::lake(runtime, SHIFT).display().to_string();
    let hop = Beside::on(1).peer("DuckDB minutes", "duckdb_peer.py", "hop-8", &[&lake]).peer(
        "Flink HOP",
        "flink_peer.py",
        "hop-8",
        &[&lake],
    );
    let value = long.ours().rate() / hop.rate_of("Flink HOP");
    let same = hop.otherwise();
    sheet.row_beside(
        &Row {
            name: "b3_sliding_flink",
            what: "the same over 8 h, over Flink's HOP of a minute".to_owned(),
            value: if same.is_empty() { value } else { f64::NAN },
            samples: vec![value],
            unit: "times",
            bar: Some(Bar::AtLeast(10.0)),
            note: if same.is_empty() { String::new() } else { format!("invalid: {}", same.join("; ")) },
        },
        &hop.peers(),
    );
}
