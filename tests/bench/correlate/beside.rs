//! [`Beside`]: several programs answer the same question, one after the other, each in a process of its own on as many cores
//! as it is given. Their answers are compared before anything is said about what they took.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tillsight_tests::outside::cache;

use crate::sheet::{Bar, Peer, Row, median};

/// What a program said.
#[derive(Debug)]
pub(crate) struct Said {
    version: String,
    /// How many events it read.
    events: f64,
    /// Processor seconds of each run, children and all threads.
    pub(crate) seconds: Vec<f64>,
    wall: Vec<f64>,
    /// The most memory it had resident, in MiB.
    pub(crate) peak_mib: f64,
    /// What it found, a line each, in order.
    pub(crate) answer: String,
}

impl Said {
    /// Events a second of processor time, of each run.
    pub(crate) fn rates(&self) -> Vec<f64> {
        self.seconds.iter().map(|seconds| self.events / seconds).collect()
    }

    /// The middle one.
    pub(crate) fn rate(&self) -> f64 {
        median(&self.rates())
    }
}

/// A question, the answers, and who gave them.
#[derive(Debug)]
pub(crate) struct Beside {
    dir: TempDir,
    cores: usize,
    /// Who answered, ourselves first, or why they did not.
    answers: Vec<(String, Result<Said, String>)>,
}

