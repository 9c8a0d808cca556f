//! Peers: whom an operator is compared with, and what they tell of honest rates (the prior of empirical Bayes).
//!
//! - **Dishonest peers do not widen it.** Peers are taken for a mixture of honest ones and a small share with a multiple of
//!   the rate ([`Suspicion`]); each counts by the probability that it is honest (EM).
//! - **Nobody is their own peer.** [`Peers::without`] fits to the others: all but the one in a small group, all but one
//!   part of [`PARTS`] in a large one. So what an operator is compared with does not depend on their own count, and no score
//!   of theirs falls when it grows.
//!
//! The answers do not depend on the order of the peers, to the bit.
//!
//! Sources: Efron, Large-Scale Inference (2010), ch. 1, 2 and 6 (empirical Bayes, two groups, empirical null); Dempster,
//! Laird and Rubin (1977), for EM.

use super::beta::Beta;
use super::likelihood::{Likelihood, PRECISION};
use super::spread::Spread;

/// A large group is fitted to so many times, each time without one part.
pub const PARTS: u64 = 16;

/// Up to so many peers, each is left out alone.
pub const ALONE: usize = 64;

/// Rounds of EM at most; about ten are usual.
const ROUNDS: u32 = 60;

/// A round that moves the logarithms of both shapes by less is the last.
const NEAR: f64 = 1e-7;

/// What is assumed of dishonest peers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suspicion {
    /// Their share among the peers, from 0 to below 1; with 0 every peer counts fully.
    pub share: f64,
    /// Their mean rate as a multiple of the honest one, above 1.
    pub times: f64,
}

impl Default for Suspicion {
    /// One of two hundred, at four times the rate.
    fn default() -> Self {
        Self { share: 0.005, times: 4.0 }
    }
}

impl Suspicion {
    /// How rates of dishonest operators spread beside honest ones: a multiple of the mean (at most half way from it to 1)
    /// at the same precision, so that a larger count always speaks more for dishonesty.
    pub fn beside(&self, honest: Beta) -> Beta {
        let mean = honest.mean();
        Beta::of_mean((mean * self.times).min(0.5 * (1.0 + mean)), honest.precision())
    }
}

/// One peer's counts, and the part of the group that it is left out with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// Exposures, e.g. transactions.
    pub exposures: u32,
    /// Events among them; not more than exposures.
    pub events: u32,
    /// The part, below [`PARTS`].
    pub part: u64,
}

impl Peer {
    /// The counts of a named operator. The part is a function of the name (FNV-1a, then Stafford's mixing), so that nobody's
    /// coming or going moves another to a different part.
    pub fn new(operator: &str, events: u32, exposures: u32) -> Self {
        let hash = operator
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self { exposures, events, part: (mixed ^ (mixed >> 31)) % PARTS }
    }
}

/// A group of peers. Those without exposures say nothing and are not among them.
#[derive(Debug, Clone)]
pub struct Peers {
    peers: Vec<Peer>,
    likelihood: Likelihood,
    suspicion: Suspicion,
}

