//! The pieces of a query's text: words, "phrases", `name:value` pairs, each with or without a minus.
//!
//! Every text has pieces; what looks odd is a word.

/// The longest query that is read, in characters.
pub(super) const LONGEST: usize = 500;

/// A piece of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Whether it has a minus before it.
    pub(super) negated: bool,
    /// The name before the colon, in lower case.
    pub(super) name: Option<String>,
    /// The word, phrase or value.
    pub(super) value: String,
    /// Whether it stands in quotation marks.
    pub(super) quoted: bool,
    /// Whether the closing quotation mark is there.
    pub(super) closed: bool,
}

/// Cuts a text into pieces.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut letters = text.chars().take(LONGEST).peekable();
    let mut pieces = Vec::new();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        if letters.peek().is_none() {
            return pieces;
        }
        let negated = letters.next_if_eq(&'-').is_some();
        let mut piece = Piece { negated, name: None, value: String::new(), quoted: false, closed: true };
        if letters.next_if_eq(&'"').is_some() {
            quoted(&mut letters, &mut piece);
        } else {
            while let Some(letter) = letters.next_if(|letter| !letter.is_whitespace()) {
                if letter == ':' && piece.name.is_none() && is_name(&piece.value) {
                    piece.name = Some(std::mem::take(&mut piece.value).to_lowercase());
                    if letters.next_if_eq(&'"').is_some() {
                        quoted(&mut letters, &mut piece);
                        break;
                    }
                } else {
                    piece.value.push(letter);
                }
            }
        }
        // A minus alone is a dash.
        if piece.name.is_some() || !piece.value.trim().is_empty() {
            pieces.push(piece);
        }
    }
}

fn quoted(letters: &mut impl Iterator<Item = char>, piece: &mut Piece) {
    piece.quoted = true;
    piece.closed = false;
    for letter in letters {
        if letter == '"' {
            piece.closed = true;
            return;
        }
        piece.value.push(letter);
    }
}

/// Whether the text before a colon may be the name of a field (the hours of `14:03` may not).
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let show = |piece: Piece| {
            let minus = if piece.negated { "-" } else { "" };
            let name = piece.name.map_or_else(String::new, |name| format!("{name}="));
            let marks = if piece.quoted { ("[", if piece.closed { "]" } else { "…" }) } else { ("", "") };
            format!("{minus}{name}{}{}{}", marks.0, piece.value, marks.1)
        };
        pieces(text).into_iter().map(show).collect()
    }

    #[test]
    fn words_phrases_and_pairs_come_apart() {
        assert_eq!(shown("milk  -bread"), ["milk", "-bread"]);
        assert_eq!(shown("\"whole milk\" -\"dark rye\""), ["[whole milk]", "-[dark rye]"]);
        assert_eq!(shown("Type:refund amount:>50"), ["type=refund", "amount=>50"]);
        assert_eq!(shown("op:\"A 7\" -store:17"), ["op=[A 7]", "-store=17"]);
        assert_eq!(shown("14:03 a:b:c http://x"), ["14:03", "a=b:c", "http=//x"]);
        assert_eq!(shown("\"never closed"), ["[never closed…"]);
        assert_eq!(shown(" - \"\" type: "), ["type="]);
    }
}
