//! [`Sheet`]: the results of one area, printed and written to `target/bench/<area>.json`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::machine;

/// What a value is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    /// Not more.
    AtMost(f64),
    /// Not less.
    AtLeast(f64),
}

impl Bar {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(most) => format!("<= {most}"),
            Self::AtLeast(least) => format!(">= {least}"),
        }
    }
}

/// Whether a value holds against a bar as it was written down; `None` when that cannot be read.
pub(crate) fn holds(value: f64, bar: &str) -> Option<bool> {
    let (sign, number) = bar.split_once(' ')?;
    let number: f64 = number.parse().ok()?;
    match sign {
        "<=" => Some(Bar::AtMost(number).holds(value)),
        ">=" => Some(Bar::AtLeast(number).holds(value)),
        _ => None,
    }
}

/// One measured value: the median of its samples, or what `what` says.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its short name, which stays the same.
    pub(crate) name: &'static str,
    /// What was measured.
    pub(crate) what: String,
    /// All samples.
    pub(crate) samples: Vec<f64>,
    /// The value; no number when there is none.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What it is held against.
    pub(crate) bar: Option<Bar>,
    /// What one must know to read it.
    pub(crate) note: String,
}

/// Somebody else's answer to the same question.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Who, and in which formulation.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its value, in the unit of the row; `None` where there is none.
    pub(crate) value: Option<f64>,
    /// Ours over its.
    pub(crate) ratio: Option<f64>,
    /// What one must know to read it, or why there is no value.
    pub(crate) note: String,
}

/// The results of one area.
#[derive(Debug)]
pub(crate) struct Sheet {
    area: &'static str,
    started: String,
    machine: Value,
    rows: Vec<Value>,
}

impl Sheet {
    /// An empty one; the load of the machine is that of now.
    pub(crate) fn new(area: &'static str) -> Self {
        println!("{area}");
        Self { area, started: machine::now(), machine: machine::describe(), rows: Vec::new() }
    }

    /// Adds a value.
    pub(crate) fn row(&mut self, row: &Row) {
        self.row_beside(row, &[]);
    }

    /// Adds a value, and those of others beside it. A value that is no number was not measured, or is invalid: it does not hold.
    pub(crate) fn row_beside(&mut self, row: &Row, peers: &[Peer]) {
        let holds = row.bar.map(|bar| bar.holds(row.value));
        let bar = row.bar.map(Bar::text);
        let verdict = match holds {
            Some(true) => "holds",
            Some(false) => "DOES NOT HOLD",
            None => "",
        };
        println!(
            "  {:<22} {:>14.3} {:<14} {:<12} {verdict:<14} {}",
            row.name,
            row.value,
            row.unit,
            bar.clone().unwrap_or_default(),
            row.what
        );
        for peer in peers {
            let value = peer.value.map_or_else(|| peer.note.clone(), |value| format!("{value:.3}"));
            println!("      {:<32} {value}", format!("{} {}", peer.name, peer.version));
        }
        let peers = peers.iter().map(|peer| {
            let Peer { name, version, value, ratio, note } = peer;
            json!({ "name": name, "version": version, "value": value, "ratio": ratio, "note": note })
        });
        self.rows.push(json!({
            "name": row.name,
            "what": row.what,
            "command": format!("make bench AREA={}", self.area),
            "samples": row.samples,
            "value": row.value,
            "unit": row.unit,
            "bar": bar,
            "holds": holds,
            "peers": peers.collect::<Vec<_>>(),
            "note": row.note,
        }));
    }

    /// Writes the file.
    pub(crate) fn write(&self) {
        let sheet = json!({
            "area": self.area,
            "started": self.started,
            "git": machine::commit(),
            "machine": self.machine,
            "results": self.rows,
        });
        let path = folder().join(format!("{}.json", self.area));
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&path, format!("{sheet:#}\n")).unwrap();
        println!("  {}", path.display());
    }
}

/// Where the files are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/bench")
}

/// The middle value.
pub(crate) fn median(samples: &[f64]) -> f64 {
    quantile(samples, 500)
}

/// The value that this part (of a thousand) of the samples does not exceed.
pub(crate) fn quantile(samples: &[f64], permille: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * permille).div_ceil(1_000).max(1) - 1]
}
