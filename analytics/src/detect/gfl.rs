//! Outputs of detectors with generalised focal loss (`PicoDet`, `NanoDet`): per stride a list of scores and a list of
//! distances to the four edges, each as a distribution over eight steps. A list is known by its length and width.

use super::{Output, RawBox, likeliest};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::picture::float;

/// Steps of a distribution.
const STEPS: usize = 8;

pub(super) fn read(model: &Model, outputs: &[Output]) -> Result<Vec<RawBox>> {
    let mut boxes = Vec::new();
    for stride in &model.strides {
        let (across, down) = (model.width.div_ceil(*stride), model.height.div_ceil(*stride));
        let list = |columns: usize| {
            let found = outputs
                .iter()
                .find(|output| output.shape.last() == Some(&columns) && output.data.len() == across * down * columns);
            found.ok_or_else(|| Error::Outputs {
                kind: "gfl",
                problem: format!("stride {stride} has no list of {} rows and {columns} columns", across * down),
            })
        };
        let (scores, distances) = (list(model.classes.len())?, list(4 * STEPS)?);
        let rows = scores.data.chunks_exact(model.classes.len()).zip(distances.data.chunks_exact(4 * STEPS));
        for (at, (scores, distances)) in rows.enumerate() {
            let Some((class, score)) = likeliest(scores.iter().copied()) else {
                continue;
            };
            if score >= model.doubt {
                let step = float(*stride);
                let (x, y) = ((float(at % across) + 0.5) * step, (float(at / across) + 0.5) * step);
                let mut edges = [0.0; 4];
                for (edge, distribution) in edges.iter_mut().zip(distances.chunks_exact(STEPS)) {
                    *edge = expectation(distribution) * step;
                }
                let [left, top, right, bottom] = edges;
                boxes.push(RawBox { class, score, edges: [x - left, y - top, x + right, y + bottom] });
            }
        }
    }
    Ok(boxes)
}

/// The mean step of a distribution given by the logarithms of its weights.
fn expectation(distribution: &[f32]) -> f32 {
    let most = distribution.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut weights, mut sum) = (0.0, 0.0);
    for (step, value) in distribution.iter().enumerate() {
        let weight = (value - most).exp();
        weights += weight;
        sum += weight * float(step);
    }
    sum / weights
}
