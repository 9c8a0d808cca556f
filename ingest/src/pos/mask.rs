//! Masks card numbers (PANs) in the bytes of a record, before anything looks at or stores it.
//!
//! A number of 14 to 19 digits that has the prefix and length of a card scheme (ISO/IEC 7812) and passes the Luhn check
//! keeps its first six and last four digits; the others become `*`, so the record keeps its length and an Avro frame
//! stays readable. It may be written in the groups that cards are printed in (4-4-4-4, 4-6-5, ...), with single spaces
//! or dashes between them. Numbers of 13 digits are left alone: they are EAN-13 item codes, and no scheme issues
//! 13-digit cards any more. A 15- to 19-digit receipt number that happens to look like a card in all three respects is
//! masked too: privacy goes before that one number.

use std::ops::Range;

/// How cards are grouped on paper: Visa and Mastercard, American Express, Diners, 19 digits.
const GROUPINGS: &[&[usize]] = &[&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 4, 3]];

/// Masks every card number in place and returns how many there were.
pub fn mask_card_numbers(bytes: &mut [u8]) -> usize {
    let groups = digit_groups(bytes);
    let mut masked = 0;
    let mut at = 0;
    while at < groups.len() {
        let rest = groups.get(at..).unwrap_or_default();
        let taken = card_at(bytes, rest);
        if let Some(taken) = taken {
            let places: Vec<usize> = rest.iter().take(taken).cloned().flatten().collect();
            for &place in places.iter().skip(6).take(places.len().saturating_sub(10)) {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = b'*';
                }
            }
            masked += 1;
        }
        at += taken.unwrap_or(1);
    }
    masked
}

/// The places of every run of digits, in order.
fn digit_groups(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (place, _) in bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        match groups.last_mut() {
            Some(last) if last.end == place => last.end = place + 1,
            _ => groups.push(place..place + 1),
        }
    }
    groups
}

/// How many of the first groups make a card number, if they do.
fn card_at(bytes: &[u8], groups: &[Range<usize>]) -> Option<usize> {
    let is_card = |count: usize| {
        let digits: Vec<u32> = groups
            .iter()
            .take(count)
            .cloned()
            .flatten()
            .filter_map(|place| bytes.get(place))
            .map(|byte| u32::from(byte - b'0'))
            .collect();
        scheme(&digits) && luhn(&digits)
    };
    let joined = |count: usize| {
        groups.windows(2).take(count - 1).all(|pair| match pair {
            [left, right] => right.start == left.end + 1 && matches!(bytes.get(left.end), Some(b' ' | b'-')),
            _ => false,
        })
    };
    if is_card(1) {
        return Some(1);
    }
    GROUPINGS
        .iter()
        .filter(|lengths| groups.len() >= lengths.len())
        .filter(|lengths| groups.iter().zip(lengths.iter()).all(|(group, length)| group.len() == *length))
        .map(|lengths| lengths.len())
        .rev()
        .find(|&count| joined(count) && is_card(count))
}

/// Whether prefix and length are those of a card scheme.
fn scheme(digits: &[u32]) -> bool {
    let prefix = |n: usize| digits.iter().take(n).fold(0, |value, digit| value * 10 + digit);
    match digits.len() {
        14 => matches!(prefix(2), 36 | 38 | 39) || matches!(prefix(3), 300..=305),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            prefix(1) == 4
                || matches!(prefix(2), 51..=55 | 62 | 65)
                || matches!(prefix(4), 2221..=2720 | 6011 | 3528..=3589)
                || matches!(prefix(3), 644..=649)
        }
        17 | 18 => matches!(prefix(2), 62),
        19 => prefix(1) == 4 || matches!(prefix(2), 62 | 65),
        _ => false,
    }
}

/// The check of ISO/IEC 7812-1 annex B.
fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> (String, usize) {
        let mut bytes = text.as_bytes().to_vec();
        let count = mask_card_numbers(&mut bytes);
        (String::from_utf8(bytes).unwrap(), count)
    }

    #[test]
    fn cards_keep_six_and_four_digits() {
        assert_eq!(masked(r#"{"pan":"4111111111111111"}"#), (r#"{"pan":"411111******1111"}"#.to_owned(), 1));
        assert_eq!(masked("VISA 4111 1111-1111 1111 OK"), ("VISA 4111 11**-**** 1111 OK".to_owned(), 1));
        assert_eq!(masked("378282246310005").0, "378282*****0005");
    }

    #[test]
    fn a_card_is_found_beside_other_numbers() {
        assert_eq!(masked("QTY 1 4111 1111 1111 1111").0, "QTY 1 4111 11** **** 1111");
        assert_eq!(masked("3782-822463-10005 12").0, "3782-82****-*0005 12");
        assert_eq!(masked("6304000000000000 4111111111111111 1").1, 1);
    }

    #[test]
    fn receipt_numbers_with_dashes_are_no_cards() {
        for number in ["42-1-20261121-00046", "4-111-1111-1111-11111", "41-11111111111111"] {
            assert_eq!(masked(number).1, 0, "{number}");
        }
    }

    #[test]
    fn item_codes_times_and_amounts_stay() {
        for text in
            ["4006381333931", "00012345678905", "2026-11-22T14:03:22", "4111111111111112", "1234567890123456789"]
        {
            assert_eq!(masked(text), (text.to_owned(), 0), "{text}");
        }
    }

    #[test]
    fn masking_twice_changes_nothing_more() {
        let once = masked("a 5555555555554444 b").0;
        assert_eq!(masked(&once), (once.clone(), 0));
    }
}
