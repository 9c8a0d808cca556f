//! Of boxes of one class that overlap, the surest stays (greedy non-maximum suppression).

use super::RawBox;

/// The boxes that stay, surest first.
pub(super) fn overlapping(mut boxes: Vec<RawBox>, limit: f32) -> Vec<RawBox> {
    boxes.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<RawBox> = Vec::new();
    for found in boxes {
        if kept.iter().all(|other| other.class != found.class || overlap(&other.edges, &found.edges) <= limit) {
            kept.push(found);
        }
    }
    kept
}

/// Intersection over union of two boxes (left, top, right, bottom).
pub(crate) fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |[left, top, right, bottom]: &[f32; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let both = [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])];
    let shared = area(&both);
    let union = area(a) + area(b) - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}
