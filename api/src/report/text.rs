//! The text part of a mail: all of the report, for those who read mail without HTML or have it read to them.

use super::letter::{Letter, SOURCE};
use super::mail_html::Buttons;

/// The text.
pub(super) fn text(letter: &Letter, buttons: &[Option<Buttons>]) -> String {
    let mut out = Text::default();
    out.line(&letter.title());
    out.line("");
    out.line(&format!("{}: {}", letter.heading.to_uppercase(), letter.verdict));
    out.line(&letter.totals);
    if !letter.restated.is_empty() {
        out.line(letter.restated);
    }
    if !letter.changes.is_empty() {
        out.heading("Changed since the last report of this day");
        letter.changes.iter().for_each(|change| out.line(&format!("- {change}")));
    }
    if !letter.items.is_empty() {
        out.heading("Exceptions");
    }
    for (item, buttons) in letter.items.iter().zip(buttons) {
        out.line(&format!("* {} {}", item.title, item.amount));
        out.line(&format!("  {}", item.first));
        out.line(&format!("  {}", item.reason));
        item.lines.iter().for_each(|(what, amount)| out.line(&format!("    {what}  {amount}")));
        out.line(&format!("  {}", item.clock));
        item.said.iter().for_each(|said| out.line(&format!("  {said}")));
        out.line(&format!("  {}", item.link));
        if let Some(buttons) = buttons {
            out.line(&format!("  Explained: {}", buttons.explained));
            out.line(&format!("  Look at it: {}", buttons.look_at_it));
        }
        out.line("");
    }
    if !letter.more.is_empty() {
        out.line(&format!("{}: {}", letter.more, letter.more_link));
    }
    out.heading("Could we see?");
    letter.sight.iter().for_each(|(name, value)| out.line(&format!("{name}: {value}")));
    out.heading("Rates, and what is usual for this store");
    letter.rates.iter().for_each(|(name, value)| out.line(&format!("{name}: {value}")));
    out.line("");
    out.line(SOURCE);
    out.line(&letter.footer);
    out.line(&letter.link);
    out.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        self.line(text);
        self.line(&"-".repeat(text.chars().count()));
    }
}
