//! Whether the corners of a zone are a polygon that means something.

/// The most corners.
const MOST: usize = 64;
/// The smallest area, as a fraction of the picture: a person far away is larger.
const SMALLEST: f64 = 1e-4;

/// Everything that is wrong with a polygon, in words.
pub(super) fn problems(corners: &[[f64; 2]]) -> Vec<String> {
    let mut problems = Vec::new();
    if !(3..=MOST).contains(&corners.len()) {
        problems.push(format!("polygon: it has {} corners, and needs 3 to {MOST}", corners.len()));
    }
    if corners.iter().flatten().any(|part| !(0.0..=1.0).contains(part)) {
        problems.push("polygon: corners are fractions of the picture, 0 to 1".to_owned());
    }
    if !problems.is_empty() {
        return problems;
    }
    if crosses_itself(corners) {
        problems.push("polygon: its border crosses or touches itself".to_owned());
    } else if area(corners) < SMALLEST {
        problems.push("polygon: it has no area to speak of".to_owned());
    }
    problems
}

/// The area, as a fraction of the picture.
fn area(corners: &[[f64; 2]]) -> f64 {
    let twice: f64 = sides(corners).map(|([ax, ay], [bx, by])| ax * by - bx * ay).sum();
    (twice / 2.0).abs()
}

fn sides(corners: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
    corners.iter().copied().zip(corners.iter().copied().cycle().skip(1))
}

/// Whether two sides that are no neighbours meet, or two neighbours lie on each other.
fn crosses_itself(corners: &[[f64; 2]]) -> bool {
    let sides: Vec<_> = sides(corners).collect();
    let last = sides.len().saturating_sub(1);
    for (n, (a, b)) in sides.iter().enumerate() {
        if same(*a, *b) {
            return true;
        }
        for (m, (c, d)) in sides.iter().enumerate().skip(n + 1) {
            let meets = if m == n + 1 {
                folds_back(*a, *b, *d)
            } else if n == 0 && m == last {
                folds_back(*c, *d, *b)
            } else {
                meet(*a, *b, *c, *d)
            };
            if meets {
                return true;
            }
        }
    }
    false
}

fn same([ax, ay]: [f64; 2], [bx, by]: [f64; 2]) -> bool {
    (ax - bx).abs() < 1e-9 && (ay - by).abs() < 1e-9
}

/// On which side of the line from `a` to `b` a point lies: above 0, below 0, or on it.
fn turn([ax, ay]: [f64; 2], [bx, by]: [f64; 2], [cx, cy]: [f64; 2]) -> f64 {
    (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
}

/// Whether the way from `a` to `b` goes back on itself to `c`.
fn folds_back(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> bool {
    let back = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]) < 0.0;
    back && turn(a, b, c).abs() < 1e-12
}

fn between(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> bool {
    c[0] >= a[0].min(b[0]) && c[0] <= a[0].max(b[0]) && c[1] >= a[1].min(b[1]) && c[1] <= a[1].max(b[1])
}

/// Whether two sides have a point in common.
fn meet(a: [f64; 2], b: [f64; 2], c: [f64; 2], d: [f64; 2]) -> bool {
    let (abc, abd, cda, cdb) = (turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b));
    if abc * abd < 0.0 && cda * cdb < 0.0 {
        return true;
    }
    (abc == 0.0 && between(a, b, c))
        || (abd == 0.0 && between(a, b, d))
        || (cda == 0.0 && between(c, d, a))
        || (cdb == 0.0 && between(c, d, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_polygons_are_taken_whatever_way_they_turn() {
        let square = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]];
        assert!(problems(&square).is_empty());
        let mut other_way = square;
        other_way.reverse();
        assert!(problems(&other_way).is_empty());
        let concave = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.2], [0.0, 1.0]];
        assert!(problems(&concave).is_empty());
        assert!(problems(&[[0.0, 0.0], [0.5, 0.0], [1.0, 0.0], [1.0, 1.0]]).is_empty(), "a corner on a side is none");
    }

    #[test]
    fn what_is_no_polygon_is_refused_in_words() {
        let says = |corners: &[[f64; 2]], word: &str| {
            let problems = problems(corners);
            assert!(problems.iter().any(|problem| problem.contains(word)), "{problems:?}");
        };
        says(&[[0.0, 0.0], [1.0, 1.0]], "3 to 64");
        says(&vec![[0.5, 0.5]; 65], "3 to 64");
        says(&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.5]], "0 to 1");
        says(&[[0.0, 0.0], [1.0, 0.0], [f64::NAN, 1.0]], "0 to 1");
        says(&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], "crosses");
        says(&[[0.0, 0.0], [1.0, 0.0], [0.5, 0.0]], "crosses");
        says(&[[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], "crosses");
        says(&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.0]], "crosses");
        says(&[[0.5, 0.5], [0.501, 0.5], [0.501, 0.501]], "area");
    }
}
