//! [`Day`]: which alerts of a store's business day are worth one of its tokens, decided one by one as they come.
//!
//! An alert gets a token when it is expected to be among the best of its day: when those that are better, of the ones that
//! came already and of the ones that the rest of the day is expected to bring, are fewer than the day has tokens. What a
//! rest of a day brings is what it brought on the days before, faster or slower as this day has gone so far. Without days
//! before, the first ones get the tokens, as long as none of them is beaten by as many.
//!
//! The same is asked once more when the day is over ([`best`]); a test holds the two against each other.

/// How many alerts, as usual, the pace of a day is measured against before its own count much.
const STEADY: f64 = 5.0;

/// An alert as far as it competes with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rival {
    /// How far into its business day it happened, in microseconds. From where the day is counted does not matter, as long
    /// as it is the same for all days of a store.
    pub(crate) into_day: i64,
    /// What it is worth; only compared.
    pub(crate) worth: i64,
}

impl Rival {
    /// Whether it comes before another one: worth more, or as much and earlier.
    fn beats(&self, other: &Self) -> bool {
        self.worth > other.worth || (self.worth == other.worth && self.into_day <= other.into_day)
    }
}

/// A business day of a store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Day {
    /// How many tokens it has.
    pub(crate) tokens: usize,
    /// How many of them are spent.
    pub(crate) spent: usize,
    /// The alerts that came so far and compete.
    pub(crate) today: Vec<Rival>,
    /// Those of the days before.
    pub(crate) past: Vec<Rival>,
    /// How many days before that were.
    pub(crate) days: u32,
}

impl Day {
    /// Whether an alert gets a token; either way it competes with those that come after it.
    pub(crate) fn takes(&mut self, alert: Rival) -> bool {
        let ahead = self.today.iter().filter(|other| other.beats(&alert)).count();
        let taken = self.spent < self.tokens && float(ahead) + self.still_to_come(alert) < float(self.tokens);
        self.today.push(alert);
        self.spent += usize::from(taken);
        taken
    }

    /// An alert that is never held back: it takes a token where there is one, and goes without where there is none.
    pub(crate) fn spend(&mut self, alert: Rival) {
        self.today.push(alert);
        self.spent += 1;
    }

    /// How many better alerts the rest of the day is expected to bring.
    fn still_to_come(&self, alert: Rival) -> f64 {
        if self.days == 0 {
            return 0.0;
        }
        let days = f64::from(self.days);
        let (mut better, mut usual) = (0_usize, 0_usize);
        for each in &self.past {
            better += usize::from(each.into_day > alert.into_day && each.worth > alert.worth);
            usual += usize::from(each.into_day <= alert.into_day);
        }
        let come = self.today.iter().filter(|other| other.into_day <= alert.into_day).count();
        let pace = (float(come) + STEADY) / (float(usual) / days + STEADY);
        float(better) / days * pace
    }
}

