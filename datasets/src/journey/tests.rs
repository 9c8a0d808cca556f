//! The panel as installed: these tests read the real files and say so when they are not there.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::*;
use tillsight_schemas::pos::Action;

/// The real panel, when the set-up has installed it; loaded once for all tests.
pub(crate) fn real() -> Option<&'static Panel> {
    static REAL: OnceLock<Option<Panel>> = OnceLock::new();
    REAL.get_or_init(installed).as_ref()
}

/// The real panel, or the invented one where it is not installed.
pub(crate) fn any() -> &'static Panel {
    static MADE_UP: OnceLock<Panel> = OnceLock::new();
    real().unwrap_or_else(|| MADE_UP.get_or_init(|| Panel::made_up().unwrap()))
}

fn installed() -> Option<Panel> {
    let home = |below: &str| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(below));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| home(".cache"))?;
    let folder = cache.join("tillsight").join(FOLDER);
    if !folder.try_exists().unwrap() {
        eprintln!("skipped: {} is not installed (run deploy/setup.sh)", folder.display());
        return None;
    }
    Some(load(&folder).unwrap())
}

#[test]
fn the_real_panel_is_whole_and_keeps_its_traps() {
    let Some(panel) = real() else { return };
    assert_eq!((panel.baskets().len(), panel.line_count()), (155_848, 1_469_307));
    let lines = || panel.baskets().iter().flat_map(|basket| panel.contents(basket));
    let count = |trap: fn(&&BasketLine) -> bool| lines().filter(trap).count();
    assert_eq!(count(|line| line.quantity == 0), 8_869);
    assert_eq!(count(|line| line.quantity > 1_000), 13_494);
    assert_eq!(count(|line| line.coupon_minor >= line.sales_minor), 12_917);
    assert_eq!(lines().map(|line| i64::from(line.sales_minor)).sum::<i64>(), 459_603_958);
}

#[test]
fn the_quietest_hour_of_the_panel_is_at_night_and_the_busiest_in_the_evening() {
    let Some(panel) = real() else { return };
    let at = |hour: usize| (0..7).map(|day| panel.hour(day * 24 + hour).len()).sum::<usize>();
    let quietest = (0..24).min_by_key(|hour| at(*hour)).unwrap();
    let busiest = (0..24).max_by_key(|hour| at(*hour)).unwrap();
    assert!((2..=5).contains(&quietest) && (16..=19).contains(&busiest), "{quietest} {busiest}");
}

#[test]
fn lines_add_up_to_what_the_panel_says() {
    let panel = Panel::made_up().unwrap();
    for panel in [Some(&panel), real()].into_iter().flatten() {
        for basket in panel.baskets().iter().step_by(97) {
            let lines = panel.lines(basket);
            let contents = panel.contents(basket);
            let sum =
                |action| lines.iter().filter(|line| line.action == action).map(|line| line.extended_minor).sum::<i64>();
            assert_eq!(sum(Action::Sale), contents.iter().map(|line| i64::from(line.sales_minor)).sum::<i64>());
            assert_eq!(sum(Action::Coupon), contents.iter().map(|line| i64::from(line.coupon_minor)).sum::<i64>());
            for line in lines.iter().filter(|line| line.unit_price_minor.is_some()) {
                let goods = line.unit_price_minor.unwrap() * line.qty_milli / 1_000;
                assert_eq!(goods - line.discount_minor, line.extended_minor);
            }
            let numbers: Vec<_> = lines.iter().map(|line| line.line_no).collect();
            assert_eq!(numbers, (1..).take(lines.len()).collect::<Vec<_>>());
        }
    }
}
