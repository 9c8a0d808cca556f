//! [`Line`]: what is found of one thing. All of them are printed aligned, each cure below what it cures; or as JSON.

use serde::Serialize;
use serde_json::json;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mark {
    /// Good.
    Ok,
    /// It works, and should be otherwise.
    Warn,
    /// It does not work.
    Bad,
}

impl Mark {
    /// The word of its line, and its colour on a terminal.
    fn word(self) -> (&'static str, &'static str) {
        match self {
            Self::Ok => ("ok  ", "32"),
            Self::Warn => ("WARN", "33"),
            Self::Bad => ("BAD ", "31"),
        }
    }
}

/// What is found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub(super) what: String,
    pub(super) mark: Mark,
    pub(super) said: String,
    /// What to do about it, where what is said does not say so.
    pub(super) cure: Option<String>,
}

impl Line {
    pub(super) fn ok(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), mark: Mark::Ok, said: said.into(), cure: None }
    }

    pub(super) fn warn(what: impl Into<String>, said: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { mark: Mark::Warn, cure: Some(cure.into()), ..Self::ok(what, said) }
    }

    pub(super) fn bad(what: impl Into<String>, said: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { mark: Mark::Bad, cure: Some(cure.into()), ..Self::ok(what, said) }
    }

    /// As another mark, where what is said holds its cure.
    pub(super) fn marked(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }
}

/// All lines as people read them, and how many things are not good.
pub(super) fn text(lines: &[Line], colours: bool) -> String {
    let width = lines.iter().map(|line| line.what.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for Line { what, mark, said, cure } in lines {
        let (word, colour) = mark.word();
        let word = if colours { format!("\x1b[{colour}m{word}\x1b[0m") } else { word.to_owned() };
        text.push_str(&format!("{word} {what:<width$}  {said}\n"));
        if let Some(cure) = cure {
            text.push_str(&format!("     {:width$}  cure: {cure}\n", ""));
        }
    }
    text.push_str(&match bad(lines) {
        0 => "Everything is good.".to_owned(),
        1 => "One thing is not good.".to_owned(),
        bad => format!("{bad} things are not good."),
    });
    text
}

/// All lines as programs read them.
pub(super) fn json(lines: &[Line]) -> String {
    format!("{:#}", json!({ "good": bad(lines) == 0, "lines": lines }))
}

/// How many things are not good.
pub(super) fn bad(lines: &[Line]) -> usize {
    lines.iter().filter(|line| line.mark == Mark::Bad).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_aligned_with_the_cure_below() {
        let lines = [
            Line::ok("rules", "14 are installed"),
            Line::warn("mail", "none", "name a server in [mail]"),
            Line::bad("camera till-1", "it refuses the login", "check the password"),
        ];
        let expected = "\
ok   rules          14 are installed
WARN mail           none
                    cure: name a server in [mail]
BAD  camera till-1  it refuses the login
                    cure: check the password
One thing is not good.";
        assert_eq!(text(&lines, false), expected);
        assert!(text(&lines, true).contains("\x1b[31mBAD \x1b[0m camera till-1  it"));
        let parsed: serde_json::Value = serde_json::from_str(&json(&lines)).unwrap();
        assert_eq!(parsed["good"], false);
        assert_eq!(
            parsed["lines"][2],
            json!({ "what": "camera till-1", "mark": "bad", "said": "it refuses the login", "cure": "check the password" })
        );
        assert_eq!(parsed["lines"][0]["cure"], serde_json::Value::Null);
        assert!(text(&lines[..2], false).ends_with("Everything is good."), "what is only warned of works");
    }
}