impl Peers {
    /// Takes the peers in any order; those with more events than exposures are left away.
    pub fn new(peers: impl IntoIterator<Item = Peer>, suspicion: Suspicion) -> Self {
        let counts = |peer: &Peer| peer.exposures > 0 && peer.events <= peer.exposures;
        let mut peers: Vec<Peer> = peers.into_iter().filter(counts).collect();
        peers.sort_unstable();
        let pairs: Vec<(u32, u32)> = peers.iter().map(|peer| (peer.events, peer.exposures)).collect();
        Self { likelihood: Likelihood::new(&pairs), peers, suspicion }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Whether each is left out alone.
    pub fn few(&self) -> bool {
        self.peers.len() <= ALONE
    }

    /// The spread of honest rates in the whole group; for display, not for scores of its members.
    pub fn spread(&self) -> Spread {
        self.fit(&vec![true; self.peers.len()], None)
    }

    /// The spread that one of the group is compared with: that of the others. `whole` is [`Peers::spread`], where the search
    /// starts. Somebody who is not in the group is compared with all of it, or all but a part.
    pub fn without(&self, one: Peer, whole: &Spread) -> Spread {
        let own = self.peers.binary_search(&one).ok();
        let others = |(index, peer): (usize, &Peer)| {
            if self.few() { Some(index) != own } else { peer.part != one.part }
        };
        let counted: Vec<bool> = self.peers.iter().enumerate().map(others).collect();
        self.fit(&counted, Some(whole.best()))
    }

    /// The spread that makes those counted most likely.
    fn fit(&self, counted: &[bool], start: Option<Beta>) -> Spread {
        let mut weights: Vec<f64> = counted.iter().map(|counted| f64::from(u8::from(*counted))).collect();
        let mut spread = start.unwrap_or_else(|| self.pooled());
        for _ in 0..ROUNDS {
            self.weigh(spread, counted, &mut weights);
            let next = self.likelihood.climb(&weights, spread);
            let moved = libm::log(next.alpha() / spread.alpha()).abs() + libm::log(next.beta() / spread.beta()).abs();
            spread = next;
            if moved < NEAR {
                break;
            }
        }
        self.likelihood.sureness(&weights, spread)
    }

    /// A start: the pooled rate at the precision that is believed in.
    fn pooled(&self) -> Beta {
        let sum = |of: fn(&Peer) -> u32| -> f64 { self.peers.iter().map(|peer| f64::from(of(peer))).sum() };
        let mean = (sum(|peer| peer.events) + 0.5) / (sum(|peer| peer.exposures) + 1.0);
        Beta::of_mean(mean, PRECISION)
    }

    /// Weighs each of those counted by the probability that it is honest.
    fn weigh(&self, spread: Beta, counted: &[bool], weights: &mut [f64]) {
        let Suspicion { share, .. } = self.suspicion;
        if share <= 0.0 {
            return;
        }
        let odds = libm::log(share / (1.0 - share));
        let ratios = self.likelihood.ratios(self.suspicion.beside(spread), spread);
        for ((weight, counted), ratio) in weights.iter_mut().zip(counted).zip(ratios) {
            *weight = if *counted { 1.0 / (1.0 + libm::exp(odds + ratio)) } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group whose rates are the quantiles of a beta distribution, so that nothing is left to chance but rounding.
    fn group(size: u32, spread: Beta, exposures: u32) -> Vec<Peer> {
        let peer = |index: u32| {
            let rate = spread.quantile((f64::from(index) + 0.5) / f64::from(size));
            let events = (0..exposures).find(|events| f64::from(*events) + 0.5 > rate * f64::from(exposures));
            Peer::new(&format!("operator {index}"), events.unwrap_or(exposures), exposures)
        };
        (0..size).map(peer).collect()
    }

    #[test]
    fn the_spread_is_found_again() {
        let spread = Beta::of_mean(0.02, 80.0);
        let found = Peers::new(group(2_000, spread, 5_000), Suspicion { share: 0.0, times: 4.0 }).spread().best();
        assert!((found.mean() - 0.02).abs() < 0.000_5, "{}", found.mean());
        assert!((found.precision() / 80.0 - 1.0).abs() < 0.05, "{}", found.precision());
    }

    #[test]
    fn dishonest_peers_do_not_widen_it() {
        let mut peers = group(400, Beta::of_mean(0.02, 300.0), 1_000);
        let clean = Peers::new(peers.clone(), Suspicion::default()).spread().best();
        peers.extend((0..4).map(|index| Peer::new(&format!("thief {index}"), 150, 1_000)));
        let naive = Peers::new(peers.clone(), Suspicion { share: 0.0, times: 4.0 }).spread().best();
        let found = Peers::new(peers, Suspicion::default()).spread().best();
        assert!(naive.precision() < 0.75 * clean.precision(), "{naive:?} {clean:?}");
        assert!((found.precision() / clean.precision() - 1.0).abs() < 0.02, "{found:?} {clean:?}");
    }

    #[test]
    fn one_does_not_hide_in_the_own_prior() {
        for size in [20, 500] {
            let spread = |events: u32| {
                let own = Peer::new("x", events, 400);
                let peers = group(size, Beta::of_mean(0.02, 80.0), 500).into_iter().chain([own]);
                let peers = Peers::new(peers, Suspicion::default());
                peers.without(own, &peers.spread()).best()
            };
            let (few, many) = (spread(0), spread(390));
            assert!((few.alpha() / many.alpha() - 1.0).abs() < 1e-6, "{size}: {few:?} {many:?}");
            assert!((few.beta() / many.beta() - 1.0).abs() < 1e-6, "{size}: {few:?} {many:?}");
        }
    }

    #[test]
    fn nobody_and_nothing_are_fitted_too() {
        let nobody = Peers::new([], Suspicion::default());
        assert!(nobody.is_empty() && nobody.spread().best().mean() <= 0.5);
        let zeros = (0..50).map(|index| Peer::new(&format!("{index}"), 0, 300));
        let spread = Peers::new(zeros, Suspicion::default()).spread();
        assert!(spread.best().mean() < 0.001, "{spread:?}");
        assert!(spread.tail(1, 300) < 0.1 && spread.tail(20, 300) > 0.0, "{spread:?}");
        let all = (0..50).map(|index| Peer::new(&format!("{index}"), 300, 300));
        assert!(Peers::new(all, Suspicion::default()).spread().best().mean() > 0.99);
    }

    #[test]
    fn the_order_of_peers_does_not_matter() {
        let peers = group(100, Beta::of_mean(0.03, 50.0), 137);
        let turned: Vec<Peer> = peers.iter().rev().copied().collect();
        let (one, other) = (Peers::new(peers, Suspicion::default()), Peers::new(turned, Suspicion::default()));
        assert_eq!(one.spread(), other.spread());
    }

    #[test]
    fn parts_are_about_equal() {
        let mut sizes = [0_u32; 16];
        for name in (0..1_600).map(|index| format!("{index}")) {
            sizes[usize::try_from(Peer::new(&name, 0, 1).part).unwrap()] += 1;
        }
        assert!(sizes.iter().all(|size| (60..140).contains(size)), "{sizes:?}");
    }
}
