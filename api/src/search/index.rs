//! [`Search`]: the open index as anybody reads it; [`Owner`]: the one who may write it.
//!
//! The owner holds a lock file beside the folder, so nobody moves an index aside that somebody writes. An index that
//! cannot be read, whose checksums are wrong, or that another version made is renamed (the newest one is kept for those
//! who want to know why) and an empty one takes its place: the [`Follower`](super::Follower) fills it again.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DocAddress, DocSet, Index, IndexReader, ReloadPolicy, Searcher, TERMINATED, TantivyDocument, Term};
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::error::chain;
use tillsight_schemas::metric;
use tillsight_schemas::port::{Partition, Positions};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::store::Store;
use uuid::Uuid;

use super::document::receipt_key;
use super::fields::{FORMAT, Fields, teach};
use super::{SearchError, failed};

/// How far the index is: written with every commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    format: u32,
    /// Topic, partition and offset of the next record.
    positions: Vec<(String, i32, i64)>,
    /// The last change of alerts that is in it.
    pub change: i64,
}

impl Progress {
    /// Nothing is in it.
    pub(super) fn none() -> Self {
        Self { format: FORMAT, positions: Vec::new(), change: 0 }
    }

    /// The next record of every partition.
    pub fn positions(&self) -> Positions {
        let read = |(topic, number, next): &(String, i32, i64)| (Partition::new(topic.clone(), *number), *next);
        self.positions.iter().map(read).collect()
    }

    pub(super) fn moved(&mut self, to: &Positions) {
        let mut positions: BTreeMap<_, _> = self.positions();
        positions.extend(to.iter().map(|(partition, next)| (partition.clone(), *next)));
        self.positions = positions.into_iter().map(|(at, next)| (at.topic, at.number, next)).collect();
    }
}

/// The index, for those who ask.
#[derive(Clone)]
pub struct Search {
    pub(super) index: Index,
    pub(super) reader: IndexReader,
    pub(super) fields: Fields,
    pub(super) stores: Arc<[Store]>,
    pub(super) clock: SharedClock,
    /// Whether everything that was there when the follower began is in it.
    pub(super) complete: Arc<AtomicBool>,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("stores", &self.stores.len()).finish_non_exhaustive()
    }
}

/// The right to write the index.
#[derive(Debug)]
pub struct Owner {
    /// The index.
    pub search: Search,
    pub(super) data: PathBuf,
    _lock: File,
}

/// Where the index lies in a data directory.
fn folder(data: &Path) -> PathBuf {
    data.join("search")
}

fn file(attempt: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> SearchError {
    let path = path.to_owned();
    move |source| SearchError::File { attempt, path, source }
}

/// The file by which another process asks the owner for a rebuild.
fn request(data: &Path) -> PathBuf {
    data.join("search.rebuild")
}

/// Asks the process that writes the index to build it anew.
///
/// # Errors
/// [`SearchError::File`].
pub fn ask_for_rebuild(data: &Path) -> Result<(), SearchError> {
    let path = request(data);
    File::create(&path).map(drop).map_err(file("write", &path))
}

/// Whether somebody asked for a rebuild, and it has not begun.
///
/// # Errors
/// [`SearchError::File`].
pub fn rebuild_is_asked_for(data: &Path) -> Result<bool, SearchError> {
    let path = request(data);
    path.try_exists().map_err(file("look for", &path))
}

impl Owner {
    /// Opens the index for writing; makes one where there is none, moves one aside that cannot be used.
    ///
    /// # Errors
    /// [`SearchError::Busy`] when another process writes it, [`SearchError::File`] when the folder cannot be used.
    pub fn open(data: &Path, stores: Vec<Store>, clock: SharedClock) -> Result<Self, SearchError> {
        let folder = folder(data);
        std::fs::create_dir_all(data).map_err(file("make", data))?;
        let lock_path = data.join("search.lock");
        let lock = File::create(&lock_path).map_err(file("write", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(SearchError::Busy(folder)),
            Err(std::fs::TryLockError::Error(error)) => return Err(file("lock", &lock_path)(error)),
        }
        let exists = folder.join("meta.json").try_exists().map_err(file("look into", &folder))?;
        let opened = if exists { usable(&folder) } else { Err(Unusable::None) };
        let index = match opened {
            Ok(index) => index,
            Err(why) => {
                why.say(&folder);
                move_aside(data, &folder, clock.now().timestamp_micros())?;
                std::fs::create_dir_all(&folder).map_err(file("make", &folder))?;
                let (schema, _) = Fields::schema();
                Index::create_in_dir(&folder, schema).map_err(failed("make"))?
            }
        };
        let search = Search::over(index, stores, clock)?;
        search.complete.store(false, Ordering::Release);
        Ok(Self { search, data: data.to_owned(), _lock: lock })
    }

    /// The rebuild that was asked for has begun: the index is empty.
    pub(super) fn request_is_done(&self) -> Result<(), SearchError> {
        let path = request(&self.data);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file("remove", &path)(error)),
            _ => Ok(()),
        }
    }
}

