//! Where an operator stands among peers, measure by measure.
//!
//! Peers have the same role. A role with too few of them is compared with all roles together, for browsing only: service
//! desks refund more than cashiers, so somebody of a small role would be sent for the role, not for the person.
//!
//! A p-value is as good as the spread of honest rates that it rests on. Where clearly more counts are unlikely than the
//! fitted spread explains, nothing of the group is sent; it is ranked all the same ([`Group::fits`]).
//!
//! What is browsed is ranked by the probability that the operator's rate lies beyond what a share of the peers (99 of 100)
//! have. Of the rankings that were tried it finds most dishonest operators among the first 25 of the simulated fleets,
//! beside p-values, shrunk rates and Bayes factors, by a point or less; and it says what it means.
//!
//! Sources: Laird and Louis, Empirical Bayes ranking methods (1989), for ranking by posterior probability.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::beta::Beta;
use super::discovery;
use super::prior::{PARTS, Peer, Peers};
use super::spread::Spread;
use super::{Excluded, Period, Policy};

/// The p-value up to which a count is unlikely, when the fit of a group is looked at.
pub const UNLIKELY: f64 = 0.01;

/// The operators of one role, as one measure shows them.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    /// The measure.
    pub measure: &'a str,
    /// The role.
    pub role: &'a str,
    /// How many operators with exposures have it.
    pub peers: usize,
    /// Whether they are too few, so that all roles together stand for them.
    pub pooled: bool,
    /// How the honest rates spread.
    pub honest: Beta,
    /// How many were compared with enough exposures and peers.
    pub compared: usize,
    /// How many of them have a p-value of at most [`UNLIKELY`].
    pub unlikely: usize,
}

impl Group<'_> {
    /// Whether no more are unlikely than a fitting spread and some dishonesty explain: half as many again as are expected,
    /// three standard deviations and one more. Otherwise the honest rates do not spread as a beta distribution (or the
    /// dishonest are many), and the p-values of the group promise too much.
    pub fn fits(&self) -> bool {
        let expected = UNLIKELY * discovery::count(self.compared);
        discovery::count(self.unlikely) <= 1.5 * expected + 3.0 * libm::sqrt(expected) + 1.0
    }
}

/// Where one operator stands in one measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'a> {
    /// Who.
    pub operator: &'a str,
    /// Where.
    pub store: &'a str,
    /// The work.
    pub role: &'a str,
    /// In what.
    pub measure: &'a str,
    /// How often it happened.
    pub events: u32,
    /// How often it could have.
    pub exposures: u32,
    /// The shrunk rate: the mean of what is believed after peers and own counts, 0 to 1.
    pub rate: f64,
    /// The bounds of the credible interval of the rate. They take the spread of the peers for known.
    pub interval: (f64, f64),
    /// The mean rate of honest peers.
    pub peers_mean: f64,
    /// The median rate of honest peers.
    pub peers_median: f64,
    /// By how many standard deviations of the peers the shrunk rate exceeds their mean; negative below it.
    pub excess: f64,
    /// The probability that the rate is no higher than that of the usual peers: the ranking, from the lowest up.
    pub usual: f64,
    /// The place among all standings, from 1.
    pub rank: usize,
    /// Whether it is sent, and if not, why not.
    pub verdict: Verdict,
}

/// What a standing was judged to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// It was a test of the family.
    Tested {
        /// The probability that an honest peer with as many exposures has as many events or more; 1 of too few events, which
        /// is never less than it.
        p: f64,
        /// The smallest share of false discoveries at which it would be sent.
        q: f64,
        /// Of what is sent: the largest number of events with which it would not be, all else as it is.
        not_with: Option<u32>,
        /// Whether it is sent.
        sent: bool,
    },
    /// It was none.
    Untested(Withheld),
}

/// Why somebody is ranked and not tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// Fewer exposures than the policy asks for.
    Exposures,
    /// Fewer peers of the role than the policy asks for.
    Peers,
    /// More unlikely counts in the group than its spread explains, see [`Group::fits`].
    Misfit,
}

impl Standing<'_> {
    /// Whether it is sent.
    pub fn sent(&self) -> bool {
        matches!(self.verdict, Verdict::Tested { sent: true, .. })
    }

    /// The p-value, where it was a test.
    pub fn p(&self) -> Option<f64> {
        match self.verdict {
            Verdict::Tested { p, .. } => Some(p),
            Verdict::Untested(_) => None,
        }
    }
}

/// The family of tests, after it was judged.
pub(super) struct Family {
    pub(super) family: usize,
    pub(super) bound: f64,
}

/// What some operators are compared with.
pub(super) struct Yardstick {
    spread: Spread,
    median: f64,
    limit: f64,
}

impl Yardstick {
    fn new(spread: Spread, policy: &Policy) -> Self {
        let (median, limit) = (spread.best().quantile(0.5), spread.best().quantile(policy.usual));
        Self { spread, median, limit }
    }
}

/// Peers with what each of them is compared with.
struct Company {
    peers: Peers,
    whole: Spread,
    parts: Vec<Rc<Yardstick>>,
}

impl Company {
    fn new(peers: impl IntoIterator<Item = Peer>, policy: &Policy) -> Self {
        let peers = Peers::new(peers, policy.suspicion);
        let whole = peers.spread();
        let anyone = |part: u64| Peer { exposures: 0, events: 0, part };
        let part = |part: u64| Rc::new(Yardstick::new(peers.without(anyone(part), &whole), policy));
        let parts = if peers.few() { Vec::new() } else { (0..PARTS).map(part).collect() };
        Self { peers, whole, parts }
    }

