//! Money: non-negative minor units, an ISO 4217 currency, and a direction that is said, never a sign.
//!
//! Feeds disagree on signs (a refund is −5 in one, 5 in the next), so amounts carry none.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An ISO 4217 alphabetic code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Codes whose minor unit is not the hundredth (ISO 4217 table A.1).
const ODD_EXPONENTS: &[(&str, u32)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// A text that is not three capital letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("currency {0:?} is not an ISO 4217 code of three capital letters")]
pub struct BadCurrency(String);

impl Currency {
    /// Takes an alphabetic code.
    ///
    /// # Errors
    /// [`BadCurrency`] when it is not three capital ASCII letters.
    pub fn new(code: &str) -> Result<Self, BadCurrency> {
        match code.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(BadCurrency(code.chars().take(16).collect())),
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        // Never "XXX": three ASCII letters ([`Self::new`]) are UTF-8.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Decimal places of the minor unit: 2 for most, 0 for yen, 3 for dinars.
    pub fn exponent(&self) -> u32 {
        ODD_EXPONENTS.iter().find(|(code, _)| *code == self.as_str()).map_or(2, |(_, digits)| *digits)
    }

    /// An amount in minor units as people write it: `$12.30`, `JPY 300`.
    pub fn format(&self, minor: i64) -> String {
        let sign = match self.as_str() {
            "USD" => "$".to_owned(),
            "EUR" => "€".to_owned(),
            "GBP" => "£".to_owned(),
            code => format!("{code} "),
        };
        let digits = self.exponent();
        let unit = 10_u64.pow(digits);
        let (whole, part) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
        let minus = if minor < 0 { "-" } else { "" };
        match usize::try_from(digits) {
            Ok(width) if width > 0 => format!("{minus}{sign}{whole}.{part:0width$}"),
            _ => format!("{minus}{sign}{whole}"),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Currency {
    type Error = BadCurrency;

    fn try_from(code: String) -> Result<Self, BadCurrency> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(code: Currency) -> Self {
        code.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yen_have_no_minor_unit_and_dinars_have_three_digits() {
        assert_eq!(Currency::new("USD").unwrap().exponent(), 2);
        assert_eq!(Currency::new("JPY").unwrap().exponent(), 0);
        assert_eq!(Currency::new("KWD").unwrap().exponent(), 3);
        assert!(Currency::new("usd").is_err());
        let written = ["USD", "JPY", "KWD"].map(|code| Currency::new(code).unwrap().format(12_305));
        assert_eq!(written, ["$123.05", "JPY 12305", "KWD 12.305"]);
        assert_eq!(Currency::new("USD").unwrap().format(-5), "-$0.05");
    }
}
