//! Which alerts people are told of: the best of each store's day, what is critical, and a few by chance of the rest.
//!
//! An alert is sent when it is critical; or when it is severe enough, its rule is not held back, and it is expected to be
//! among the best of its store's business day ([`budget`]). Everything else can be browsed. One in twenty of what is held
//! back is picked at random and shown as well, so that it is known how often a rule is right ([`precision`]), and one that
//! was held back because it was wrong too often can recover. A rule on trial sends nothing at all.
//!
//! Decisions are a function of the alerts that came before, of nothing else: no clock and no dice. What was decided stays:
//! a revision is not sent again, but one that has become critical is sent at last.

pub(crate) mod budget;
pub(crate) mod precision;

use tillsight_schemas::alert::Severity;
use tillsight_schemas::codes;
use uuid::Uuid;

use budget::{Day, Rival};
pub use precision::{Decisions, Precision};

/// Of what is held back, so many in a thousand are shown.
pub(crate) const PICKED_PERMILLE: i64 = 50;
/// What an alert without an amount counts as, in minor units.
const NO_AMOUNT: i64 = 2_000;
/// What is critical is worth more than any amount.
const CRITICAL: i64 = 1 << 60;

codes! {
    /// Why an alert was sent, or held back.
    pub enum Sending {
        /// It was sent. Why is not said: it is older than the budget, or who asks does not see every alert.
        Sent = "sent",
        /// It was sent: severe enough, and expected to be among the best of its store's day.
        Threshold = "threshold",
        /// It was sent because it is critical.
        Critical = "critical",
        /// It was held back: less severe than what is sent.
        Severity = "severity",
        /// It was held back: others of its store's day were expected to be worth more.
        Budget = "budget",
        /// It was held back: its rule was wrong too often.
        Demoted = "demoted",
        /// It was held back: its rule is on trial.
        Shadow = "shadow",
    }
}

impl Sending {
    /// Whether it was sent.
    pub fn is_sent(self) -> bool {
        matches!(self, Self::Sent | Self::Threshold | Self::Critical)
    }
}

/// What was decided about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Why it was sent, or held back.
    pub why: Sending,
    /// It is shown all the same, picked at random with this chance in thousandths; 0 when it was not.
    pub picked_permille: i64,
}

impl Told {
    /// Whether people are told of it.
    pub fn is_shown(self) -> bool {
        self.why.is_sent() || self.picked_permille > 0
    }

    /// As those are told who do not see every alert: that others took the place of one, or were decided, would tell of
    /// them. What depends on the alert and the set-up alone stays.
    #[must_use]
    pub fn alone(self) -> Self {
        match self.why {
            Sending::Severity | Sending::Shadow => self,
            _ => Self { why: Sending::Sent, picked_permille: 0 },
        }
    }

    /// What becomes of it when the alert is amended.
    pub(crate) fn amended(self, severity: Severity) -> Self {
        match self.why {
            Sending::Severity | Sending::Budget | Sending::Demoted if severity == Severity::Critical => {
                Self { why: Sending::Critical, picked_permille: 0 }
            }
            _ => self,
        }
    }
}

/// A new alert, as far as it decides whether it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) id: Uuid,
    pub(crate) severity: Severity,
    /// Whether its rule is on trial.
    pub(crate) shadow: bool,
    /// Whether its rule is held back.
    pub(crate) demoted: bool,
    pub(crate) rival: Rival,
}

/// Decides about a new alert of a store's day, in the order of events.
pub(crate) fn decide(alert: &Candidate, from: Severity, day: &mut Day) -> Told {
    let why = if alert.shadow {
        Sending::Shadow
    } else if alert.severity == Severity::Critical {
        day.spend(alert.rival);
        Sending::Critical
    } else if alert.severity < from {
        Sending::Severity
    } else if alert.demoted {
        Sending::Demoted
    } else if day.takes(alert.rival) {
        Sending::Threshold
    } else {
        Sending::Budget
    };
    let picked = !why.is_sent() && why != Sending::Shadow && is_picked(alert.id);
    Told { why, picked_permille: if picked { PICKED_PERMILLE } else { 0 } }
}

