//! [`Element`]: a small tree of an XML document that a camera sent.
//!
//! Cameras are not trusted: no document type, no entities but the five of XML and characters, and bounds on size, depth
//! and number of elements. Names are kept without their prefix, because cameras differ in prefixes and some in
//! namespaces; every element knows where it stands in the text, so that a statement can be kept as it was sent.

use std::ops::Range;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// The longest document that is read, in bytes.
pub(super) const MAX_BYTES: usize = 4 << 20;
/// The deepest nesting.
const MAX_DEPTH: usize = 48;
/// The most elements of a document.
const MAX_ELEMENTS: usize = 50_000;
/// The longest text of an element or an attribute that is kept, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is longer than 4 MiB.
    #[error("the document has {0} bytes, more than {MAX_BYTES}")]
    TooLong(usize),
    /// It is nested deeper, or has more elements, than any camera's.
    #[error("the document is nested deeper than {MAX_DEPTH} or has more than {MAX_ELEMENTS} elements")]
    TooComplex,
    /// It declares a document type.
    #[error("the document declares a document type, which no camera needs")]
    DocumentType,
    /// It is not text.
    #[error("the document is not UTF-8 at byte {0}")]
    NotText(usize),
    /// It is not well formed.
    #[error("the document is not well-formed XML at byte {at}: {problem}")]
    Malformed {
        /// Where.
        at: u64,
        /// What is wrong.
        problem: String,
    },
}

/// An element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Element {
    /// Its name without prefix.
    pub(super) name: String,
    /// Its attributes, names without prefix; declarations of namespaces are left out.
    pub(super) attributes: Vec<(String, String)>,
    /// Its text, without the text of its children, trimmed.
    pub(super) text: String,
    /// Its children, in order.
    pub(super) children: Vec<Self>,
    /// Where it stands in the document, in bytes.
    pub(super) span: Range<usize>,
}

impl Element {
    /// Reads a document and returns its outermost element.
    ///
    /// # Errors
    /// [`XmlError`], with the place.
    pub(super) fn parse(document: &[u8]) -> Result<Self, XmlError> {
        if document.len() > MAX_BYTES {
            return Err(XmlError::TooLong(document.len()));
        }
        let text = std::str::from_utf8(document).map_err(|error| XmlError::NotText(error.valid_up_to()))?;
        // Some cameras end a document with zero bytes.
        let text = text.trim_end_matches('\0');
        let mut reader = quick_xml::Reader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        let mut elements = 0_usize;
        loop {
            let start = position(reader.buffer_position());
            let event = reader.read_event().map_err(|error| malformed(reader.error_position(), error))?;
            let end = position(reader.buffer_position());
            let closed = match event {
                Event::Start(tag) | Event::Empty(tag) if open.len() >= MAX_DEPTH || elements >= MAX_ELEMENTS => {
                    drop(tag);
                    return Err(XmlError::TooComplex);
                }
                Event::Start(tag) => {
                    elements += 1;
                    open.push(Self::begin(&tag, start..end)?);
                    None
                }
                Event::Empty(tag) => {
                    elements += 1;
                    Some(Self::begin(&tag, start..end)?)
                }
                Event::End(_) => {
                    let closed = open.pop();
                    if closed.is_none() {
                        return Err(malformed(start as u64, "an end without a beginning"));
                    }
                    closed.map(|mut element| {
                        element.span.end = end;
                        element.text = element.text.trim().to_owned();
                        element
                    })
                }
                Event::Text(text) => {
                    push_text(&mut open, &text.xml10_content());
                    None
                }
                Event::CData(text) => {
                    push_text(&mut open, &text.xml10_content());
                    None
                }
                Event::GeneralRef(reference) => {
                    let text = resolve(&reference).ok_or_else(|| malformed(start as u64, "an unknown entity"))?;
                    push_text(&mut open, &text);
                    None
                }
                Event::DocType(_) => return Err(XmlError::DocumentType),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => None,
                Event::Eof => return Err(malformed(start as u64, "it ends before its outermost element does")),
            };
            if let Some(closed) = closed {
                match open.last_mut() {
                    Some(parent) => parent.children.push(closed),
                    None => return Ok(closed),
                }
            }
        }
    }

