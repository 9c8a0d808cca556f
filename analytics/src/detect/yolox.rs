//! The output of YOLOX: for each square of each stride the centre's shift, the logarithm of the size, how likely there is
//! anything, and how likely it is of each class.

use super::{Output, RawBox, likeliest};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::picture::float;

pub(super) fn read(model: &Model, outputs: &[Output]) -> Result<Vec<RawBox>> {
    let wrong = |problem: &str| Error::Outputs { kind: "yolox", problem: problem.to_owned() };
    let output = outputs.first().ok_or_else(|| wrong("there is none"))?;
    let columns =
        output.shape.last().copied().filter(|columns| *columns > 5).ok_or_else(|| wrong("too few columns"))?;
    let squares = model.strides.iter().flat_map(|stride| {
        let (across, down) = (model.width / stride, model.height / stride);
        (0..down).flat_map(move |row| (0..across).map(move |column| (float(column), float(row), float(*stride))))
    });
    if squares.clone().count() * columns != output.data.len() {
        return Err(wrong("the number of squares is not that of input size and strides"));
    }
    let mut boxes = Vec::new();
    for ((column, row, stride), values) in squares.zip(output.data.chunks_exact(columns)) {
        let ([shift_x, shift_y, log_width, log_height, anything], classes) =
            values.split_first_chunk::<5>().ok_or_else(|| wrong("too few columns"))?;
        let Some((class, likely)) = likeliest(classes.iter().copied()) else {
            continue;
        };
        let score = anything * likely;
        if score >= model.doubt {
            let (x, y) = ((shift_x + column) * stride, (shift_y + row) * stride);
            let (half_width, half_height) = (log_width.exp() * stride / 2.0, log_height.exp() * stride / 2.0);
            let edges = [x - half_width, y - half_height, x + half_width, y + half_height];
            boxes.push(RawBox { class, score, edges });
        }
    }
    Ok(boxes)
}
