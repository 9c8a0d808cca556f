//! What clients may set, and what they are shown.
//!
//! Only settings that change how answers are written, or that change nothing here, can be set. A client cannot raise its
//! limits, choose another role, or reach the engine's own options. What would change the meaning of a statement and does
//! not ([`notice`]) is accepted, for clients send it at their start; the client is told, and shown what holds.

use std::collections::BTreeMap;
use std::time::Duration;

use datafusion::sql::sqlparser::ast::{
    Expr, Set, SetSessionAuthorizationParam, SetSessionAuthorizationParamKind, Value,
};
use tillsight_correlate::sql::{DEFAULT_SCHEMA, Refusal};

use super::gate;

/// Settings that clients send and that change nothing here.
const IGNORED: &[&str] = &[
    "application_name",
    "client_min_messages",
    "enable_seqscan",
    "escape_string_warning",
    "extra_float_digits",
    "geqo",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "jit",
    "lock_timeout",
    "max_parallel_workers_per_gather",
    "synchronize_seqscans",
    "row_security",
];

/// How clients say UTC, or whatever there is.
const UTC: &[&str] = &["utc", "etc/utc", "gmt", "z", "0", "+00", "+00:00", "default", "local"];

/// Settings that have one value only.
const FIXED: &[(&str, &[&str])] = &[
    ("client_encoding", &["utf8", "utf-8", "unicode"]),
    ("default_transaction_read_only", &["on", "true", "1", "yes"]),
    ("transaction_read_only", &["on", "true", "1", "yes"]),
    ("standard_conforming_strings", &["on", "true", "1", "yes"]),
    ("names", &["utf8", "utf-8", "unicode"]),
];

/// Settings that are shown.
const SHOWN: &[&str] = &[
    "bytea_output",
    "client_encoding",
    "datestyle",
    "default_table_access_method",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "intervalstyle",
    "is_superuser",
    "lc_collate",
    "lc_ctype",
    "max_identifier_length",
    "max_index_keys",
    "search_path",
    "server_encoding",
    "server_version",
    "server_version_num",
    "standard_conforming_strings",
    "statement_timeout",
    "timezone",
    "transaction_isolation",
    "transaction_read_only",
];

/// The settings of one connection.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    limit: Duration,
    timeout: Duration,
    set: BTreeMap<String, String>,
}

