//! Outputs of TensorFlow's detection API: `detection_boxes` (top, left, bottom, right in fractions), `detection_scores`,
//! `detection_classes`; overlaps are resolved within the model.

use super::{Output, RawBox};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::picture::float;

pub(super) fn read(model: &Model, outputs: &[Output]) -> Result<Vec<RawBox>> {
    let output = |name: &str| {
        let found = outputs.iter().find(|output| output.name.starts_with(name));
        found.ok_or_else(|| Error::Outputs { kind: "ssd", problem: format!("there is no {name}") })
    };
    let (boxes, scores, classes) =
        (output("detection_boxes")?, output("detection_scores")?, output("detection_classes")?);
    let (width, height) = (float(model.width), float(model.height));
    let (edges, _) = boxes.data.as_chunks::<4>();
    let all = edges.iter().zip(&scores.data).zip(&classes.data);
    let sure = all.filter(|((_, score), _)| **score >= model.doubt);
    Ok(sure
        .map(|(([top, left, bottom, right], score), class)| RawBox {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "classes are small numbers")]
            class: class.max(0.0) as usize,
            score: *score,
            edges: [left * width, top * height, right * width, bottom * height],
        })
        .collect())
}
