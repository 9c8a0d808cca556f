//! `to_char(when, pattern)` with the patterns of PostgreSQL (its documentation, table 9.31), beside those of `strftime`.
//!
//! A pattern with a `%` is one of `strftime`. Any other is PostgreSQL's, put into the words of `strftime`; a letter that means
//! nothing, or something that has no such word, is an error that says so: a pattern that came back as it is would look
//! like a result.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::functions::datetime::to_char::ToCharFunc;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// The function.
pub(super) fn to_char() -> ScalarUDF {
    ScalarUDF::from(ToChar { strftime: ToCharFunc::new(), signature: Signature::any(2, Volatility::Immutable) })
}

/// PostgreSQL's patterns, longer ones before those that they begin with, and `strftime`'s.
const PATTERNS: &[(&str, &str)] = &[
    ("IYYY", "%G"),
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("DDD", "%j"),
    ("DD", "%d"),
    ("ID", "%u"),
    ("IW", "%V"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("MM", "%m"),
    ("MS", "%3f"),
    ("SS", "%S"),
    ("US", "%6f"),
    ("Q", "%q"),
];

/// The patterns whose letters say how the result is written.
const WORDS: &[(&str, &str)] = &[
    ("Month", "%B"),
    ("Mon", "%b"),
    ("Day", "%A"),
    ("Dy", "%a"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("am", "%P"),
    ("pm", "%P"),
];

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToChar {
    strftime: ToCharFunc,
    /// Of two, whatever they are: what does not fit is refused in words of ours.
    signature: Signature,
}

impl ScalarUDFImpl for ToChar {
    fn name(&self) -> &'static str {
        "to_char"
    }

    fn aliases(&self) -> &[String] {
        self.strftime.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(when) if is_time(when) || is_text(when) => Ok(DataType::Utf8),
            Some(when) if when.is_numeric() => {
                plan_err!("to_char writes dates and times, no numbers: use round(x, 2), or a cast to text")
            }
            _ => plan_err!("to_char takes a date or a time, and a pattern"),
        }
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [when, pattern] = args.args.as_mut_slice() else {
            return exec_err!("to_char takes a date or a time, and a pattern");
        };
        if is_text(&when.data_type()) {
            *when = when.cast_to(&DataType::Timestamp(TimeUnit::Microsecond, None), None)?;
        }
        let translated = match pattern.cast_to(&DataType::Utf8, None)? {
            ColumnarValue::Scalar(ScalarValue::Utf8(Some(text))) => {
                ColumnarValue::Scalar(ScalarValue::Utf8(Some(strftime(&text)?)))
            }
            ColumnarValue::Array(texts) => {
                let texts = texts.as_string::<i32>().iter().map(|text| text.map(strftime).transpose());
                ColumnarValue::Array(Arc::new(texts.collect::<Result<StringArray>>()?))
            }
            nothing @ ColumnarValue::Scalar(_) => nothing,
        };
        *pattern = translated;
        self.strftime.invoke_with_args(args)
    }
}

fn is_time(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..)
    )
}

/// What may be read as a time: a literal, a parameter, a null.
fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null)
}

/// A pattern in the words of `strftime`.
fn strftime(pattern: &str) -> Result<String> {
    if pattern.contains('%') {
        return Ok(pattern.to_owned());
    }
    let mut words = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let Some((text, after)) = quoted.split_once('"') else {
                return exec_err!("to_char: the text that begins at {rest} has no end: put a \" behind it");
            };
            words.push_str(text);
            rest = after;
        } else if !first.is_ascii_alphabetic() {
            words.push(first);
            rest = rest.strip_prefix(first).unwrap_or_default();
        } else {
            let (unpadded, at) = match rest.strip_prefix("FM").or_else(|| rest.strip_prefix("fm")) {
                Some(after) => (true, after),
                None => (false, rest),
            };
            let (word, after) = word(at).map_or_else(|| unknown(pattern, at), Ok)?;
            match word.strip_prefix('%') {
                Some(letter) if unpadded && ["d", "m", "H", "I", "M", "S", "j"].contains(&letter) => {
                    words.push_str("%-");
                    words.push_str(letter);
                }
                _ => words.push_str(word),
            }
            rest = after;
        }
    }
    Ok(words)
}

/// The pattern at the beginning of a text, and what comes behind it.
fn word(text: &str) -> Option<(&'static str, &str)> {
    // Seconds since midnight, not the second twice.
    if text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("SSSS")) {
        return None;
    }
    let number = |(pattern, word): &(&'static str, &'static str)| {
        let head = text.get(..pattern.len())?;
        // Upper or lower, but not mixed: `Mi` is a typing error.
        let same = head == *pattern || head == pattern.to_ascii_lowercase();
        same.then(|| Some((*word, text.get(pattern.len()..)?))).flatten()
    };
    let exact = |(pattern, word): &(&'static str, &'static str)| Some((*word, text.strip_prefix(pattern)?));
    WORDS.iter().find_map(exact).or_else(|| PATTERNS.iter().find_map(number))
}

fn unknown<T>(pattern: &str, at: &str) -> Result<T> {
    exec_err!(
        "to_char: {at:?} in the pattern {pattern:?} is not known here: there are YYYY, YY, Q, MM, Mon, Month, IW, IYYY, DD, \
         DDD, ID, Dy, Day, HH24, HH12, MI, SS, MS, US, AM, FM before a number, text in double quotes, and strftime's \
         patterns with %"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_postgresql_are_put_into_words_of_strftime() {
        let said = |pattern: &str| strftime(pattern).unwrap();
        assert_eq!(said("YYYY-MM-DD HH24:MI:SS.MS"), "%Y-%m-%d %H:%M:%S.%3f");
        assert_eq!(said("yyyy-mm-dd"), "%Y-%m-%d");
        assert_eq!(said("FMDD. FMMonth YYYY, FMHH12:MI pm"), "%-d. %B %Y, %-I:%M %P");
        assert_eq!(said("IYYY-\"W\"IW"), "%G-W%V");
        assert_eq!(said("Dy Mon DDD Q"), "%a %b %j %q");
        assert_eq!(said("%Y at %H"), "%Y at %H");
    }

    #[test]
    fn what_means_nothing_is_refused_with_what_there_is() {
        for wrong in ["YYYY-XX", "MONTH", "D", "HH24:MI TZ", "SSSS", "\"open", "Mi"] {
            let error = strftime(wrong).unwrap_err().to_string();
            assert!(error.contains("to_char"), "{wrong}: {error}");
        }
    }
}
