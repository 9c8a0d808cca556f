//! Parses the text of a configuration, and goes on after what is wrong, so that everything is said at once.

use super::Config;

/// The configuration of a text.
///
/// # Errors
/// What is wrong, at most once for each section, with line and column.
pub(super) fn parse(text: &str) -> Result<Config, Vec<String>> {
    let mut problems = Vec::new();
    let mut rest = text.to_owned();
    loop {
        match toml::from_str(&rest) {
            Ok(config) if problems.is_empty() => return Ok(config),
            Ok(_) => break,
            Err(error) => {
                let place = error.span().map_or(text.len(), |span| span.start);
                problems.push((place, error.to_string().trim_end().to_owned()));
                let Some(next) = without_section(&rest, place) else { break };
                rest = next;
            }
        }
    }
    problems.sort();
    Err(problems.into_iter().map(|(_, problem)| problem).collect())
}

/// The text with blanks for the section at a place: the others keep theirs. `None` if it was blank already.
fn without_section(text: &str, place: usize) -> Option<String> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if is_header(line) {
            starts.push(at);
        }
        at += line.len();
    }
    starts.push(text.len());
    let end = starts.iter().position(|start| *start > place).unwrap_or(starts.len() - 1);
    let (from, to) = (*starts.get(end.checked_sub(1)?)?, *starts.get(end)?);
    let (before, section, after) = (text.get(..from)?, text.get(from..to)?, text.get(to..)?);
    let blank: String = section.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    (blank != section).then(|| format!("{before}{blank}{after}"))
}

/// Whether a line begins a section, and not one more point of a polygon.
fn is_header(line: &str) -> bool {
    let inner = line.split('#').next().unwrap_or_default().trim();
    let name = inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.[]\"".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_says_what_is_wrong_with_it_and_where() {
        let text = "[kafka]\nport = \"many\"\n\n[http]\nlisten = \"127.0.0.1:8080\"\n\n[sql]\nmemory = 5\n\n[[camera]]\nid = 3\n";
        let problems = parse(text).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        for (problem, line) in problems.iter().zip(["line 2", "line 8", "line 11"]) {
            assert!(problem.contains(line), "{problem}");
        }
        let points = "[[zone]]\ncamera = 1\nroi = [\n  [0.1, 0.2],\n  [0.3, 0.4]\n]\n[sql]\nmemory = 5\n";
        assert_eq!(parse(points).unwrap_err().len(), 2);
        let unclosed = parse("[data\ndir = \"x\"\n[sql]\nmemory = 5\n").unwrap_err();
        assert_eq!(unclosed.len(), 2, "{unclosed:?}");
        assert!(parse("[data]\ndir = \"x\"\n").is_ok());
        assert_eq!(parse("speed = 5").unwrap_err().len(), 1);
    }
}
