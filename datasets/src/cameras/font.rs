//! [`Font`]: reads what the cameras painted into their pictures, by comparing cells with glyphs.
//!
//! For tests and for whoever checks an alignment by machine. It knows the places and the scale of `film_server.py`.

use super::FONT;

/// Columns of a glyph and its space, rows of a glyph, pixels of a point.
const COLUMNS: usize = 6;
const ROWS: usize = 7;
const SCALE: usize = 3;
/// Rows of a painted strip.
const STRIP: usize = SCALE * (ROWS + 2);

/// The brightness of a picture.
#[derive(Debug, Clone, Copy)]
pub struct Luma<'a> {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes, row by row; what follows is not looked at.
    pub bytes: &'a [u8],
}

impl Luma<'_> {
    fn at(&self, x: usize, y: usize) -> Option<i32> {
        (x < self.width && y < self.height).then(|| self.bytes.get(y * self.width + x).map(|byte| i32::from(*byte)))?
    }
}

/// The glyphs.
#[derive(Debug, Clone)]
pub struct Font(Vec<(char, [u8; ROWS])>);

impl Default for Font {
    fn default() -> Self {
        let mut glyphs = Vec::new();
        let mut lines = FONT.lines();
        while let Some(line) = lines.next() {
            let letter = line.strip_prefix("glyph ").and_then(|code| code.parse().ok()).and_then(char::from_u32);
            let Some(letter) = letter else { continue };
            let mut rows = [0; ROWS];
            for row in &mut rows {
                let points = lines.next().unwrap_or_default();
                *row = points.chars().fold(0, |bits, point| bits << 1 | u8::from(point == '#'));
            }
            glyphs.push((letter, rows));
        }
        Self(glyphs)
    }
}

impl Font {
    /// The clock and the number of the picture: `2026-11-22 18:04:05.6Z #00123`.
    pub fn clock(&self, picture: Luma<'_>) -> String {
        self.line(picture, picture.height.saturating_sub(STRIP + 1))
    }

    /// The till's display.
    pub fn display(&self, picture: Luma<'_>) -> String {
        self.line(picture, 0)
    }

    /// What stands on a strip; a cell that is like no glyph becomes a question mark.
    fn line(&self, picture: Luma<'_>, top: usize) -> String {
        let cells = (picture.width / (COLUMNS * SCALE)).saturating_sub(1);
        let left = COLUMNS * SCALE / 2;
        let text: String =
            (0..cells).map(|cell| self.letter(picture, left + cell * COLUMNS * SCALE, top + SCALE)).collect();
        text.trim_end().to_owned()
    }

    /// The glyph that differs least from what stands in a cell.
    fn letter(&self, picture: Luma<'_>, left: usize, top: usize) -> char {
        let points = (0..ROWS).flat_map(|row| (0..COLUMNS - 1).map(move |column| (row, column)));
        // The middle of each point: its edges are blurred.
        let middle = |of: usize| of * SCALE + SCALE / 2;
        let seen: Vec<_> = points
            .filter_map(|(row, column)| Some((row, column, picture.at(left + middle(column), top + middle(row))?)))
            .collect();
        let differs = |rows: &[u8; ROWS]| {
            let off = seen.iter().map(|(row, column, level)| {
                let lit = rows.get(*row).is_some_and(|bits| bits >> (COLUMNS - 2 - column) & 1 == 1);
                (level - if lit { 0xeb } else { 0x10 }).abs()
            });
            off.sum::<i32>()
        };
        let best = self.0.iter().map(|(letter, rows)| (differs(rows), *letter)).min();
        let limit = i32::try_from(seen.len()).unwrap_or(0) * 60;
        best.filter(|(off, _)| *off < limit).map_or('?', |(_, letter)| letter)
    }
}
