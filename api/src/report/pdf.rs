//! The report as PDF, set by typst within the process: tagged (PDF/UA-1), fonts inside, the same bytes for the same report.
//!
//! The world that typst sees is the template, the letter as JSON, charts and stills; it has no files, network, packages or
//! clock. What tills say arrives as values, never as markup. The fonts know Latin, Greek and Cyrillic letters; where a
//! letter has no picture in any of them the PDF is tagged all the same, but does not claim PDF/UA.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::json;
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use super::ReportError;
use super::chart::Chart;
use super::letter::Letter;

const TEMPLATE: &str = include_str!("report.typ");
/// Documents for which typst keeps what it worked out.
const KEPT: usize = 2;

static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::default()));
static FONTS: LazyLock<(LazyHash<FontBook>, Vec<Font>)> = LazyLock::new(|| {
    let fonts: Vec<Font> = typst_assets::fonts().flat_map(|data| Font::iter(Bytes::new(data))).collect();
    (LazyHash::new(FontBook::from_fonts(&fonts)), fonts)
});

/// The document.
///
/// # Errors
/// [`ReportError::Pdf`], which is a defect.
pub(super) fn document(
    letter: &Letter,
    charts: &[Chart],
    pictures: &[Option<Vec<u8>>],
) -> Result<Vec<u8>, ReportError> {
    let mut sheet = Sheet::new()?;
    let mut drawn = Vec::new();
    for chart in charts {
        let file = format!("/{}.svg", chart.name);
        drawn.push(json!({ "file": file, "title": chart.title, "alt": chart.alt }));
        sheet.put(&file, Bytes::from_string(chart.svg.clone()))?;
    }
    let mut stills = Vec::new();
    for (n, picture) in pictures.iter().enumerate() {
        let file = format!("/still-{n}.jpg");
        stills.push(picture.is_some().then(|| file.clone()));
        if let Some(picture) = picture {
            sheet.put(&file, Bytes::new(picture.clone()))?;
        }
    }
    let mut values = serde_json::to_value(letter)?;
    if let Some(values) = values.as_object_mut() {
        values.insert("charts".to_owned(), drawn.into());
        values.insert("stills".to_owned(), json!(stills));
    }
    sheet.put("/letter.json", Bytes::new(serde_json::to_vec(&values)?))?;
    let made = set(&sheet, letter);
    typst::comemo::evict(KEPT);
    made
}

fn set(sheet: &Sheet, letter: &Letter) -> Result<Vec<u8>, ReportError> {
    let laid_out = typst::compile(sheet).output.map_err(|errors| failed(&errors))?;
    let accessible = PdfStandards::new(&[PdfStandard::Ua_1]);
    let accessible = accessible.map_err(|error| ReportError::Pdf(error.message().to_string()))?;
    let options = |standards| PdfOptions {
        ident: Smart::Custom(letter.title()),
        creator: Smart::Custom(Some("Tillsight".to_owned())),
        standards,
        ..PdfOptions::default()
    };
    match typst_pdf::pdf(&laid_out, &options(accessible)) {
        Ok(bytes) => Ok(bytes),
        Err(errors) => {
            tracing::warn!(why = %failed(&errors), "a report's PDF does not claim PDF/UA");
            typst_pdf::pdf(&laid_out, &options(PdfStandards::default())).map_err(|errors| failed(&errors))
        }
    }
}

fn failed<'a>(errors: impl IntoIterator<Item = &'a SourceDiagnostic>) -> ReportError {
    let said: Vec<&str> = errors.into_iter().map(|error| error.message.as_str()).collect();
    ReportError::Pdf(said.join("; "))
}

/// All that typst sees.
struct Sheet {
    template: Source,
    files: BTreeMap<String, Bytes>,
}

impl Sheet {
    fn new() -> Result<Self, ReportError> {
        let template = Source::new(id("/report.typ")?, TEMPLATE.to_owned());
        Ok(Self { template, files: BTreeMap::new() })
    }

    fn put(&mut self, path: &str, bytes: Bytes) -> Result<(), ReportError> {
        id(path)?;
        self.files.insert(path.to_owned(), bytes);
        Ok(())
    }
}

fn id(path: &str) -> Result<FileId, ReportError> {
    let path = VirtualPath::new(path).map_err(|_| ReportError::Pdf(format!("{path} is no path")))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

impl World for Sheet {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FONTS.0
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() { Ok(self.template.clone()) } else { Err(missing(id)) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.get(id.get().vpath().get_with_slash()).cloned().ok_or_else(|| missing(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.1.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn missing(id: FileId) -> FileError {
    FileError::NotFound(PathBuf::from(id.get().vpath().get_with_slash()))
}

#[cfg(test)]
mod tests {
    use super::super::chart::charts;
    use super::super::letter::sample;
    use super::*;

    #[test]
    fn the_same_report_is_the_same_pdf_tagged_and_with_a_title() {
        let of = sample();
        let make = || {
            document(&Letter::of(&of, &["Transactions: 121, before 118".to_owned()]), &charts(&of.report), &of.pictures)
        };
        let pdf = make().unwrap();
        assert_eq!(pdf, make().unwrap());
        assert!(pdf.starts_with(b"%PDF-1."));
        let text = String::from_utf8_lossy(&pdf);
        for wanted in ["/StructTreeRoot", "/MarkInfo", "/Lang", "pdfuaid", "/FontFile"] {
            assert!(text.contains(wanted), "{wanted}");
        }
    }

    #[test]
    fn a_letter_that_no_font_has_does_not_stop_the_report() {
        let mut of = sample();
        of.report.exceptions[0].lines[0].description = Some("牛乳".to_owned());
        let pdf = document(&Letter::of(&of, &[]), &[], &of.pictures).unwrap();
        assert!(pdf.starts_with(b"%PDF-1."));
    }
}
