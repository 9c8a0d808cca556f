//! An evidence folder as one ZIP file: clips with the receipt as subtitles, stills, the receipt, what the rules said, and
//! the SHA-256 of every file, for a person who has nothing but a player and `sha256sum`.
//!
//! [`Folder`] collects files and packs them; [`words`] and [`mod@case`] write what people read. Nothing here decides who may see what.

pub(crate) mod case;
pub(crate) mod words;

use std::io::{Cursor, Write as _};

use sha2::{Digest as _, Sha256};
use tillsight_ingest::record::Slices;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The most bytes of a folder: it is packed in memory.
pub(crate) const LARGEST: u64 = 256 << 20;
/// Bytes of a clip that are read at once.
const PIECE: u64 = 1 << 20;
/// The list of hashes, as `sha256sum --check` reads it.
const SUMS: &str = "SHA256SUMS";

/// Why a folder could not be packed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackError {
    /// A recording cannot be read.
    #[error("a recording cannot be read")]
    Recording(#[from] tillsight_ingest::record::Error),
    /// The ZIP file cannot be written.
    #[error("the ZIP file cannot be written")]
    Zip(#[from] zip::result::ZipError),
    /// The same, in the middle of a file.
    #[error("the ZIP file cannot be written")]
    Write(#[from] std::io::Error),
}

enum Content {
    Bytes(Vec<u8>),
    Clip(Slices),
}

/// Files on their way into a ZIP file.
#[derive(Default)]
pub(crate) struct Folder {
    files: Vec<(String, Content)>,
}

impl Folder {
    /// Adds a text.
    pub(crate) fn text(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.files.push((name.into(), Content::Bytes(text.into().into_bytes())));
    }

    /// Adds bytes.
    pub(crate) fn bytes(&mut self, name: impl Into<String>, bytes: Vec<u8>) {
        self.files.push((name.into(), Content::Bytes(bytes)));
    }

    /// Adds a clip.
    pub(crate) fn clip(&mut self, name: impl Into<String>, clip: Slices) {
        self.files.push((name.into(), Content::Clip(clip)));
    }

    /// Adds another folder, as a folder in this one.
    pub(crate) fn absorb(&mut self, name: &str, other: Self) {
        self.files.extend(other.files.into_iter().map(|(file, content)| (format!("{name}/{file}"), content)));
    }

    /// The names of the files, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str())
    }

    /// How many bytes the files have.
    pub(crate) fn size(&self) -> u64 {
        let size = |content: &Content| match content {
            Content::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Content::Clip(clip) => clip.len(),
        };
        self.files.iter().map(|(_, content)| size(content)).sum()
    }

    /// Packs everything, uncompressed (video does not get smaller), and the list of hashes last; returns the SHA-256 of that list
    /// as well. Blocks on the disk.
    pub(crate) fn pack(self) -> Result<(Vec<u8>, String), PackError> {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut sums = String::new();
        for (name, content) in self.files {
            zip.start_file(name.as_str(), stored)?;
            let mut sha = Sha256::new();
            match content {
                Content::Bytes(bytes) => {
                    sha.update(&bytes);
                    zip.write_all(&bytes)?;
                }
                Content::Clip(clip) => {
                    let mut at = 0;
                    while at < clip.len() {
                        let end = clip.len().min(at + PIECE);
                        let piece = clip.read_at(at..end)?;
                        sha.update(&piece);
                        zip.write_all(&piece)?;
                        at = end;
                    }
                }
            }
            sums.push_str(&format!("{}  {name}\n", hex(sha)));
        }
        zip.start_file(SUMS, stored)?;
        zip.write_all(sums.as_bytes())?;
        Ok((zip.finish()?.into_inner(), hex(Sha256::new_with_prefix(&sums))))
    }
}

fn hex(sha: Sha256) -> String {
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_packed_with_the_hash_of_every_file() {
        let mut folder = Folder::default();
        folder.text("README.txt", "what this is");
        let mut inner = Folder::default();
        inner.bytes("still.jpg", vec![1, 2, 3]);
        folder.absorb("01-clip", inner);
        assert_eq!((folder.names().count(), folder.size()), (2, 15));
        let (packed, list) = folder.pack().unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(packed)).unwrap();
        let names: Vec<String> =
            (0..zip.len()).map(|n| zip.by_index(n).unwrap().name().unwrap().into_owned()).collect();
        assert_eq!(names, ["README.txt", "01-clip/still.jpg", SUMS]);
        let sums = std::io::read_to_string(zip.by_name(SUMS).unwrap()).unwrap();
        let of_bytes = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81  01-clip/still.jpg";
        assert!(sums.lines().any(|line| line == of_bytes), "{sums}");
        assert_eq!(list, hex(Sha256::new_with_prefix(&sums)));
    }
}