impl Settings {
    /// The settings of a new connection whose statements may take `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, timeout: limit, set: BTreeMap::new() }
    }

    /// How long a statement may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Changes a setting; returns its name and value when the way answers are written depends on it.
    ///
    /// # Errors
    /// [`Refusal`] when the setting cannot be changed, or not to this value.
    pub(super) fn change(&mut self, set: &Set) -> Result<Option<(String, String)>, Refusal> {
        if let Some((name, value)) = assigned(set) {
            return self.assign(&name, &value);
        }
        match set {
            Set::SetNames { charset_name, .. } => self.assign("names", &charset_name.value),
            Set::SetNamesDefault {} => Ok(None),
            Set::SetTransaction { modes, snapshot: None, .. } => gate::read_only(modes).map(|()| None),
            // Back to whoever logged in, which nobody ever left.
            Set::SetSessionAuthorization(SetSessionAuthorizationParam {
                kind: SetSessionAuthorizationParamKind::Default,
                ..
            })
            | Set::SetRole { role_name: None, .. } => Ok(None),
            Set::SetRole { .. } | Set::SetSessionAuthorization(_) => {
                Err(Refusal::denied("the role cannot be changed: log in as the user whose rows you want to see"))
            }
            other => Err(Refusal::unsupported(format!("{other} is not available here"))),
        }
    }

    /// Changes a setting by name, as a start-up packet does.
    ///
    /// # Errors
    /// [`Refusal`] when the setting cannot be changed, or not to this value.
    pub(super) fn assign(&mut self, name: &str, value: &str) -> Result<Option<(String, String)>, Refusal> {
        let plain = value.trim().to_lowercase();
        if plain == "default" {
            self.reset(Some(name));
            return Ok(None);
        }
        match name {
            "statement_timeout" => {
                let asked = duration(&plain)
                    .ok_or_else(|| Refusal::unsupported(format!("statement_timeout {value:?} is not a duration")))?;
                if asked > self.limit {
                    let limit = self.limit.as_secs();
                    return Err(Refusal::denied(format!("statement_timeout can be {limit} s at most")));
                }
                // Zero asks for no limit: there is always one.
                self.timeout = if asked.is_zero() { self.limit } else { asked };
                Ok(None)
            }
            "datestyle" | "intervalstyle" | "bytea_output" => {
                self.set.insert(name.to_owned(), value.to_owned());
                Ok(Some((name.to_owned(), value.to_owned())))
            }
            "search_path" | "timezone" => Ok(None),
            _ if IGNORED.contains(&name) => {
                self.set.insert(name.to_owned(), value.to_owned());
                Ok((name == "extra_float_digits").then(|| (name.to_owned(), value.to_owned())))
            }
            _ => match FIXED.iter().find(|(fixed, _)| *fixed == name) {
                Some((_, allowed)) if allowed.contains(&plain.as_str()) => Ok(None),
                Some((_, allowed)) => Err(Refusal::denied(format!(
                    "{name} is {} here and cannot be {value:?}",
                    allowed.first().copied().unwrap_or_default()
                ))),
                None => Err(Refusal::denied(format!("{name} cannot be set on this connection"))),
            },
        }
    }

    /// Sets one or all settings back.
    pub(super) fn reset(&mut self, name: Option<&str>) {
        match name {
            Some("statement_timeout") => self.timeout = self.limit,
            Some(name) => {
                self.set.remove(name);
            }
            None => *self = Self::new(self.limit),
        }
    }

    /// Every setting that has a name of its own, with its value.
    pub(super) fn all(&self) -> Vec<(&'static str, String)> {
        let names = SHOWN.iter().chain(IGNORED).copied();
        let mut all: Vec<_> = names.filter_map(|name| Some((name, self.show(name).ok()?))).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The value of a setting.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such setting.
    pub(super) fn show(&self, name: &str) -> Result<String, Refusal> {
        let name = match name {
            "time_zone" => "timezone",
            "transaction_isolation_level" => "transaction_isolation",
            other => other,
        };
        if let Some(value) = self.set.get(name) {
            return Ok(value.clone());
        }
        Ok(match name {
            "statement_timeout" => format!("{}ms", self.timeout.as_millis()),
            "server_version" => super::catalog::server_version(),
            "server_version_num" => super::catalog::VERSION_NUM.to_owned(),
            "client_encoding" | "server_encoding" => "UTF8".to_owned(),
            "datestyle" => "ISO, YMD".to_owned(),
            "intervalstyle" => "postgres".to_owned(),
            "bytea_output" => "hex".to_owned(),
            "timezone" => "UTC".to_owned(),
            "search_path" => DEFAULT_SCHEMA.to_owned(),
            "extra_float_digits" => "1".to_owned(),
            "transaction_isolation" | "default_transaction_isolation" => "read committed".to_owned(),
            "transaction_read_only"
            | "default_transaction_read_only"
            | "standard_conforming_strings"
            | "integer_datetimes" => "on".to_owned(),
            "is_superuser" | "jit" | "in_hot_standby" => "off".to_owned(),
            "max_identifier_length" => "63".to_owned(),
            "max_index_keys" => "32".to_owned(),
            "default_table_access_method" => "heap".to_owned(),
            "lc_collate" | "lc_ctype" => "C.UTF-8".to_owned(),
            _ if IGNORED.contains(&name) => String::new(),
            _ => return Err(Refusal::unsupported(format!("there is no setting {name}"))),
        })
    }
}

