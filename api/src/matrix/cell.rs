//! [`judge`]: whether a rule could judge in a store at this moment, and why not. A pure function of what is known of the store.
//!
//! A rule can judge at a register when its records have what the rule needs and, for a rule about presence, a zone of the kind
//! looks at it that is seen. Registers without a record for a day do not count. Live is a rule that can judge at every
//! register, blind one that can at none.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tillsight_correlate::rule::Header;
use tillsight_schemas::codes;
use tillsight_schemas::id::{RegisterId, RuleId, StoreId};
use tillsight_schemas::presence::Blind;
use tillsight_schemas::zone::ZoneKind;

use crate::feed::Lack;
use crate::http::answer::answer;

codes! {
    /// How a rule sees in a store.
    pub enum SightState {
        /// It can judge at every register.
        Live = "live",
        /// It can judge, but not at every register or not each record.
        Degraded = "degraded",
        /// It can judge nothing.
        Blind = "blind",
        /// Somebody has switched it off there.
        Off = "off",
    }
}

answer! {
    /// Why a rule cannot judge, and what to do about it.
    #[derive(PartialEq, Eq, serde::Deserialize)]
    struct SightReason {
        /// `missing_field`, `missing_sometimes`, `no_zone`, `no_cameras`, `camera_` and why nothing is seen, `tills_silent`,
        /// `switched_off`, `rule_failed`, or what else the rule said.
        code: String,
        /// The same in a sentence.
        words: String,
        /// What puts it right.
        cure: String,
        /// The registers where it is so; none where it is so in the whole store.
        registers: Vec<RegisterId>,
        /// Since when, where that is known.
        since: Option<DateTime<Utc>>,
    }
}

/// A zone that looks at a register.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) kind: ZoneKind,
    /// What people call its camera.
    pub(super) camera: String,
    /// Why nothing is seen in it; nothing where something is.
    pub(super) dark: Option<Dark>,
}

/// That nothing is seen in a zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dark {
    /// Why; nothing where nobody says anything of the zone.
    pub(super) why: Option<Blind>,
    /// Since when.
    pub(super) since: Option<DateTime<Utc>>,
}

/// A register whose records came within the last day.
#[derive(Debug, Clone, Default)]
pub(super) struct Till {
    /// What its records lack, by rule and field.
    pub(super) lacks: BTreeMap<(RuleId, String), Lack>,
    /// The zones that look at it.
    pub(super) zones: Vec<Watched>,
}

/// A store at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Shop {
    /// Whether it has cameras.
    pub(super) cameras: bool,
    /// When its last record came, as far as that is remembered.
    pub(super) heard_at: Option<DateTime<Utc>>,
    /// Its registers.
    pub(super) tills: BTreeMap<RegisterId, Till>,
}

/// How a rule sees in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) state: SightState,
    /// Why it is not live; what concerns most registers first.
    pub(super) reasons: Vec<SightReason>,
}

/// Something that keeps a rule from judging at a register.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// A field is gone: what is missing, in words.
    Gone(String),
    /// A field is missing now and then.
    Sometimes(String),
    /// The store has no cameras.
    NoCameras,
    /// No zone of this kind looks there.
    NoZone(ZoneKind),
    /// A camera sees nothing there.
    Dark(String, Option<Blind>),
}

impl Cause {
    /// Whether nothing can be judged at the register.
    fn blinds(&self) -> bool {
        !matches!(self, Self::Sometimes(_))
    }

    fn code(&self) -> String {
        match self {
            Self::Gone(_) => "missing_field".to_owned(),
            Self::Sometimes(_) => "missing_sometimes".to_owned(),
            Self::NoCameras => "no_cameras".to_owned(),
            Self::NoZone(_) => "no_zone".to_owned(),
            Self::Dark(_, why) => format!("camera_{}", why.map_or("silent", Blind::as_str)),
        }
    }

