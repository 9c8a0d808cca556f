//! [`Model`]: the description of a detector, a small TOML file beside the ONNX file. The model is configuration.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};

/// How the outputs of a model are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// TensorFlow's detection API: boxes, scores, classes and their number; overlaps are resolved within.
    Ssd,
    /// Generalised focal loss (`PicoDet`): scores, and distances as distributions, per stride.
    Gfl,
    /// `FastestDet`: one map.
    FastestDet,
    /// YOLOX: one list over three strides.
    Yolox,
}

/// How the numbers of the input lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Rows of pixels, bytes.
    Nhwc,
    /// Planes of colours, floats.
    Nchw,
}

/// How a picture is brought to the size of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Both sides by their own factor.
    Stretch,
    /// Both sides by the same factor, at the upper left; the rest is grey (114).
    Letterbox,
}

/// The order of the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colours {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// A detector.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The ONNX file; relative to the description.
    pub file: PathBuf,
    /// How its outputs are read.
    pub kind: Kind,
    /// Width of the input in pixels.
    pub width: usize,
    /// Height of the input in pixels.
    pub height: usize,
    /// How the numbers lie.
    pub layout: Layout,
    /// The order of the colours.
    pub colours: Colours,
    /// How pictures are brought to its size.
    #[serde(default = "stretch")]
    pub fit: Fit,
    /// What is taken off each colour (0 to 255), in the order of the input.
    #[serde(default)]
    pub mean: [f32; 3],
    /// What each colour is divided by then.
    #[serde(default = "ones")]
    pub deviation: [f32; 3],
    /// The strides of its maps, `gfl` and `yolox`.
    #[serde(default)]
    pub strides: Vec<usize>,
    /// Names of its classes, in order.
    pub classes: Vec<String>,
    /// The number of the first class.
    #[serde(default)]
    pub first_class: usize,
    /// Which of its classes are people; the others are ignored.
    pub people: Vec<String>,
    /// From this score on somebody is there.
    pub sure: f32,
    /// From this score on it cannot be said that nobody is there.
    pub doubt: f32,
    /// Boxes that overlap more than this (intersection over union) are one.
    #[serde(default = "overlap")]
    pub overlap: f32,
    /// Whether only the surroundings of the zones are looked at: for small inputs.
    #[serde(default)]
    pub crop: bool,
}

fn stretch() -> Fit {
    Fit::Stretch
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

fn overlap() -> f32 {
    0.45
}

impl Model {
    /// Reads a description.
    ///
    /// # Errors
    /// [`Error::Description`] with everything that is wrong.
    pub fn load(path: &Path) -> Result<Self> {
        let wrong = |problem: String| Error::Description { path: path.to_owned(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let mut model: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        model.file = path.parent().unwrap_or(Path::new(".")).join(&model.file);
        let problems = model.problems();
        if problems.is_empty() { Ok(model) } else { Err(wrong(problems.join("; "))) }
    }

    /// Everything that is wrong with it.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(32..=4096).contains(&self.width) || !(32..=4096).contains(&self.height) {
            problems.push(format!("the input is {}x{}; each side must be 32 to 4096", self.width, self.height));
        }
        if !(0.0 < self.doubt && self.doubt <= self.sure && self.sure < 1.0) {
            problems.push(format!("it must be 0 < doubt ({}) <= sure ({}) < 1", self.doubt, self.sure));
        }
        if !(0.0..=1.0).contains(&self.overlap) {
            problems.push(format!("overlap is {}; it must be 0 to 1", self.overlap));
        }
        if self.deviation.iter().any(|part| *part <= 0.0) {
            problems.push("deviation must be more than 0".to_owned());
        }
        if self.people.is_empty() || self.people.iter().any(|name| !self.classes.contains(name)) {
            problems.push("people must name at least one of the classes".to_owned());
        }
        if matches!(self.kind, Kind::Gfl | Kind::Yolox) && (self.strides.is_empty() || self.strides.contains(&0)) {
            problems.push("strides are missing".to_owned());
        }
        problems
    }

    /// The name under which it stands in tiles: that of its file.
    pub fn name(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The name of a class, if it is people.
    pub fn person(&self, class: usize) -> Option<&str> {
        let name = self.classes.get(class.checked_sub(self.first_class)?)?;
        self.people.contains(name).then_some(name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        file = "m.onnx"
        kind = "ssd"
        width = 300
        height = 300
        layout = "nhwc"
        colours = "rgb"
        classes = ["person"]
        first_class = 1
        people = ["person"]
        sure = 0.4
        doubt = 0.2
    "#;

    #[test]
    fn a_description_names_its_people() {
        let model: Model = toml::from_str(GOOD).unwrap();
        assert!(model.problems().is_empty());
        assert_eq!((model.person(1), model.person(0), model.person(2)), (Some("person"), None, None));
    }

    #[test]
    fn all_problems_are_listed_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.toml");
        let bad = GOOD.replace("0.2", "0.9").replace("300", "3").replace("people = [\"person\"]", "people = [\"cat\"]");
        std::fs::write(&path, bad).unwrap();
        let problem = Model::load(&path).unwrap_err().to_string();
        assert!(problem.contains("doubt") && problem.contains("3x3") && problem.contains("people"), "{problem}");
    }

    #[test]
    fn the_recipe_describes_a_model_that_is_good() {
        let recipe = include_str!("../../docs/contributing/add-a-model.md");
        let description = recipe.split("```toml file=yolox_nano.toml\n").nth(1).unwrap().split("```").next().unwrap();
        let model: Model = toml::from_str(description).unwrap();
        assert_eq!(model.problems(), Vec::<String>::new());
    }
}