enum Unusable {
    /// There is none.
    None,
    /// Another version made it.
    Foreign,
    /// It cannot be read.
    Damaged(String),
}

impl Unusable {
    fn say(&self, folder: &Path) {
        let why = match self {
            Self::None => return,
            Self::Foreign => "foreign",
            Self::Damaged(_) => "damaged",
        };
        let detail = if let Self::Damaged(detail) = self { detail } else { "made by another version" };
        tracing::warn!(folder = %folder.display(), detail, "the search index cannot be used: it is moved aside and built anew");
        metrics::counter!(metric::SEARCH_REBUILDS, "why" => why).increment(1);
    }
}

/// Opens an index and looks at every byte of it.
fn usable(folder: &Path) -> Result<Index, Unusable> {
    let damaged = |error: tantivy::TantivyError| Unusable::Damaged(chain(&error).to_string());
    let index = Index::open_in_dir(folder).map_err(damaged)?;
    if index.schema() != Fields::schema().0 {
        return Err(Unusable::Foreign);
    }
    let wrong = index.validate_checksum().map_err(damaged)?;
    if let Some(path) = wrong.iter().next() {
        return Err(Unusable::Damaged(format!("wrong checksum of {} and {} more", path.display(), wrong.len() - 1)));
    }
    match progress(&index).map_err(damaged)? {
        Some(progress) if progress.format == FORMAT => {}
        Some(_) => return Err(Unusable::Foreign),
        None if index.searchable_segment_ids().map_err(damaged)?.is_empty() => {}
        None => return Err(Unusable::Foreign),
    }
    teach(&index);
    index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(damaged)?;
    Ok(index)
}