    fn begin(tag: &BytesStart<'_>, span: Range<usize>) -> Result<Self, XmlError> {
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| malformed(span.start as u64, error))?;
            let name: &str = attribute.key.as_ref();
            if name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            let local = name.rsplit(':').next().unwrap_or(name).to_owned();
            let value = attribute
                .normalized_value(XmlVersion::Explicit1_0)
                .map_err(|error| malformed(span.start as u64, error))?;
            attributes.push((local, cut(&value, MAX_TEXT).to_owned()));
        }
        let name = tag.local_name();
        let name: &str = name.as_ref();
        Ok(Self { name: name.to_owned(), attributes, span, ..Self::default() })
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element at the end of a path of children.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// All children of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element of this name, this one or one below it, in the order of the document.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|child| child.find(name)) }
    }

    /// The element as it was sent, at most so many bytes of it; lossy only where a character was cut.
    pub(super) fn raw(&self, document: &[u8], limit: usize) -> String {
        let bytes = document.get(self.span.clone()).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(..limit).unwrap_or(bytes)).into_owned()
    }
}

/// The first `limit` bytes of a text, fewer where a character would be cut.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn malformed(at: u64, problem: impl std::fmt::Display) -> XmlError {
    XmlError::Malformed { at, problem: problem.to_string() }
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        let room = MAX_TEXT.saturating_sub(element.text.len());
        element.text.push_str(cut(text, room));
    }
}

fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character.to_string());
    }
    let name = match &*reference.xml10_content() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return None,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prefixes_do_not_matter_and_places_are_kept() {
        let document = b"<?xml version=\"1.0\"?><a:X xmlns:a=\"urn:x\"><b a:At='1 &amp; 2'>t&#65;&lt;<![CDATA[<c>]]></b></a:X>\0\0";
        let x = Element::parse(document).unwrap();
        assert_eq!((x.name.as_str(), x.attributes.len()), ("X", 0));
        let b = x.child("b").unwrap();
        assert_eq!((b.attribute("At"), b.text.as_str()), (Some("1 & 2"), "tA<<c>"));
        assert_eq!(b.raw(document, 8), "<b a:At=");
        assert!(x.raw(document, 1000).ends_with("</a:X>"));
    }

    #[test]
    fn documents_that_attack_are_refused_in_words() {
        let bomb = b"<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\">]><x>&a;</x>";
        assert_eq!(Element::parse(bomb), Err(XmlError::DocumentType));
        assert!(Element::parse(b"<x>&a;</x>").unwrap_err().to_string().contains("entity"));
        assert_eq!(Element::parse("<x>".repeat(100).as_bytes()), Err(XmlError::TooComplex));
        let wide = format!("<x>{}</x>", "<y/>".repeat(MAX_ELEMENTS + 1));
        assert_eq!(Element::parse(wide.as_bytes()), Err(XmlError::TooComplex));
        assert!(matches!(Element::parse(&vec![b' '; MAX_BYTES + 1]), Err(XmlError::TooLong(_))));
        assert_eq!(Element::parse(b"<x>\xff</x>"), Err(XmlError::NotText(3)));
    }

    #[test]
    fn half_a_document_is_an_error() {
        for half in ["", "   ", "<x>", "<x></y>", "</x>", "<x a=>", "<x a='1", "text"] {
            assert!(Element::parse(half.as_bytes()).is_err(), "{half:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            drop(Element::parse(&bytes));
        }

        #[test]
        fn nothing_that_looks_like_xml_makes_it_panic(text in "[<>/a-c='\"& ;#x0-9!\\[\\]-]{0,200}") {
            drop(Element::parse(text.as_bytes()));
        }
    }
}
