//! `COPY (query) TO STDOUT`: rows as a file, in PostgreSQL's text, CSV or binary format.
//!
//! A copy is a query with other paper: it passes the same gates, has the same scope, time and line in the audit, and
//! goes to the client. There is no copy to or from a file or a program of the server, and none from the client.

use std::fmt::Debug;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use datafusion::sql::sqlparser::ast::{CopyLegacyCsvOption, CopyLegacyOption, CopyOption};
use futures::{Sink, SinkExt, StreamExt};
use pgwire::api::portal::Format;
use pgwire::api::results::QueryResponse;
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};
use pgwire::messages::data::DataRow;
use tillsight_correlate::sql::Refusal;

use super::failure::Failure;

/// What a binary copy begins with: the signature, no flags, no further header.
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What a binary copy ends with.
const BINARY_END: &[u8] = b"\xff\xff";

/// How the rows of a copy are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CopyFormat {
    /// A line a row, fields between tabs, odd characters behind a backslash.
    Text {
        /// Between fields.
        delimiter: u8,
        /// In the place of a null.
        null: String,
        /// Whether the first line has the names.
        header: bool,
    },
    /// A line a row, fields in quotes where they need it.
    Csv {
        /// Between fields.
        delimiter: u8,
        /// Around fields.
        quote: u8,
        /// Before a quote within a field.
        escape: u8,
        /// In the place of a null.
        null: String,
        /// Whether the first line has the names.
        header: bool,
        /// Whether every field is in quotes that is not null.
        force_quote: bool,
    },
    /// Lengths and values, as they travel in binary.
    Binary,
}

impl CopyFormat {
    /// Reads the options of a `COPY`, in either way of writing them.
    ///
    /// # Errors
    /// [`Refusal`] for an option that a copy to the client does not have.
    pub(super) fn read(options: &[CopyOption], legacy: &[CopyLegacyOption]) -> Result<Self, Refusal> {
        let (mut format, mut delimiter, mut null) = ("text".to_owned(), None, None);
        let (mut quote, mut escape, mut header, mut force_quote) = ('"', None, false, false);
        for option in options {
            match option {
                CopyOption::Format(name) => format = name.value.to_lowercase(),
                CopyOption::Delimiter(character) => delimiter = Some(*character),
                CopyOption::Null(text) => null = Some(text.clone()),
                CopyOption::Header(on) => header = *on,
                CopyOption::Quote(character) => quote = *character,
                CopyOption::Escape(character) => escape = Some(*character),
                CopyOption::Encoding(name) if matches!(name.to_lowercase().as_str(), "utf8" | "utf-8") => {}
                other => return Err(refused(&other.to_string())),
            }
        }
        for option in legacy {
            match option {
                CopyLegacyOption::Binary => "binary".clone_into(&mut format),
                CopyLegacyOption::Delimiter(character) => delimiter = Some(*character),
                CopyLegacyOption::Null(text) => null = Some(text.clone()),
                CopyLegacyOption::Header => header = true,
                CopyLegacyOption::Csv(options) => {
                    "csv".clone_into(&mut format);
                    for option in options {
                        match option {
                            CopyLegacyCsvOption::Header => header = true,
                            CopyLegacyCsvOption::Quote(character) => quote = *character,
                            CopyLegacyCsvOption::Escape(character) => escape = Some(*character),
                            CopyLegacyCsvOption::ForceQuote(columns) if columns.is_empty() => force_quote = true,
                            other => return Err(refused(&other.to_string())),
                        }
                    }
                }
                other => return Err(refused(&other.to_string())),
            }
        }
        match format.as_str() {
            "binary" => Ok(Self::Binary),
            "text" => {
                let delimiter = byte(delimiter.unwrap_or('\t'))?;
                Ok(Self::Text { delimiter, null: null.unwrap_or_else(|| "\\N".to_owned()), header })
            }
            "csv" => Ok(Self::Csv {
                delimiter: byte(delimiter.unwrap_or(','))?,
                quote: byte(quote)?,
                escape: byte(escape.unwrap_or(quote))?,
                null: null.unwrap_or_default(),
                header,
                force_quote,
            }),
            other => Err(Refusal::unsupported(format!("COPY writes text, csv or binary, not {other}"))),
        }
    }

    /// How the values of its rows are encoded.
    pub(super) fn format(&self) -> Format {
        match self {
            Self::Binary => Format::UnifiedBinary,
            Self::Text { .. } | Self::Csv { .. } => Format::UnifiedText,
        }
    }

    fn begin(&self, names: &[&str], out: &mut BytesMut) {
        match self {
            Self::Binary => out.put_slice(BINARY_HEADER),
            Self::Text { header: true, .. } | Self::Csv { header: true, .. } => {
                self.line(names.iter().map(|name| Some(Bytes::copy_from_slice(name.as_bytes()))), out);
            }
            Self::Text { .. } | Self::Csv { .. } => {}
        }
    }

    fn row(&self, row: DataRow, out: &mut BytesMut) {
        match self {
            Self::Binary => {
                out.put_i16(row.field_count);
                out.put_slice(&row.data);
            }
            Self::Text { .. } | Self::Csv { .. } => self.line(fields(row), out),
        }
    }

