//! The charts of a report as pictures: drawn once as SVG, which the PDF takes as it is, and as PNG for mail, whose readers
//! show no SVG. Each has its words for those who do not see it.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Options, Tree};

use super::ReportError;
use super::local::Local;
use super::model::{Report, ReportRate};
use super::verdict::percent;

/// Pixels from left to right; a phone shows it smaller.
const WIDTH: f64 = 560.0;
/// Pixels of a PNG for each of a chart's.
const SHARPNESS: f32 = 2.0;
/// Where names end and bars begin.
const NAMES: f64 = 190.0;

const INK: &str = "#152026";
const QUIET: &str = "#4a5a62";
const GROUND: &str = "#e6ebed";
const BAND: &str = "#9fd0d2";
const BAR: &str = "#0b6468";
const BAD: &str = "#a3182b";

/// A chart.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    /// Its name, of which file names are made.
    pub(super) name: &'static str,
    /// What stands above it.
    pub(super) title: &'static str,
    /// What it shows, in words.
    pub(super) alt: String,
    /// The drawing.
    pub(super) svg: String,
}

/// All charts of a report that have something to show.
pub(super) fn charts(report: &Report) -> Vec<Chart> {
    [rates(report), hours(report), coverage(report)].into_iter().flatten().collect()
}

impl Chart {
    /// The chart as a PNG.
    ///
    /// # Errors
    /// [`ReportError::Chart`], which is a defect.
    pub(super) fn png(&self) -> Result<Vec<u8>, ReportError> {
        static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
            let mut fonts = Database::new();
            for font in typst_assets::fonts() {
                fonts.load_font_source(Source::Binary(Arc::new(font)));
            }
            Arc::new(fonts)
        });
        let failed = || ReportError::Chart(self.name);
        let options = Options { fontdb: Arc::clone(&FONTS), ..Options::default() };
        let tree = Tree::from_str(&self.svg, &options).map_err(|_| failed())?;
        let size = tree.size().to_int_size().scale_by(SHARPNESS).ok_or_else(failed)?;
        let mut picture = Pixmap::new(size.width(), size.height()).ok_or_else(failed)?;
        resvg::render(&tree, Transform::from_scale(SHARPNESS, SHARPNESS), &mut picture.as_mut());
        picture.encode_png().map_err(|_| failed())
    }
}

/// A drawing that grows.
struct Drawing {
    height: f64,
    marks: String,
}

impl Drawing {
    fn new(height: f64) -> Self {
        Self { height, marks: String::new() }
    }

    fn add(&mut self, mark: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        self.marks.write_fmt(mark).unwrap_or_default();
    }

    fn rect(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], fill: &str) {
        let width = width.max(0.0);
        self.add(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>"
        ));
    }

    fn text(&mut self, [x, y]: [f64; 2], anchor: &str, fill: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{fill}\">{text}</text>"
        ));
    }

    fn finish(self, name: &'static str, title: &'static str, alt: String) -> Chart {
        let Self { height, marks } = self;
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"Libertinus Serif\" font-size=\"14\"><rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\
             {marks}</svg>"
        );
        Chart { name, title, alt, svg }
    }
}

/// Each rate beside the usual band of the store.
fn rates(report: &Report) -> Option<Chart> {
    let shown: Vec<(&ReportRate, f64)> = report.rates.iter().filter_map(|rate| Some((rate, rate.value?))).collect();
    if shown.is_empty() {
        return None;
    }
    let mut drawing = Drawing::new(26.0 * count(shown.len()) + 8.0);
    let room = WIDTH - NAMES - 60.0;
    let mut said = Vec::new();
    for (row, (rate, value)) in shown.iter().enumerate() {
        let middle = 26.0 * count(row) + 17.0;
        let (low, high) = (rate.baseline_low.unwrap_or(0.0), rate.baseline_high.unwrap_or(0.0));
        let most = (value.max(high) * 1.15).max(f64::MIN_POSITIVE);
        let x = |number: f64| NAMES + number / most * room;
        let unusual = rate.baseline_high.is_some() && (*value < low || *value > high);
        drawing.text([0.0, middle + 4.0], "start", INK, &rate.name);
        drawing.rect([NAMES, middle - 7.0], [room, 14.0], GROUND);
        if rate.baseline_high.is_some() {
            drawing.rect([x(low), middle - 7.0], [(x(high) - x(low)).max(2.0), 14.0], BAND);
        }
        // Outside the band it is a diamond: not by colour alone.
        let (at, fill) = (x(*value), if unusual { BAD } else { BAR });
        match unusual {
            true => drawing
                .add(format_args!("<path d=\"M{at:.1} {:.1} l7 7 l-7 7 l-7 -7 z\" fill=\"{fill}\"/>", middle - 7.0)),
            false => drawing.add(format_args!("<circle cx=\"{at:.1}\" cy=\"{middle:.1}\" r=\"5\" fill=\"{fill}\"/>")),
        }
        drawing.text([WIDTH, middle + 4.0], "end", if unusual { BAD } else { INK }, &format!("{value:.2}"));
        said.push(match rate.baseline_high {
            Some(_) => format!(
                "{} {value:.2}, {} {low:.2} to {high:.2}",
                rate.name,
                if unusual { "outside the usual" } else { "within the usual" }
            ),
            None => format!("{} {value:.2}, no usual range yet", rate.name),
        });
    }
    Some(drawing.finish("rates", "Rates against the usual band", format!("{}.", said.join("; "))))
}

