//! [`Detector`]: a model in ONNX Runtime that finds people in pictures.
//!
//! The shared library is loaded when the program runs. One detector is used by one thread at a time; how its outputs are
//! read is in the file of its kind.

mod fastestdet;
mod gfl;
mod ssd;
mod suppress;
mod yolox;

use std::path::Path;

use ort::environment::Environment;
use ort::session::Session;
use ort::value::{DynValue, Tensor};
use tillsight_schemas::zone::Zone;

pub(crate) use self::suppress::overlap;
use crate::error::{Error, Result};
use crate::look::Found;
use crate::model::{Colours, Fit, Kind, Layout, Model};
use crate::picture::{Picture, Region, float};

/// The grey around a letter-boxed picture.
const GREY: f32 = 114.0;
/// A part that is larger than this share of the picture is not cut out.
const WORTH_CUTTING: f32 = 0.7;

/// A box of the model, in pixels of its input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RawBox {
    pub(crate) class: usize,
    pub(crate) score: f32,
    pub(crate) edges: [f32; 4],
}

/// An output of the model.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<f32>,
}

/// ONNX Runtime, loaded.
pub struct Runtime(Environment);

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").finish_non_exhaustive()
    }
}

impl Runtime {
    /// Loads the shared library (1.24 or newer).
    ///
    /// # Errors
    /// [`Error::Runtime`] when it cannot be loaded.
    pub fn load(library: &Path) -> Result<Self> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Runtime { path: library.into(), source };
        let builder = ort::init_from(library).map_err(|error| failed(Box::new(error)))?;
        let environment = builder.with_telemetry(false).build().map_err(|error| failed(Box::new(error)))?;
        Ok(Self(environment))
    }
}

/// Finds people in pictures.
pub struct Detector {
    model: Model,
    session: Session,
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detector").field("model", &self.model.file).finish_non_exhaustive()
    }
}

impl Detector {
    /// Loads a model that uses so many threads for one picture.
    ///
    /// # Errors
    /// [`Error::Model`] when it cannot be loaded.
    pub fn load(runtime: &Runtime, model: Model, threads: usize) -> Result<Self> {
        let open = || {
            let builder = Session::builder(&runtime.0)?;
            let builder = builder.with_intra_threads(threads.max(1))?.with_inter_threads(1)?;
            builder.with_intra_op_spinning(false)?.commit_from_file(&model.file)
        };
        let session = open().map_err(|source| Error::Model { path: model.file.clone(), source })?;
        Ok(Self { model, session })
    }

    /// Its description.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The people in a part of a picture, from the score on at which they can no longer be ruled out.
    ///
    /// # Errors
    /// [`Error::Run`] or [`Error::Outputs`] when the model does not fit its description.
    pub fn find(&mut self, picture: &Picture, region: Region) -> Result<Vec<Found>> {
        let model = &self.model;
        let (input, scale) = input(model, picture, region).map_err(Error::Run)?;
        let outputs = self.session.run(ort::inputs![input]).map_err(Error::Run)?;
        let mut taken = Vec::new();
        for (name, value) in outputs.iter() {
            if let Ok((shape, data)) = value.try_extract_tensor::<f32>() {
                let shape = shape.iter().map(|side| usize::try_from(*side).unwrap_or_default()).collect();
                taken.push(Output { name: name.to_owned(), shape, data: data.to_vec() });
            }
        }
        let boxes = read(model, &taken)?;
        Ok(boxes.iter().filter_map(|found| person(model, picture, region, scale, found)).collect())
    }
}