    fn line(&self, fields: impl Iterator<Item = Option<Bytes>>, out: &mut BytesMut) {
        for (place, field) in fields.enumerate() {
            match self {
                Self::Text { delimiter, null, .. } => {
                    if place > 0 {
                        out.put_u8(*delimiter);
                    }
                    match field {
                        Some(field) => escaped(&field, *delimiter, out),
                        None => out.put_slice(null.as_bytes()),
                    }
                }
                Self::Csv { delimiter, quote, escape, null, force_quote, .. } => {
                    if place > 0 {
                        out.put_u8(*delimiter);
                    }
                    match field {
                        Some(field) => {
                            let odd = |byte: &u8| [*delimiter, *quote, b'\n', b'\r'].contains(byte);
                            // What looks like a null, or ends the file when it stands alone, is no null in quotes.
                            let quoted = *force_quote
                                || field.iter().any(odd)
                                || field == null.as_bytes()
                                || (place == 0 && field.as_ref() == b"\\.");
                            if quoted { enclosed(&field, *quote, *escape, out) } else { out.put_slice(&field) }
                        }
                        None => out.put_slice(null.as_bytes()),
                    }
                }
                Self::Binary => {}
            }
        }
        out.put_u8(b'\n');
    }
}

fn refused(option: &str) -> Refusal {
    Refusal::unsupported(format!("COPY ... TO STDOUT has no {option} here"))
}

fn byte(character: char) -> Result<u8, Refusal> {
    match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(byte),
        _ => Err(Refusal::unsupported(format!("COPY cannot separate or quote by {character:?}"))),
    }
}

/// The values of a row in text.
fn fields(mut row: DataRow) -> impl Iterator<Item = Option<Bytes>> {
    let count = row.field_count;
    (0..count).map(move |_| {
        if row.data.remaining() < 4 {
            return None;
        }
        let length = usize::try_from(row.data.get_i32()).ok()?;
        let length = length.min(row.data.remaining());
        Some(row.data.split_to(length).freeze())
    })
}

fn escaped(field: &[u8], delimiter: u8, out: &mut BytesMut) {
    for &byte in field {
        let letter = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            8 => b'b',
            11 => b'v',
            12 => b'f',
            byte if byte == delimiter => byte,
            byte => {
                out.put_u8(byte);
                continue;
            }
        };
        out.put_slice(&[b'\\', letter]);
    }
}

fn enclosed(field: &[u8], quote: u8, escape: u8, out: &mut BytesMut) {
    out.put_u8(quote);
    for &byte in field {
        if byte == quote || byte == escape {
            out.put_u8(escape);
        }
        out.put_u8(byte);
    }
    out.put_u8(quote);
}

/// Sends the rows of an answer as a copy; says how many there were.
///
/// # Errors
/// [`PgWireError`] when the rows end too early, or the client is gone.
pub(super) async fn send<C>(client: &mut C, format: &CopyFormat, mut answer: QueryResponse) -> PgWireResult<usize>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    let schema = answer.row_schema();
    let names: Vec<&str> = schema.iter().map(|field| field.name()).collect();
    let columns = i16::try_from(names.len()).map_err(|_| Failure::new("54011", "too many columns for COPY"))?;
    let code = i8::from(*format == CopyFormat::Binary);
    let formats = vec![i16::from(code); names.len()];
    let opened = CopyOutResponse::new(code, columns, formats);
    client.send(PgWireBackendMessage::CopyOutResponse(opened)).await?;
    let mut piece = BytesMut::new();
    format.begin(&names, &mut piece);
    let mut count = 0;
    while let Some(row) = answer.data_rows().next().await {
        format.row(row?, &mut piece);
        count += 1;
        // A row a message, as PostgreSQL does it: there are clients that rely on it.
        client.feed(PgWireBackendMessage::CopyData(CopyData::new(piece.split().freeze()))).await?;
    }
    if *format == CopyFormat::Binary {
        piece.put_slice(BINARY_END);
    }
    if !piece.is_empty() {
        client.feed(PgWireBackendMessage::CopyData(CopyData::new(piece.freeze()))).await?;
    }
    client.feed(PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: &CopyFormat, fields: &[Option<&'static str>]) -> String {
        let mut out = BytesMut::new();
        format.line(fields.iter().map(|field| field.map(|text| Bytes::from_static(text.as_bytes()))), &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn odd_characters_survive_a_copy() {
        let text = CopyFormat::read(&[], &[]).unwrap();
        assert_eq!(written(&text, &[Some("a\tb\\c\nd"), None, Some("")]), "a\\tb\\\\c\\nd\t\\N\t\n");
        let csv = CopyFormat::read(&[CopyOption::Format("csv".into())], &[]).unwrap();
        assert_eq!(written(&csv, &[Some("a,\"b\""), None, Some(""), Some("c")]), "\"a,\"\"b\"\"\",,\"\",c\n");
    }

    #[test]
    fn what_a_copy_to_the_client_does_not_have_is_refused() {
        for options in [vec![CopyOption::Format("parquet".into())], vec![CopyOption::Freeze(true)]] {
            assert!(CopyFormat::read(&options, &[]).is_err());
        }
        assert!(CopyFormat::read(&[CopyOption::Delimiter('→')], &[]).is_err());
    }
}