/// Transactions by the hour.
fn hours(report: &Report) -> Option<Chart> {
    let most = report.hours.iter().map(|hour| hour.transactions).max().filter(|most| *most > 0)?;
    let busiest = report.hours.iter().max_by_key(|hour| hour.transactions)?;
    let mut drawing = Drawing::new(124.0);
    let wide = WIDTH / 24.0;
    for hour in &report.hours {
        let tall = count_of(hour.transactions) / count_of(most) * 82.0;
        let left = wide * count_of(hour.hour);
        drawing.rect([left + 2.0, 100.0 - tall], [wide - 4.0, tall], BAR);
        drawing.text([left + wide / 2.0, 96.0 - tall], "middle", QUIET, &hour.transactions.to_string());
    }
    drawing.rect([0.0, 100.0], [WIDTH, 1.0], QUIET);
    for hour in (0..24).step_by(3) {
        drawing.text([wide * count(hour) + wide / 2.0, 117.0], "middle", QUIET, &format!("{hour:02}"));
    }
    let all: i64 = report.hours.iter().map(|hour| hour.transactions).sum();
    let alt = format!(
        "{all} transactions by the hour; most from {:02}:00 to {:02}:00, {}.",
        busiest.hour,
        (busiest.hour + 1) % 24,
        busiest.transactions
    );
    Some(drawing.finish("hours", "Transactions by the hour", alt))
}

/// When each camera recorded nothing though it should have.
fn coverage(report: &Report) -> Option<Chart> {
    let cameras: Vec<_> = report.sight.cameras.iter().filter(|camera| camera.uptime_permille.is_some()).collect();
    if cameras.is_empty() {
        return None;
    }
    let local = Local::of(&report.store);
    let mut drawing = Drawing::new(24.0 * count(cameras.len()) + 24.0);
    let room = WIDTH - NAMES;
    let whole = seconds(report.from, report.to).max(1.0);
    let x = |at: DateTime<Utc>| NAMES + (seconds(report.from, at) / whole).clamp(0.0, 1.0) * room;
    let mut said = Vec::new();
    for (row, camera) in cameras.iter().enumerate() {
        let top = 24.0 * count(row) + 4.0;
        let name: String = camera.name.chars().take(26).collect();
        drawing.text([0.0, top + 13.0], "start", INK, &name);
        drawing.rect([NAMES, top], [room, 16.0], GROUND);
        for gap in &camera.gaps {
            let from = x(gap.start_at);
            drawing.rect([from, top], [(x(gap.end_at) - from).max(1.5), 16.0], BAD);
        }
        let uptime = percent(camera.uptime_permille.unwrap_or_default());
        said.push(match camera.gaps.len() {
            0 => format!("{} recorded {uptime}", camera.name),
            gaps => format!("{} recorded {uptime}, with {gaps} gaps", camera.name),
        });
    }
    let foot = 24.0 * count(cameras.len()) + 18.0;
    drawing.text([NAMES, foot], "start", QUIET, &local.minute(report.from));
    drawing.text([WIDTH, foot], "end", QUIET, &local.minute(report.to));
    Some(drawing.finish("coverage", "When cameras recorded nothing", format!("{}.", said.join("; "))))
}

#[expect(clippy::cast_precision_loss, reason = "rows of a chart")]
fn count(rows: usize) -> f64 {
    rows as f64
}

#[expect(clippy::cast_precision_loss, reason = "transactions of a day are far below 2^52")]
fn count_of(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a day")]
fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).num_milliseconds() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::super::letter::sample;
    use super::*;

    #[test]
    fn every_chart_is_a_picture_with_words() {
        let charts = charts(&sample().report);
        assert_eq!(charts.iter().map(|chart| chart.name).collect::<Vec<_>>(), ["rates", "hours", "coverage"]);
        for chart in &charts {
            let png = image::load_from_memory(&chart.png().unwrap()).unwrap();
            assert_eq!(png.width(), 1120, "{}", chart.name);
            assert!(chart.alt.len() > 20 && !chart.svg.contains("R&D"), "{}", chart.alt);
        }
        assert!(charts[0].alt.contains("Refunds 10.00, outside the usual 0.50 to 2.50"), "{}", charts[0].alt);
    }
}