    fn yardstick(&self, peer: Peer, policy: &Policy) -> Rc<Yardstick> {
        let part = usize::try_from(peer.part).ok().and_then(|part| self.parts.get(part));
        part.map_or_else(|| Rc::new(Yardstick::new(self.peers.without(peer, &self.whole), policy)), Rc::clone)
    }
}

/// Compares all operators with their peers, by measure, role and name; nothing is judged or ranked yet.
pub(super) fn compare<'a>(
    period: &'a Period,
    policy: &Policy,
    excluded: &Excluded<'_>,
) -> (Vec<Group<'a>>, Vec<(Standing<'a>, Rc<Yardstick>)>) {
    let (mut groups, mut standings) = (Vec::new(), Vec::new());
    for (index, measure) in period.measures.iter().enumerate() {
        let mut roles: BTreeMap<&str, BTreeMap<&str, (&str, Peer)>> = BTreeMap::new();
        for tally in period.tallies.iter().filter(|tally| !excluded.holds(&tally.operator, &measure.name)) {
            if let Some(count) = tally.counts.get(index) {
                let peer = Peer::new(&tally.operator, count.events, count.exposures);
                let role = roles.entry(&tally.role).or_default();
                role.insert(&tally.operator, (&tally.store, peer));
            }
        }
        let mut everybody = None;
        for (role, operators) in &roles {
            let own = operators.values().map(|(_, peer)| *peer);
            let size = own.clone().filter(|peer| peer.exposures > 0).count();
            let pooled = size < policy.peers_enough && roles.len() > 1;
            let own = (!pooled).then(|| Company::new(own, policy));
            let company = own.as_ref().unwrap_or_else(|| {
                let all = || roles.values().flat_map(|role| role.values().map(|(_, peer)| *peer));
                everybody.get_or_insert_with(|| Company::new(all(), policy))
            });
            let honest = company.whole.best();
            let first = standings.len();
            for (operator, (store, peer)) in operators {
                let yardstick = company.yardstick(*peer, policy);
                let withheld = if size < policy.peers_enough {
                    Some(Withheld::Peers)
                } else {
                    (peer.exposures < policy.exposures_enough).then_some(Withheld::Exposures)
                };
                let who = [*operator, *store, *role, measure.name.as_str()];
                standings.push((standing(who, *peer, &yardstick, withheld, policy), yardstick));
            }
            let own = standings.get_mut(first..).unwrap_or_default();
            let tested: Vec<f64> = own.iter().filter_map(|(standing, _)| standing.p()).collect();
            let unlikely = tested.iter().filter(|p| **p <= UNLIKELY).count();
            let group =
                Group { measure: &measure.name, role, peers: size, pooled, honest, compared: tested.len(), unlikely };
            if !group.fits() {
                for (standing, _) in own.iter_mut().filter(|(standing, _)| standing.p().is_some()) {
                    standing.verdict = Verdict::Untested(Withheld::Misfit);
                }
            }
            groups.push(group);
        }
    }
    (groups, standings)
}

fn standing<'a>(
    [operator, store, role, measure]: [&'a str; 4],
    peer: Peer,
    yardstick: &Yardstick,
    withheld: Option<Withheld>,
    policy: &Policy,
) -> Standing<'a> {
    let Peer { events, exposures, .. } = peer;
    let honest = yardstick.spread.best();
    let own = honest.after(events, exposures);
    let beside = 0.5 * (1.0 - policy.credible);
    let p = || if events < policy.events_enough { 1.0 } else { yardstick.spread.tail(events, exposures) };
    let verdict =
        withheld.map_or_else(|| Verdict::Tested { p: p(), q: 1.0, not_with: None, sent: false }, Verdict::Untested);
    Standing {
        operator,
        store,
        role,
        measure,
        events,
        exposures,
        rate: own.mean(),
        interval: (own.quantile(beside), own.quantile(1.0 - beside)),
        peers_mean: honest.mean(),
        peers_median: yardstick.median,
        excess: (own.mean() - honest.mean()) / honest.deviation(),
        usual: own.below(yardstick.limit),
        rank: 0,
        verdict,
    }
}

/// Judges the family of all tests, and says of those sent what would have made it otherwise.
pub(super) fn judge(standings: &mut [(Standing<'_>, Rc<Yardstick>)], policy: &Policy) -> Family {
    let (accepted, too_few) = (policy.q, policy.events_enough.saturating_sub(1));
    let family: Vec<f64> = standings.iter().filter_map(|(standing, _)| standing.p()).collect();
    let adjusted = discovery::adjusted(&family);
    let many = adjusted.iter().filter(|q| **q <= accepted).count();
    let bound = discovery::bound(accepted, many, family.len());
    let tested = standings.iter_mut().filter(|(standing, _)| standing.p().is_some());
    for ((standing, yardstick), adjusted) in tested.zip(adjusted) {
        let (events, exposures) = (standing.events, standing.exposures);
        if let Verdict::Tested { q, not_with, sent, .. } = &mut standing.verdict {
            *q = adjusted;
            *sent = adjusted <= accepted;
            let fewer = || yardstick.spread.fewer(events, exposures, bound).map(|fewer| fewer.max(too_few));
            *not_with = if *sent { fewer() } else { None };
        }
    }
    Family { family: family.len(), bound }
}

/// Brings the most conspicuous to the front and numbers them.
pub(super) fn rank(standings: &mut [Standing<'_>]) {
    standings.sort_by(|one, other| {
        let by_score = one.usual.total_cmp(&other.usual).then(other.excess.total_cmp(&one.excess));
        by_score.then_with(|| (one.operator, one.measure).cmp(&(other.operator, other.measure)))
    });
    for (index, standing) in standings.iter_mut().enumerate() {
        standing.rank = index + 1;
    }
}