/// The places of the best of a day that is over, at most so many, the best first.
pub(crate) fn best(of: &[Rival], tokens: usize) -> Vec<usize> {
    let mut places: Vec<(i64, i64, usize)> =
        of.iter().enumerate().map(|(place, each)| (each.worth.saturating_neg(), each.into_day, place)).collect();
    places.sort_unstable();
    places.into_iter().take(tokens).map(|(_, _, place)| place).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of alerts are small")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn at(hour: i64, worth: i64) -> Rival {
        Rival { into_day: hour * HOUR, worth }
    }

    /// Days before with these alerts each.
    fn after(days: u32, each: &[Rival], tokens: usize) -> Day {
        let past = (0..days).flat_map(|_| each.iter().copied()).collect();
        Day { tokens, past, days, ..Day::default() }
    }

    #[test]
    fn a_token_is_kept_for_what_the_evening_usually_brings_and_spent_when_it_has_not_come() {
        let evening: Vec<Rival> = (0..4).map(|n| at(18 + n, 10_000)).collect();
        let mut day = after(28, &evening, 3);
        assert!(!day.takes(at(10, 500)), "four better ones are to come, and there are three tokens");
        assert!(day.takes(at(11, 20_000)), "nothing better comes");
        assert!(!day.takes(at(12, 400)));
        assert!(day.takes(at(20, 600)), "one usually comes after eight, and one was better");
        assert!(day.takes(at(22, 550)), "the day is over: what is left is spent");
        assert!(!day.takes(at(23, 90_000)), "and then nothing is left");
    }

    #[test]
    fn without_days_before_the_first_ones_are_taken_and_who_is_beaten_by_as_many_is_not() {
        let mut day = after(0, &[], 2);
        day.today = vec![at(8, 900), at(9, 800)];
        assert!(!day.takes(at(10, 700)), "two that came are better");
        assert!(day.takes(at(11, 850)) && day.takes(at(12, 860)) && !day.takes(at(13, 5_000)));
    }

    #[test]
    fn what_is_never_held_back_takes_a_token_and_goes_without_when_there_is_none() {
        let mut day = after(0, &[], 2);
        for hour in 8..11 {
            day.spend(at(hour, 1 << 60));
        }
        assert!(!day.takes(at(12, 9_000)));
        assert_eq!(day.spent, 3);
    }

    #[test]
    fn the_best_of_a_day_are_those_of_the_greatest_worth_then_the_earliest() {
        let all = [at(9, 5), at(8, 7), at(7, 5), at(10, 9)];
        assert_eq!(best(&all, 3), [3, 1, 2]);
        assert_eq!(best(&all, 9).len(), 4);
        assert_eq!(best(&[], 3), Vec::<usize>::new());
    }

    #[expect(clippy::cast_possible_truncation, reason = "amounts and microseconds of a day fit")]
    fn whole(number: f64) -> i64 {
        number as i64
    }

    /// Numbers by chance, the same for the same seed (`SplitMix64`).
    struct Chance(u64);

    impl Chance {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bits = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap();
            (f64::from(bits) + 0.5) / 4_294_967_296.0
        }

        fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
            let around = (-2.0 * self.next().ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos();
            mean + deviation * around
        }

        /// A day of a shop that is open from eight to ten: some alerts over all of it, more at noon, most in the evening,
        /// of six rules that are right, and whose amounts are, as they are. Days differ by more than chance alone.
        fn day(&mut self, rules: &[[f64; 3]], alerts: f64, uneven: f64) -> Vec<Rival> {
            let many = self.normal(0.0, uneven).exp() * alerts;
            let many = self.normal(many, many.sqrt()).max(0.0);
            let mut left = many;
            let mut day = Vec::new();
            while left >= 1.0 || (left > 0.0 && self.next() < left) {
                left -= 1.0;
                let hour = match self.next() {
                    kind if kind < 0.3 => 9.0 + 12.0 * self.next(),
                    kind if kind < 0.6 => self.normal(12.5, 1.5),
                    _ => self.normal(18.0, 2.0),
                };
                let place = self.next() * 6.0;
                let rule = rules.iter().zip(1_u8..).find(|(_, end)| place < f64::from(*end)).unwrap().0;
                let amount = self.normal(rule[1], rule[2]).exp();
                day.push(Rival { into_day: whole(hour.clamp(8.0, 22.0) * 3_600e6), worth: whole(rule[0] * amount) });
            }
            day.sort_by_key(|each| each.into_day);
            day
        }
    }

    /// What share of the ten best of a day was sent while it went on, over so many days of different shops, each after 28
    /// days of its own.
    fn agreement(seeds: std::ops::Range<u64>, alerts: f64, uneven: f64) -> f64 {
        let (mut sum, mut days) = (0.0, 0.0);
        for seed in seeds {
            let mut chance = Chance(seed);
            let mut rules = [[0.0; 3]; 6];
            for rule in &mut rules {
                *rule = [0.05 + 0.55 * chance.next(), 6.0 + 3.0 * chance.next(), 0.3 + 0.8 * chance.next()];
            }
            let alerts = alerts * chance.normal(0.0, 0.2).exp();
            let past = (0..28).flat_map(|_| chance.day(&rules, alerts, uneven)).collect();
            let mut day = Day { tokens: 10, past, days: 28, ..Day::default() };
            let came = chance.day(&rules, alerts, uneven);
            let wanted = best(&came, 10);
            if wanted.is_empty() {
                continue;
            }
            let sent: Vec<bool> = came.iter().map(|each| day.takes(*each)).collect();
            assert!(sent.iter().filter(|sent| **sent).count() <= 10);
            sum += float(wanted.iter().filter(|place| sent[**place]).count()) / float(wanted.len());
            days += 1.0;
        }
        sum / days
    }

    #[test]
    fn what_is_sent_agrees_with_the_best_ten_of_the_day() {
        for (alerts, uneven) in [(8.0, 0.2), (15.0, 0.0), (15.0, 0.4), (30.0, 0.2), (60.0, 0.4), (120.0, 0.4)] {
            let agreed = agreement(1..401, alerts, uneven);
            println!("{alerts} alerts a day, {uneven} uneven: {:.1} % of the best ten were sent", agreed * 100.0);
            assert!(agreed >= 0.7, "{alerts} alerts a day, {uneven} uneven: {agreed}");
        }
    }
}
