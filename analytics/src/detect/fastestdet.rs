//! The output of `FastestDet`: one map of planes: how likely there is anything, the centre's shift, the size, and how
//! likely it is of each class.

use super::{Output, RawBox, likeliest};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::picture::float;

pub(super) fn read(model: &Model, outputs: &[Output]) -> Result<Vec<RawBox>> {
    let wrong = |problem: &str| Error::Outputs { kind: "fastestdet", problem: problem.to_owned() };
    let output = outputs.first().ok_or_else(|| wrong("there is none"))?;
    let &[.., planes, down, across] = output.shape.as_slice() else {
        return Err(wrong("it has fewer than three dimensions"));
    };
    if planes < 6 || output.data.len() != planes * down * across {
        return Err(wrong("too few planes"));
    }
    let value = |plane: usize, at: usize| output.data.get(plane * down * across + at).copied().unwrap_or_default();
    let (width, height) = (float(model.width), float(model.height));
    let mut boxes = Vec::new();
    for at in 0..down * across {
        let classes = (5..planes).map(|plane| value(plane, at));
        let Some((class, likely)) = likeliest(classes) else { continue };
        let score = value(0, at).max(0.0).powf(0.6) * likely.max(0.0).powf(0.4);
        if score >= model.doubt {
            let x = (value(1, at).tanh() + float(at % across)) / float(across) * width;
            let y = (value(2, at).tanh() + float(at / across)) / float(down) * height;
            let (half_width, half_height) = (sigmoid(value(3, at)) * width / 2.0, sigmoid(value(4, at)) * height / 2.0);
            boxes.push(RawBox {
                class,
                score,
                edges: [x - half_width, y - half_height, x + half_width, y + half_height],
            });
        }
    }
    Ok(boxes)
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}