/// What the last commit says; `None` when it says nothing.
fn progress(index: &Index) -> tantivy::Result<Option<Progress>> {
    let payload = index.load_metas()?.payload;
    Ok(payload.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Renames an unusable index; of earlier ones none is kept.
fn move_aside(data: &Path, folder: &Path, now: i64) -> Result<(), SearchError> {
    if !folder.try_exists().map_err(file("look for", folder))? {
        return Ok(());
    }
    for entry in std::fs::read_dir(data).map_err(file("look into", data))? {
        let path = entry.map_err(file("look into", data))?.path();
        let old = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("search.aside-"));
        if old {
            std::fs::remove_dir_all(&path).map_err(file("remove", &path))?;
        }
    }
    let aside = data.join(format!("search.aside-{now}"));
    std::fs::rename(folder, &aside).map_err(file("rename", folder))
}

impl Search {
    /// Opens the index for reading beside its owner.
    ///
    /// # Errors
    /// [`SearchError::Missing`] when there is none.
    pub fn open(data: &Path, stores: Vec<Store>, clock: SharedClock) -> Result<Self, SearchError> {
        let folder = folder(data);
        if !folder.join("meta.json").try_exists().map_err(file("look into", &folder))? {
            return Err(SearchError::Missing(folder));
        }
        let index = Index::open_in_dir(&folder).map_err(failed("open"))?;
        if index.schema() != Fields::schema().0 {
            return Err(SearchError::Missing(folder));
        }
        Self::over(index, stores, clock)
    }

    /// The same index with other stores.
    pub(crate) fn with_stores(&self, stores: &[Store]) -> Self {
        Self { stores: stores.into(), ..self.clone() }
    }

    fn over(index: Index, stores: Vec<Store>, clock: SharedClock) -> Result<Self, SearchError> {
        teach(&index);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
        let reader: IndexReader = reader.try_into().map_err(failed("open"))?;
        let (_, fields) = Fields::schema();
        Ok(Self { index, reader, fields, stores: stores.into(), clock, complete: Arc::new(AtomicBool::new(true)) })
    }

    /// Reads the newest commit of another process.
    ///
    /// # Errors
    /// [`SearchError::Index`].
    pub fn reload(&self) -> Result<(), SearchError> {
        self.reader.reload().map_err(failed("read"))
    }

    /// How far the last commit is.
    ///
    /// # Errors
    /// [`SearchError::Index`].
    pub fn progress(&self) -> Result<Progress, SearchError> {
        Ok(progress(&self.index).map_err(failed("read"))?.unwrap_or_else(Progress::none))
    }

    /// Whether everything that was there when the follower began is in the index.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// How many documents there are.
    pub fn documents(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// How many receipts and how many alerts there are.
    ///
    /// # Errors
    /// [`SearchError::Index`].
    pub fn counts(&self) -> Result<(u64, u64), SearchError> {
        let searcher = self.reader.searcher();
        let count = |kind| -> tantivy::Result<u64> {
            let query =
                tantivy::query::TermQuery::new(Term::from_field_text(self.fields.kind, kind), IndexRecordOption::Basic);
            Ok(searcher.search(&query, &tantivy::collector::Count)? as u64)
        };
        let read = || Ok((count(super::document::RECEIPT)?, count(super::document::ALERT)?));
        read().map_err(failed("count in"))
    }

    /// The latest revision of a transaction; who may see it is for the caller to say. Reads the disk for a moment:
    /// call it where that is allowed.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn receipt(&self, event: Uuid) -> Result<Option<PostedTransaction>, SearchError> {
        let searcher = self.reader.searcher();
        let Some(address) = by_key(&searcher, &self.fields, &receipt_key(event)).map_err(failed("read"))? else {
            return Ok(None);
        };
        stored(&searcher, &self.fields, address).map(Some)
    }
}

/// The living document of a key.
pub(super) fn by_key(searcher: &Searcher, fields: &Fields, key: &str) -> tantivy::Result<Option<DocAddress>> {
    let term = Term::from_field_text(fields.key, key);
    for (ordinal, segment) in (0_u32..).zip(searcher.segment_readers()) {
        let postings = segment.inverted_index(fields.key)?.read_postings(&term, IndexRecordOption::Basic)?;
        let Some(mut postings) = postings else { continue };
        let mut document = postings.doc();
        while document != TERMINATED {
            if !segment.is_deleted(document) {
                return Ok(Some(DocAddress::new(ordinal, document)));
            }
            document = postings.advance();
        }
    }
    Ok(None)
}

/// The record of a document.
pub(super) fn stored<T: serde::de::DeserializeOwned>(
    searcher: &Searcher,
    fields: &Fields,
    address: DocAddress,
) -> Result<T, SearchError> {
    let document: TantivyDocument = searcher.doc(address).map_err(failed("read"))?;
    let text = document.get_first(fields.document).and_then(|value| value.as_str()).unwrap_or_default();
    serde_json::from_str(text).map_err(SearchError::Damaged)
}
