//! [`Segment`]: an hour of a store's transactions, or a week of its rare ones, as rows of the tables that rules read.
//!
//! Rows are made once, when a rule asks for them first, and handed out without being copied. A tick sees whole segments:
//! more than an anchor's neighbourhood, which changes nothing, because [`super::lint`] lets only rules through whose SQL
//! bounds what it reads.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::{history, tables};

/// So many pieces of a table become one.
const PIECES: usize = 8;

/// The rows of a table, and of how many transactions they are.
#[derive(Debug, Default)]
struct Shelf {
    pieces: Vec<RecordBatch>,
    done: usize,
}

/// Some time of a store.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    posted: Vec<Arc<PostedTransaction>>,
    pos: Shelf,
    lines: Shelf,
    tenders: Shelf,
    history: Shelf,
}

impl Segment {
    /// Takes in a transaction.
    pub(crate) fn add(&mut self, posted: Arc<PostedTransaction>) {
        self.posted.push(posted);
    }

    /// Takes one out that was replaced; the rest is laid out anew.
    pub(crate) fn remove(&mut self, id: Uuid) {
        self.posted.retain(|posted| posted.header.event_id != id);
        (self.pos, self.lines, self.tenders, self.history) = Default::default();
    }

    /// The rows of `pos`, `lines`, `tenders` or `history`; none of other tables.
    ///
    /// # Errors
    /// Never, if the columns are what [`tables`] says.
    pub(crate) fn rows(&mut self, table: &str) -> Result<&[RecordBatch], ArrowError> {
        type Make = fn(&[&PostedTransaction]) -> Result<RecordBatch, ArrowError>;
        let (shelf, make): (&mut Shelf, Make) = match table {
            "pos" => (&mut self.pos, tables::pos),
            "lines" => (&mut self.lines, tables::lines),
            "tenders" => (&mut self.tenders, tables::tenders),
            "history" => (&mut self.history, history::rows),
            _ => return Ok(&[]),
        };
        let new: Vec<&PostedTransaction> = self.posted.iter().skip(shelf.done).map(|posted| &**posted).collect();
        if !new.is_empty() {
            shelf.pieces.push(make(&new)?);
            shelf.done = self.posted.len();
        }
        if shelf.pieces.len() > PIECES
            && let Some(first) = shelf.pieces.first()
        {
            shelf.pieces = vec![concat_batches(&first.schema(), &shelf.pieces)?];
        }
        Ok(&shelf.pieces)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::*;

    fn sale(number: u128) -> Arc<PostedTransaction> {
        let sample = include_str!("../../../schemas/samples/v1/posted_transaction.json");
        let mut posted: PostedTransaction = serde_json::from_str(sample).unwrap();
        posted.header.event_id = Uuid::from_u128(number);
        Arc::new(posted)
    }

    fn ids(segment: &mut Segment) -> Vec<String> {
        let pieces = segment.rows("pos").unwrap();
        let ids = pieces.iter().flat_map(|piece| piece.column(0).as_string_view().iter().flatten());
        let mut ids: Vec<String> = ids.map(ToOwned::to_owned).collect();
        ids.sort();
        ids
    }

    #[test]
    fn rows_are_made_once_and_pieces_become_one() {
        let mut segment = Segment::default();
        for number in 1..=20 {
            segment.add(sale(number));
            assert_eq!(ids(&mut segment).len(), usize::try_from(number).unwrap());
            assert!(segment.rows("pos").unwrap().len() <= PIECES);
        }
        assert!(segment.lines.pieces.is_empty(), "nobody has asked for them");
        segment.remove(Uuid::from_u128(7));
        let left = ids(&mut segment);
        assert!(left.len() == 19 && !left.contains(&Uuid::from_u128(7).to_string()));
    }
}
