//! `make bench-check`: the written results read again. Whether a bar holds follows from value and bar, and what was measured
//! before the last commit is no statement about it.

use chrono::DateTime;
use serde_json::Value;

use crate::machine;
use crate::sheet::{folder, holds};

/// Prints what is wrong; the exit code says whether anything is.
pub(crate) fn check() -> i32 {
    let mut problems = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(folder()).map(|files| files.flatten().collect()).unwrap_or_default();
    files.sort_by_key(std::fs::DirEntry::path);
    if files.is_empty() {
        problems.push(format!("{} holds no results: run make bench", folder().display()));
    }
    for file in files {
        let name = file.path().display().to_string();
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        match serde_json::from_str(&text) {
            Ok(sheet) => problems.extend(problems_of(&sheet).into_iter().map(|problem| format!("{name}: {problem}"))),
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    for problem in &problems {
        println!("{problem}");
    }
    i32::from(!problems.is_empty())
}

fn problems_of(sheet: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let started = sheet["started"].as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    if started.is_none_or(|at| at.timestamp() < machine::committed_at()) {
        problems.push("was measured before the last commit: run make bench again".to_owned());
    }
    for row in sheet["results"].as_array().into_iter().flatten() {
        let name = row["name"].as_str().unwrap_or("a row without a name");
        let found = match (row["value"].as_f64(), row["bar"].as_str()) {
            (Some(value), Some(bar)) => holds(value, bar).map_or(Value::Null, Value::Bool),
            // What was not measured does not hold.
            (None, Some(_)) => Value::Bool(false),
            _ => Value::Null,
        };
        if row["holds"] != found {
            problems.push(format!("{name}: holds is {}, but value and bar say {found}", row["holds"]));
        }
        if found == Value::Bool(false) && row["value"].is_null() {
            problems.push(format!("{name}: there is no value for {}: {}", row["bar"], row["note"]));
        } else if found == Value::Bool(false) {
            problems.push(format!("{name}: {} {} does not hold {}", row["value"], row["unit"], row["bar"]));
        }
    }
    problems
}
