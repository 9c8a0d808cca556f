//! The decoders against a reference in `NumPy` (`fixtures/decoders.json`: random outputs of small models, and the boxes
//! that the reference read in them), and the part of the picture that is looked at.

use serde_json::Value;

use super::*;

fn floats(value: &Value) -> Vec<f32> {
    serde_json::from_value(value.clone()).unwrap()
}

fn check(kind: &str) {
    let cases: Value = serde_json::from_str(include_str!("../../fixtures/decoders.json")).unwrap();
    let case = &cases[kind];
    let model: Model = serde_json::from_value(case["model"].clone()).unwrap();
    let outputs: Vec<Output> = case["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|output| Output {
            name: output["name"].as_str().unwrap().to_owned(),
            shape: serde_json::from_value(output["shape"].clone()).unwrap(),
            data: floats(&output["data"]),
        })
        .collect();
    let found = read(&model, &outputs).unwrap();
    let expected = case["boxes"].as_array().unwrap();
    assert!(expected.len() >= 2, "{kind}: the fixture says nothing");
    assert_eq!(found.len(), expected.len(), "{kind}: {found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.class, usize::try_from(expected["class"].as_u64().unwrap()).unwrap(), "{kind}");
        assert!((f64::from(found.score) - expected["score"].as_f64().unwrap()).abs() < 1e-4, "{kind}");
        for (edge, wanted) in found.edges.iter().zip(floats(&expected["edges"])) {
            assert!((edge - wanted).abs() < 2e-2, "{kind}: {found:?} is not {expected}");
        }
    }
}

#[test]
fn boxes_are_those_of_the_reference() {
    for kind in ["ssd", "yolox", "gfl", "fastestdet"] {
        check(kind);
    }
}

#[test]
fn outputs_of_another_kind_are_refused() {
    let cases: Value = serde_json::from_str(include_str!("../../fixtures/decoders.json")).unwrap();
    let output = Output { name: "x".to_owned(), shape: vec![1, 2, 3], data: vec![0.5; 6] };
    for kind in ["ssd", "yolox", "gfl", "fastestdet"] {
        let model: Model = serde_json::from_value(cases[kind]["model"].clone()).unwrap();
        assert!(read(&model, std::slice::from_ref(&output)).is_err(), "{kind}");
        assert!(read(&model, &[]).is_err(), "{kind}");
    }
}

#[test]
fn only_the_surroundings_of_small_zones_are_looked_at() {
    let model: Model = toml::from_str(
        r#"file = "m.onnx"
        kind = "ssd"
        width = 300
        height = 300
        layout = "nhwc"
        colours = "rgb"
        classes = ["person"]
        people = ["person"]
        sure = 0.4
        doubt = 0.2
        crop = true"#,
    )
    .unwrap();
    let zone = |polygon: Value| {
        serde_json::from_value::<Zone>(
            serde_json::json!({"id": "z", "camera": "c", "kind": "customer", "polygon": polygon}),
        )
        .unwrap()
    };
    let picture = Picture::new(768, 576, vec![90; 768 * 576], vec![128; 110_592], vec![128; 110_592]).unwrap();
    let small = zone(serde_json::json!([[0.8, 0.5], [0.95, 0.5], [0.95, 0.7]]));
    let region = surroundings(&model, &[small], &picture);
    assert!((region.width - region.height).abs() < 1.0 && region.width < 400.0, "{region:?}");
    assert!(region.left + region.width <= 768.0 && region.top >= 0.0 && region.left < 0.75 * 768.0, "{region:?}");
    let wide = zone(serde_json::json!([[0.0, 0.2], [1.0, 0.2], [1.0, 1.0]]));
    assert_eq!(surroundings(&model, &[wide], &picture), picture.whole());
}