/// Whether chance picks an alert: always the same for the same id (the mixing of `SplitMix64`, over its last 64 bits).
pub(crate) fn is_picked(id: Uuid) -> bool {
    let (_, last) = id.as_u64_pair();
    let mut mixed = last.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed = (mixed ^ (mixed >> 31)) % 1_000;
    i64::try_from(mixed).is_ok_and(|thousandth| thousandth < PICKED_PERMILLE)
}

/// What an alert is worth: what it is expected to come to by `expected`, which takes its amount. Only compared.
pub(crate) fn worth(amount: Option<i64>, is_critical: bool, expected: impl FnOnce(i64) -> i64) -> i64 {
    let minor = expected(amount.unwrap_or(NO_AMOUNT)).clamp(0, CRITICAL - 1);
    minor + if is_critical { CRITICAL } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: u128, severity: Severity, worth: i64) -> Candidate {
        let rival = Rival { into_day: i64::try_from(id).unwrap(), worth };
        Candidate { id: Uuid::from_u128(id), severity, shadow: false, demoted: false, rival }
    }

    /// What is decided, without what chance picks.
    fn why(alert: &Candidate, day: &mut Day) -> Sending {
        decide(alert, Severity::Medium, day).why
    }

    #[test]
    fn the_budget_holds_back_what_severity_lets_through_and_never_what_is_critical() {
        let mut day = Day { tokens: 2, ..Day::default() };
        let high = |id, worth| candidate(id, Severity::High, worth);
        assert_eq!(why(&candidate(1, Severity::Low, 9_000), &mut day), Sending::Severity);
        assert_eq!(why(&high(2, 500), &mut day), Sending::Threshold);
        let held = Candidate { demoted: true, ..high(3, 9_000) };
        assert_eq!(why(&held, &mut day), Sending::Demoted, "it takes no token");
        assert_eq!(why(&high(4, 600), &mut day), Sending::Threshold);
        assert_eq!(why(&high(5, 9_000), &mut day), Sending::Budget);
        let critical = candidate(6, Severity::Critical, 1);
        assert_eq!(why(&critical, &mut day), Sending::Critical, "beyond the budget");
        assert_eq!(why(&Candidate { demoted: true, ..critical }, &mut day), Sending::Critical);
        assert_eq!(
            why(&Candidate { shadow: true, ..critical }, &mut day),
            Sending::Shadow,
            "it has nothing to say yet"
        );
    }

    #[test]
    fn one_in_twenty_of_what_is_held_back_is_picked_and_always_the_same() {
        let mut day = Day::default();
        let mut picked = 0;
        for id in 0..20_000_u128 {
            let alert = candidate(id, Severity::Medium, 1);
            let told = decide(&alert, Severity::High, &mut day);
            assert_eq!(told, decide(&alert, Severity::High, &mut day));
            assert_eq!(told.is_shown(), told.picked_permille == 50);
            picked += u32::from(told.is_shown());
            let on_trial = decide(&Candidate { shadow: true, ..alert }, Severity::High, &mut day);
            assert!(!on_trial.is_shown(), "never of a rule on trial");
        }
        assert!((900..1_100).contains(&picked), "{picked} of 20,000");
    }

    #[test]
    fn an_amendment_is_not_decided_anew_unless_it_has_become_critical() {
        let told = |why| Told { why, picked_permille: 0 };
        assert_eq!(told(Sending::Budget).amended(Severity::High), told(Sending::Budget));
        assert_eq!(told(Sending::Budget).amended(Severity::Critical), told(Sending::Critical));
        assert_eq!(told(Sending::Threshold).amended(Severity::Critical), told(Sending::Threshold), "it was sent");
        assert_eq!(told(Sending::Shadow).amended(Severity::Critical), told(Sending::Shadow));
    }

    #[test]
    fn who_does_not_see_every_alert_is_not_told_what_follows_from_others() {
        for why in Sending::ALL {
            let told = Told { why: *why, picked_permille: 50 }.alone();
            let stays = matches!(why, Sending::Severity | Sending::Shadow);
            assert_eq!(told.why == Sending::Sent, !stays, "{why}");
        }
    }

    #[test]
    fn worth_is_what_is_expected_and_what_is_critical_comes_before_all_of_it() {
        let half = |amount: i64| amount / 2;
        assert_eq!(worth(Some(5_000), false, half), 2_500);
        assert_eq!(worth(None, false, half), 1_000);
        assert!(worth(Some(1), true, half) > worth(Some(i64::MAX), false, half));
    }
}
