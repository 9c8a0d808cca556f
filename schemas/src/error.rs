//! What kind of failure an error is: the one question that callers ask of errors from other crates.
//!
//! Every crate has its own error type; each maps to an [`ErrorKind`], and `api` maps the kind to an HTTP status and
//! an exit code. The text of an error is for the person who reads the log, never for a program.

/// What the receiver of an error can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request or document is wrong; sending it again changes nothing.
    Invalid,
    /// The caller may not do this.
    Denied,
    /// There is no such thing.
    NotFound,
    /// It clashes with what is already there.
    Conflict,
    /// A quota, disk or queue is full.
    Exhausted,
    /// Something outside (broker, database, camera) does not answer; trying again may help.
    Unavailable,
    /// Bytes that were written are gone or damaged.
    DataLoss,
    /// A defect of ours.
    Internal,
}

/// Implemented by the error type of every crate.
pub trait HasKind {
    /// Returns what the receiver can do about this error.
    fn kind(&self) -> ErrorKind;
}

/// Formats an error with all its causes, `outermost: cause: root cause`.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
