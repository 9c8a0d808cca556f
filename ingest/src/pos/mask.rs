//! Masks card numbers (PANs) in the bytes of a record, before anything looks at or stores it.
//!
//! A run of 14 to 19 digits, also with single spaces or dashes between them, that has the prefix and length of a card
//! scheme (ISO/IEC 7812) and passes the Luhn check keeps its first six and last four digits; the others become `*`, so
//! the record keeps its length and an Avro frame stays readable. Runs of 13 digits are left alone: they are EAN-13 item
//! codes, and no scheme issues 13-digit cards any more. A 15- to 19-digit receipt number that happens to look like a
//! card in all three respects is masked too: privacy goes before that one number.

/// Masks every card number in place and returns how many there were.
pub fn mask_card_numbers(bytes: &mut [u8]) -> usize {
    let mut masked = 0;
    let mut at = 0;
    while at < bytes.len() {
        let digits = run(bytes, at);
        match (digits.first(), digits.last()) {
            (Some(_), Some(&last)) => {
                if is_card(bytes, &digits) {
                    for &place in digits.iter().skip(6).take(digits.len() - 10) {
                        if let Some(byte) = bytes.get_mut(place) {
                            *byte = b'*';
                        }
                    }
                    masked += 1;
                }
                at = last + 1;
            }
            _ => at += 1,
        }
    }
    masked
}

/// The places of the digits of the run that starts at `start`; separators are skipped, two in a row end it.
fn run(bytes: &[u8], start: usize) -> Vec<usize> {
    let mut digits = Vec::new();
    let mut separated = true;
    for (place, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'0'..=b'9' => {
                digits.push(place);
                separated = false;
            }
            b' ' | b'-' if !separated => separated = true,
            _ => break,
        }
    }
    digits
}

fn is_card(bytes: &[u8], places: &[usize]) -> bool {
    let digits: Vec<u32> =
        places.iter().filter_map(|&place| bytes.get(place)).map(|byte| u32::from(byte - b'0')).collect();
    scheme(&digits) && luhn(&digits)
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
    fn item_codes_times_and_amounts_stay() {
        for text in ["4006381333931", "00012345678905", "2026-11-22T14:03:22", "4111111111111112", "1234567890123456789"] {
            assert_eq!(masked(text), (text.to_owned(), 0), "{text}");
        }
    }

    #[test]
    fn masking_twice_changes_nothing_more() {
        let once = masked("a 5555555555554444 b").0;
        assert_eq!(masked(&once), (once.clone(), 0));
    }
}