impl Beside {
    /// Nobody was asked yet; everybody gets so many cores.
    pub(crate) fn on(cores: usize) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), cores, answers: Vec::new() }
    }

    /// Asks ourselves: a part of this program.
    pub(crate) fn ourselves(mut self, part: &[&str]) -> Self {
        let mut command = self.pinned(std::env::current_exe().unwrap());
        command.arg("--part").args(part);
        self.ask("Tillsight", command);
        self
    }

    /// Asks somebody else: a script in `tests/bench/peers`, in a way that it knows.
    pub(crate) fn peer(mut self, name: &str, script: &str, way: &str, of: &[&str]) -> Self {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/bench/peers"));
        let mut command = self.pinned(cache().join("peers/bin/python"));
        command.arg(folder.join(script)).arg(way).args(of).env("TILLSIGHT_CACHE", cache());
        command.env("TILLSIGHT_CORES", self.cores.to_string());
        self.ask(name, command);
        self
    }

    /// Says why somebody was not asked.
    pub(crate) fn without(mut self, name: &str, why: &str) -> Self {
        self.answers.push((name.to_owned(), Err(why.to_owned())));
        self
    }

    fn pinned(&self, program: PathBuf) -> Command {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(format!("0-{}", self.cores - 1)).arg(program);
        command
    }

    fn ask(&mut self, name: &str, mut command: Command) {
        let file = self.dir.path().join(self.answers.len().to_string());
        let said = command.arg(&file).stdin(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
        let text = String::from_utf8_lossy(&said.stdout);
        let line = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let answer = match line {
            Some(line) => read(&line, std::fs::read_to_string(file).unwrap_or_default()),
            None => Err(String::from_utf8_lossy(&said.stderr).lines().last().unwrap_or("it said nothing").to_owned()),
        };
        if let Err(why) = &answer {
            println!("    {name}: {why}");
        }
        self.answers.push((name.to_owned(), answer));
    }

    /// Our own answer.
    ///
    /// # Panics
    /// When there is none: that is no measurement but a defect.
    pub(crate) fn ours(&self) -> &Said {
        let (_, said) = &self.answers[0];
        said.as_ref().unwrap_or_else(|why| panic!("{why}"))
    }

    fn others(&self) -> impl Iterator<Item = (&str, &Result<Said, String>)> {
        self.answers.iter().skip(1).map(|(name, said)| (name.as_str(), said))
    }

    /// Who answers otherwise than we do.
    pub(crate) fn otherwise(&self) -> Vec<String> {
        let ours = self.ours();
        let differs = |(name, said): (&str, &Result<Said, String>)| {
            let said = said.as_ref().ok().filter(|said| said.answer != ours.answer)?;
            Some(format!(
                "{name} has {} in its answer, we {}",
                said.answer.lines().count(),
                ours.answer.lines().count()
            ))
        };
        self.others().filter_map(differs).collect()
    }

    /// How many times as fast we are as the fastest of those whose name begins like this.
    pub(crate) fn times(&self, name: &str) -> f64 {
        let theirs = self.others().filter(|(other, _)| other.starts_with(name));
        let best = theirs.filter_map(|(_, said)| Some(said.as_ref().ok()?.rate())).fold(f64::NAN, f64::max);
        self.ours().rate() / best
    }

    /// Events a second of processor time of one of them; no number when it has none.
    pub(crate) fn rate_of(&self, name: &str) -> f64 {
        let theirs = self.answers.iter().find(|(other, _)| other == name);
        theirs.and_then(|(_, said)| Some(said.as_ref().ok()?.rate())).unwrap_or(f64::NAN)
    }

    /// What the others said.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let peer = |(name, said): (&str, &Result<Said, String>)| match said {
            Ok(said) => Peer {
                name: name.to_owned(),
                version: said.version.clone(),
                value: Some(said.rate()),
                ratio: Some(self.ours().rate() / said.rate()),
                note: format!("peak {:.0} MiB", said.peak_mib),
            },
            Err(why) => {
                Peer { name: name.to_owned(), version: String::new(), value: None, ratio: None, note: why.clone() }
            }
        };
        self.others().map(peer).collect()
    }

    /// A row of how many events we take a second of processor time; without a value where somebody answers otherwise.
    pub(crate) fn rate_row(&self, name: &'static str, what: &str, unit: &'static str, bar: Option<Bar>) -> Row {
        let ours = self.ours();
        let wall = median(&ours.wall.iter().map(|wall| ours.events / wall).collect::<Vec<_>>());
        let note = format!(
            "{} in the answer; {:.0} events; {:.0} a second of wall time on {} core(s); peak {:.0} MiB",
            ours.answer.lines().count(),
            ours.events,
            wall,
            self.cores,
            ours.peak_mib
        );
        self.valid(Row { name, what: what.to_owned(), value: ours.rate(), samples: ours.rates(), unit, bar, note })
    }

    /// A row of how many times as fast we are as the fastest of these.
    pub(crate) fn times_row(&self, name: &'static str, what: &str, peer: &str, bar: Bar) -> Row {
        let value = self.times(peer);
        let note = if value.is_nan() { "nobody to compare with" } else { "processor time over processor time" };
        self.valid(Row {
            name,
            what: what.to_owned(),
            value,
            samples: vec![value],
            unit: "times",
            bar: Some(bar),
            note: note.to_owned(),
        })
    }

    fn valid(&self, row: Row) -> Row {
        let otherwise = self.otherwise();
        if otherwise.is_empty() {
            return row;
        }
        Row { value: f64::NAN, note: format!("invalid: {}", otherwise.join("; ")), ..row }
    }
}

/// Reads what a program said.
fn read(line: &Value, answer: String) -> Result<Said, String> {
    if let Some(why) = line["cannot"].as_str() {
        return Err(why.to_owned());
    }
    let numbers =
        |name: &str| -> Vec<f64> { line[name].as_array().into_iter().flatten().filter_map(Value::as_f64).collect() };
    let (seconds, wall) = (numbers("seconds"), numbers("wall"));
    if seconds.is_empty() {
        return Err("it says nothing of its time".to_owned());
    }
    Ok(Said {
        version: line["version"].as_str().unwrap_or_default().to_owned(),
        events: line["events"].as_f64().unwrap_or(f64::NAN),
        seconds,
        wall,
        peak_mib: line["peak_mib"].as_f64().unwrap_or(f64::NAN),
        answer,
    })
}
