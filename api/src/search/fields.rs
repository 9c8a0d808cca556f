//! [`Fields`]: what the index knows about a document, and how its text becomes words: lower case, without accents, no
//! stemming (a receipt says `HDPHN BLK`, not prose).

use tantivy::Index;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RawTokenizer, RemoveLongFilter, SimpleTokenizer, TextAnalyzer,
};

/// Rises when documents are made in another way: an index of another format is built anew.
pub(super) const FORMAT: u32 = 3;
/// Words of running text.
const WORDS: &str = "words";
/// A name as one word, whatever its case.
const NAME: &str = "name";
/// The longest word that is indexed, in bytes.
const LONGEST_WORD: usize = 64;

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ident;)*) => {
        /// The fields of every document.
        #[derive(Debug, Clone, Copy)]
        pub(super) struct Fields {
            $($(#[doc = $doc])* pub(super) $name: Field,)*
        }

        impl Fields {
            /// The schema of the index and its fields.
            pub(super) fn schema() -> (Schema, Self) {
                let mut schema = Schema::builder();
                let fields = Self { $($name: kinds::$kind(&mut schema, stringify!($name)),)* };
                (schema.build(), fields)
            }
        }
    };
}

fields! {
    /// `receipt/<event id>` or `alert/<alert id>`: unique.
    key: exact;
    /// `receipt` or `alert`.
    kind: facet;
    /// The retailer, exactly.
    tenant: exact;
    /// `tenant/store`, exactly: what scopes filter by.
    scope: exact;
    /// The shop.
    store: facet;
    /// The register.
    register: facet;
    /// Who worked it.
    operator: facet;
    /// Whom an alert concerns: `/operator` and `store/operator`, exactly; what scopes leave out by.
    concerned: exact;
    /// The kind of transaction, as its code.
    transaction: facet;
    /// The rule of an alert.
    rule: facet;
    /// How much an alert matters.
    severity: facet;
    /// What was decided about an alert.
    disposition: facet;
    /// `standing`, `amended` or `retracted`.
    state: facet;
    /// `open` or `closed`.
    status: facet;
    /// Whether a customer was seen: `no`, `yes` or `unknown`.
    customer: facet;
    /// ISO 4217 code.
    currency: facet;
    /// The number on the receipt.
    receipt: name;
    /// GTINs and the shop's own item numbers, without leading zeros.
    code: name;
    /// The transactions of an alert.
    event: facet;
    /// The transaction that a receipt replaces.
    replaces: facet;
    /// Who sent a receipt.
    integrator: facet;
    /// The business day of a receipt, in days of the common era.
    day: number;
    /// The till's running number of a receipt.
    sequence: number;
    /// Everything that can be read.
    text: words;
    /// When it completed, by the till's own clock, in microseconds.
    at: number;
    /// The amount in thousandths of the currency's unit, so that amounts of all currencies compare.
    amount: number;
    /// The revision of the record.
    revision: number;
    /// Puts documents of the same instant in an order.
    tie: ordinal;
    /// The record as JSON.
    document: stored;
}

/// The kinds of fields.
mod kinds {
    use super::{FAST, Field, INDEXED, IndexRecordOption, NAME, STORED, STRING, TextFieldIndexing, TextOptions, WORDS};
    use tantivy::schema::SchemaBuilder;

    pub(super) fn exact(schema: &mut SchemaBuilder, name: &str) -> Field {
        schema.add_text_field(name, STRING)
    }

    pub(super) fn name(schema: &mut SchemaBuilder, name: &str) -> Field {
        schema.add_text_field(name, TextOptions::default().set_indexing_options(as_name()))
    }

    pub(super) fn facet(schema: &mut SchemaBuilder, name: &str) -> Field {
        let raw = tantivy::tokenizer::RAW_TOKENIZER_NAME;
        schema.add_text_field(name, TextOptions::default().set_indexing_options(as_name()).set_fast(raw))
    }

    fn as_name() -> TextFieldIndexing {
        TextFieldIndexing::default()
            .set_tokenizer(NAME)
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::Basic)
    }

    pub(super) fn words(schema: &mut SchemaBuilder, name: &str) -> Field {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(WORDS)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        schema.add_text_field(name, TextOptions::default().set_indexing_options(indexing))
    }

    pub(super) fn number(schema: &mut SchemaBuilder, name: &str) -> Field {
        schema.add_i64_field(name, INDEXED | FAST)
    }

    pub(super) fn ordinal(schema: &mut SchemaBuilder, name: &str) -> Field {
        schema.add_u64_field(name, FAST)
    }

    pub(super) fn stored(schema: &mut SchemaBuilder, name: &str) -> Field {
        schema.add_text_field(name, STORED)
    }
}

/// Words of running text.
pub(super) fn words() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(LONGEST_WORD))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

/// Tells an index how text becomes words; needed whenever one is opened.
pub(super) fn teach(index: &Index) {
    index.tokenizers().register(WORDS, words());
    index.tokenizers().register(NAME, TextAnalyzer::builder(RawTokenizer::default()).filter(LowerCaser).build());
}

/// A GTIN or item number as it is indexed: the same with and without leading zeros.
pub(super) fn code(text: &str) -> String {
    let text = text.trim().to_lowercase();
    match text.trim_start_matches('0') {
        "" => text,
        rest => rest.to_owned(),
    }
}