    fn words(&self, at: &str) -> String {
        match self {
            Self::Gone(what) => format!("{at}: {what}."),
            Self::Sometimes(what) => format!("{at}: {what} in some records."),
            Self::NoCameras => "The store has no camera.".to_owned(),
            Self::NoZone(kind) => format!("{at}: no {kind} zone looks there."),
            Self::Dark(camera, why) => format!("{at}: {}.", dark(camera, *why)),
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::Gone(_) | Self::Sometimes(_) => {
                "Have the till's software send it: Set up, Feeds shows the records, docs/integrators.md the fields."
            }
            Self::NoCameras => {
                "Add a camera in Set up, Cameras, or switch the rule off for this store in Set up, Rules."
            }
            Self::NoZone(_) => {
                "Draw the zone on a camera's picture in Set up, Cameras, and name the register as the till does."
            }
            Self::Dark(_, why) => match why {
                Some(Blind::NoSignal) => "Look at the camera's power, cable and address: Set up, Cameras, tests it.",
                Some(Blind::Frozen) => "Start the camera again: it sends the same picture.",
                Some(Blind::Covered) => "Clean or uncover the lens, and look at the light.",
                Some(Blind::Shed) => "The machine cannot look at all cameras: docs/runbooks.md#tillsightanalyticsshed.",
                Some(Blind::Undecodable) => "Give the camera a sub-stream in H.264: Set up, Cameras.",
                Some(Blind::Lost | Blind::Motion) => {
                    "Something moves there that is not taken for a person: look at the picture, move the camera or redraw the zone."
                }
                Some(Blind::Starting) | None => {
                    "Nothing is said of the zone: `tillsight check`, and the log of `analytics`."
                }
            },
        }
    }
}

/// What is wrong with a camera's view of a zone, as a part of a sentence.
fn dark(camera: &str, why: Option<Blind>) -> String {
    match why {
        Some(Blind::Starting) => format!("{camera} is only beginning to be looked at"),
        Some(Blind::NoSignal) => format!("no picture comes from {camera}"),
        Some(Blind::Frozen) => format!("the picture of {camera} is frozen"),
        Some(Blind::Covered) => format!("the picture of {camera} is black or covered"),
        Some(Blind::Shed) => format!("too few pictures of {camera} are looked at"),
        Some(Blind::Lost) => format!("somebody is lost in the picture of {camera}"),
        Some(Blind::Motion) => format!("something moves in the picture of {camera} and is not recognised"),
        Some(Blind::Undecodable) => format!("the pictures of {camera} cannot be decoded"),
        None => format!("nothing is said of what {camera} sees"),
    }
}

/// Judges a rule in a store. `off`: somebody has switched it off there.
pub(super) fn judge(header: &Header, shop: &Shop, off: bool) -> Cell {
    if off {
        return Cell { state: SightState::Off, reasons: vec![switched_off()] };
    }
    if shop.tills.is_empty() {
        return Cell { state: SightState::Blind, reasons: vec![tills_silent(shop.heard_at)] };
    }
    let mut all: BTreeMap<Cause, (Vec<RegisterId>, Option<DateTime<Utc>>)> = BTreeMap::new();
    let (mut blind, mut hindered) = (0, 0);
    for (register, till) in &shop.tills {
        let causes = causes(header, shop, till);
        blind += usize::from(causes.iter().any(|(cause, _)| cause.blinds()));
        hindered += usize::from(!causes.is_empty());
        for (cause, since) in causes {
            let (registers, first) = all.entry(cause).or_insert_with(|| (Vec::new(), since));
            registers.push(register.clone());
            *first = [*first, since].into_iter().flatten().min();
        }
    }
    let state = match (blind, hindered) {
        (_, 0) => SightState::Live,
        (blind, _) if blind == shop.tills.len() => SightState::Blind,
        _ => SightState::Degraded,
    };
    let mut reasons: Vec<SightReason> = all
        .into_iter()
        .map(|(cause, (registers, since))| SightReason {
            code: cause.code(),
            words: cause.words(&named(&registers)),
            cure: cause.cure().to_owned(),
            registers,
            since,
        })
        .collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.registers.len()));
    Cell { state, reasons }
}

