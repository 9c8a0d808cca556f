//! An ONNX model that sees nobody: its outputs have the shape of a detector's, and no detector is carried about for it.
//!
//! The file is written field by field as `onnx.proto` numbers them (<https://onnx.ai/onnx/repo-docs/IR.html>).

/// A model of one input, `[1, 3, side, side]` floats, and one output, `[1, 1, rows, columns]`: the mean of the input
/// times zero, so that the input is read.
pub fn sees_nobody(side: u64, rows: u64, columns: u64) -> Vec<u8> {
    let node = |operator: &str, inputs: &[&str], output: &str| {
        let inputs: Vec<u8> = inputs.iter().flat_map(|input| field(1, input.as_bytes())).collect();
        field(1, &[inputs, field(2, output.as_bytes()), field(4, operator.as_bytes())].concat())
    };
    let value = |name: &str, sides: &[u64]| {
        let sides: Vec<u8> = sides.iter().flat_map(|side| field(1, &number(1, *side))).collect();
        let tensor = [number(1, FLOAT), field(2, &sides)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    };
    let shape =
        [number(1, 3), number(2, INT64), field(7, &[1, rows, columns].map(varint).concat()), field(8, b"shape")];
    let graph = [
        node("ReduceMean", &["images"], "mean"),
        node("ConstantOfShape", &["shape"], "zeros"),
        node("Mul", &["mean", "zeros"], "boxes"),
        field(2, b"sees nobody"),
        field(5, &shape.concat()),
        field(11, &value("images", &[1, 3, side, side])),
        field(12, &value("boxes", &[1, 1, rows, columns])),
    ];
    let operators = [field(1, b""), number(2, 13)].concat();
    [number(1, 8), field(7, &graph.concat()), field(8, &operators)].concat()
}

const FLOAT: u64 = 1;
const INT64: u64 = 7;

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn field(field: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}
