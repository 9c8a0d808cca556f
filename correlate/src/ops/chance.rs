//! [`Chance`]: numbers for tests.

/// Numbers that look like chance and are the same in every run (xorshift).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// Mostly a value.
    pub(crate) fn rarely_null<T>(&mut self, value: T) -> Option<T> {
        (self.below(20) > 0).then_some(value)
    }
}
