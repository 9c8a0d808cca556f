//! What can go wrong before anything is seen: a library, a model or its description that cannot be used.

use std::path::PathBuf;

/// Why pictures cannot be analysed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// ONNX Runtime cannot be loaded.
    #[error("cannot load ONNX Runtime from {path}: run deploy/setup.sh, or set analytics.runtime to libonnxruntime.so")]
    Runtime {
        /// The shared library.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The description of a model cannot be used.
    #[error("the model description {path}: {problem}")]
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A model cannot be loaded.
    #[error("cannot load the model {path}")]
    Model {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ort::Error,
    },
    /// The model refused a picture.
    #[error("the model refused a picture")]
    Run(#[source] ort::Error),
    /// The model's outputs are not those of its kind.
    #[error("the outputs of the model are not those of kind {kind}: {problem}")]
    Outputs {
        /// The kind of the description.
        kind: &'static str,
        /// What is different.
        problem: String,
    },
    /// H.264 that cannot be decoded.
    #[error("the picture cannot be decoded")]
    Decode(#[source] openh264::Error),
}

/// The result of something that needs a library or a model.
pub type Result<T> = std::result::Result<T, Error>;