/// The likeliest class; of equal ones the first.
fn likeliest(classes: impl Iterator<Item = f32>) -> Option<(usize, f32)> {
    classes.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// The boxes in a model's outputs.
fn read(model: &Model, outputs: &[Output]) -> Result<Vec<RawBox>> {
    let boxes = match model.kind {
        Kind::Ssd => return ssd::read(model, outputs),
        Kind::Gfl => gfl::read(model, outputs)?,
        Kind::FastestDet => fastestdet::read(model, outputs)?,
        Kind::Yolox => yolox::read(model, outputs)?,
    };
    Ok(suppress::overlapping(boxes, model.overlap))
}

/// A part of a picture as the model wants it, and how many pixels of the input a pixel of the picture became.
fn input(model: &Model, picture: &Picture, region: Region) -> ort::Result<(DynValue, [f32; 2])> {
    let (width, height) = (model.width, model.height);
    let scale = match model.fit {
        Fit::Stretch => [float(width) / region.width, float(height) / region.height],
        Fit::Letterbox => [(float(width) / region.width).min(float(height) / region.height); 2],
    };
    let filled = |side: usize, scaled: f32| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the input's side")]
        let filled = scaled.round().clamp(1.0, float(side)) as usize;
        filled
    };
    let (across, down) = (filled(width, region.width * scale[0]), filled(height, region.height * scale[1]));
    let inner = picture.scaled(region, across, down);
    let mut pixels = vec![[GREY; 3]; width * height];
    for (line, row) in pixels.chunks_exact_mut(width).zip(inner.chunks_exact(across)) {
        line.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
    }
    if model.colours == Colours::Bgr {
        pixels.iter_mut().for_each(|pixel| pixel.reverse());
    }
    let value = match model.layout {
        Layout::Nhwc => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "colours are 0 to 255")]
            let bytes: Vec<u8> = pixels.iter().flatten().map(|part| part.round() as u8).collect();
            Tensor::from_array(([1, height, width, 3], bytes.into_boxed_slice()))?.into_dyn()
        }
        Layout::Nchw => {
            let mut planes = Vec::with_capacity(width * height * 3);
            for ((at, mean), deviation) in model.mean.iter().enumerate().zip(model.deviation) {
                planes.extend(pixels.iter().map(|pixel| (pixel.get(at).unwrap_or(&0.0) - mean) / deviation));
            }
            Tensor::from_array(([1, 3, height, width], planes.into_boxed_slice()))?.into_dyn()
        }
    };
    Ok((value, scale))
}

/// A box of the input as a person of the picture.
fn person(model: &Model, picture: &Picture, region: Region, scale: [f32; 2], found: &RawBox) -> Option<Found> {
    let label = model.person(found.class).filter(|_| found.score >= model.doubt)?.to_owned();
    let across = |edge: f32| ((region.left + edge / scale[0]) / float(picture.width())).clamp(0.0, 1.0);
    let down = |edge: f32| ((region.top + edge / scale[1]) / float(picture.height())).clamp(0.0, 1.0);
    let [left, top, right, bottom] = found.edges;
    let (left, top, right, bottom) = (across(left), down(top), across(right), down(bottom));
    (left < right && top < bottom).then_some(Found { track: None, label, score: found.score, left, top, right, bottom })
}

/// The part of a picture that a model with a small input should look at: the zones and whoever may stand in them, or all
/// of it.
pub fn surroundings(model: &Model, zones: &[Zone], picture: &Picture) -> Region {
    let whole = picture.whole();
    if !model.crop || zones.is_empty() {
        return whole;
    }
    let corners = || zones.iter().flat_map(|zone| zone.polygon.iter());
    let edge = |axis: usize, low: bool| {
        let parts = corners().map(|corner| corner.get(axis).copied().unwrap_or_default());
        if low { parts.fold(1.0, f64::min) } else { parts.fold(0.0, f64::max) }
    };
    #[expect(clippy::cast_possible_truncation, reason = "fractions of a picture")]
    let [left, top, right, bottom] = [edge(0, true), edge(1, true), edge(0, false), edge(1, false)].map(|e| e as f32);
    // Feet stand in the zone, heads above it.
    let (left, right) = ((left - 0.1).max(0.0) * whole.width, (right + 0.1).min(1.0) * whole.width);
    let (top, bottom) = ((top - 0.25).max(0.0) * whole.height, (bottom + 0.08).min(1.0) * whole.height);
    // The shape of the input, so that people keep theirs.
    let shape = float(model.width) / float(model.height);
    let (mut width, mut height) = (right - left, bottom - top);
    if width < height * shape {
        width = (height * shape).min(whole.width);
    } else {
        height = (width / shape).min(whole.height);
    }
    if width * height > WORTH_CUTTING * whole.width * whole.height {
        return whole;
    }
    let left = (f32::midpoint(left, right) - width / 2.0).clamp(0.0, whole.width - width);
    let top = (f32::midpoint(top, bottom) - height / 2.0).clamp(0.0, whole.height - height);
    Region { left, top, width, height }
}

#[cfg(test)]
mod tests;