/// What keeps a rule from judging at a register, each with since when. One dark zone of several is enough: nobody can be seen
/// to be absent then.
fn causes(header: &Header, shop: &Shop, till: &Till) -> Vec<(Cause, Option<DateTime<Utc>>)> {
    let mut causes = Vec::new();
    for need in &header.needed {
        if let Some(lack) = till.lacks.get(&(header.id.clone(), need.field.clone())) {
            let cause = if lack.gone { Cause::Gone(need.words()) } else { Cause::Sometimes(need.words()) };
            causes.push((cause, Some(lack.since)));
        }
    }
    for kind in &header.watched {
        let zones: Vec<&Watched> = till.zones.iter().filter(|zone| zone.kind == *kind).collect();
        match zones.as_slice() {
            [] if !shop.cameras => causes.push((Cause::NoCameras, None)),
            [] => causes.push((Cause::NoZone(*kind), None)),
            zones => causes.extend(zones.iter().filter_map(|zone| {
                let dark = zone.dark?;
                Some((Cause::Dark(zone.camera.clone(), dark.why), dark.since))
            })),
        }
    }
    // The same camera may see several zones of a register.
    causes.sort();
    causes.dedup_by(|other, one| other.0 == one.0);
    causes
}

fn switched_off() -> SightReason {
    SightReason {
        code: "switched_off".to_owned(),
        words: "The rule is switched off here.".to_owned(),
        cure: "Set up, Rules says by whom, why and until when.".to_owned(),
        registers: Vec::new(),
        since: None,
    }
}

fn tills_silent(since: Option<DateTime<Utc>>) -> SightReason {
    SightReason {
        code: "tills_silent".to_owned(),
        words: "No record of any till came within a day.".to_owned(),
        cure: "Set up, Feeds says when each register was heard and what was rejected; then ask who sends the records."
            .to_owned(),
        registers: Vec::new(),
        since,
    }
}

/// A rule that said of late that it could not judge, for a reason that is not seen otherwise.
pub(super) fn said(why: &str, since: DateTime<Utc>) -> SightReason {
    let (words, cure) = if why == "rule_failed" {
        ("The rule itself failed on events of the last hour.".to_owned(), "docs/runbooks.md#tillsightrulefails.")
    } else {
        let why = why.replace('_', " ");
        (format!("The rule could not judge within the last hour: {why}."), "Alerts, Could not see lists the events.")
    };
    SightReason { code: why.to_owned(), words, cure: cure.to_owned(), registers: Vec::new(), since: Some(since) }
}

/// `Register 1`, `Registers 1, 2 and 3`, `Registers 1, 2, 3, 4 and 8 more`.
pub(super) fn named(registers: &[RegisterId]) -> String {
    const SHOWN: usize = 4;
    let list = |some: &[RegisterId]| some.iter().map(RegisterId::as_str).collect::<Vec<_>>().join(", ");
    match registers {
        [] => "Everywhere".to_owned(),
        [one] => format!("Register {one}"),
        [first @ .., last] if registers.len() <= SHOWN + 1 => format!("Registers {} and {last}", list(first)),
        many => {
            let (first, rest) = many.split_at(SHOWN);
            format!("Registers {} and {} more", list(first), rest.len())
        }
    }
}

answer! {
    /// A rule in a store.
    struct SightCell {
        /// The shop.
        store_id: StoreId,
        /// The rule.
        rule_id: RuleId,
        /// How it sees.
        state: SightState,
        /// Since when it is so.
        since: DateTime<Utc>,
        /// Whether it is on trial: it judges, and sends nothing.
        trial: bool,
        /// Why it is not live; none where it is.
        reasons: Vec<SightReason>,
    }
}

#[cfg(test)]
#[path = "cell_tests.rs"]
mod tests;