/// What a client is told of a setting that was accepted and that changes nothing.
pub(super) fn notice(set: &Set) -> Option<String> {
    let (name, value) = assigned(set)?;
    let plain = value.trim().to_lowercase();
    match name.as_str() {
        "timezone" if !UTC.contains(&plain.as_str()) => Some(format!(
            "times stay in UTC: use columns that end in _local, or event_time AT TIME ZONE '{value}', for others"
        )),
        "search_path" if plain != DEFAULT_SCHEMA && plain != "default" => Some(format!(
            "names without a schema stay those of {DEFAULT_SCHEMA}: name the schema of others (lp.alerts)"
        )),
        _ => None,
    }
}

/// The name and the value of a setting that is set by its name.
fn assigned(set: &Set) -> Option<(String, String)> {
    match set {
        Set::SingleAssignment { variable, values, .. } => {
            let name = variable.to_string().replace('"', "").to_lowercase();
            Some((name, values.iter().map(text).collect::<Vec<_>>().join(", ")))
        }
        Set::SetTimeZone { value, .. } => Some(("timezone".to_owned(), text(value))),
        _ => None,
    }
}

/// The value that an expression writes down.
fn text(value: &Expr) -> String {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        Expr::Identifier(name) => name.value.clone(),
        other => other.to_string(),
    }
}

/// Reads `1500`, `1500ms`, `90s` or `2min`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic() || c == ' ');
    let number: u64 = digits.parse().ok()?;
    match text.strip_prefix(digits)?.trim() {
        "" | "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "min" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::Statement;
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn a_timeout_can_be_shortened_and_not_lengthened() {
        let mut settings = Settings::new(Duration::from_secs(60));
        settings.assign("statement_timeout", "5s").unwrap();
        assert_eq!(settings.timeout(), Duration::from_secs(5));
        settings.assign("statement_timeout", "0").unwrap();
        assert_eq!(settings.timeout(), Duration::from_secs(60));
        assert_eq!(settings.assign("statement_timeout", "2min").unwrap_err().sqlstate, "42501");
        assert!(settings.assign("statement_timeout", "soon").is_err());
        settings.assign("statement_timeout", "1500").unwrap();
        settings.reset(None);
        assert_eq!(settings.timeout(), Duration::from_secs(60));
    }

    #[test]
    fn what_drivers_send_at_the_start_is_accepted() {
        let mut settings = Settings::new(Duration::from_secs(60));
        for (name, value) in [
            ("application_name", "psql"),
            ("client_encoding", "UTF8"),
            ("datestyle", "ISO"),
            ("extra_float_digits", "3"),
            ("search_path", "public"),
            ("timezone", "Europe/Berlin"),
            ("default_transaction_read_only", "on"),
        ] {
            settings.assign(name, value).unwrap();
        }
        assert_eq!(settings.show("application_name").unwrap(), "psql");
        assert_eq!(
            (settings.show("timezone").unwrap(), settings.show("search_path").unwrap()),
            ("UTC".into(), "pos".into())
        );
        for (name, value) in [("default_transaction_read_only", "off"), ("datafusion.a.b", "1"), ("role", "postgres")] {
            assert!(settings.assign(name, value).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_set_in_vain_is_said() {
        let said = |sql: &str| {
            let parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
            let Statement::Set(set) = parsed else { panic!("{sql}") };
            Settings::new(Duration::from_secs(60)).change(&set).unwrap();
            notice(&set)
        };
        for vain in ["SET timezone = 'Europe/Berlin'", "SET TIME ZONE 'Asia/Tokyo'", "SET search_path = lp, public"] {
            assert!(said(vain).is_some(), "{vain}");
        }
        for quiet in ["SET timezone TO 'UTC'", "SET TIME ZONE 'GMT'", "SET search_path = pos", "SET jit = off"] {
            assert_eq!(said(quiet), None, "{quiet}");
        }
    }
}
