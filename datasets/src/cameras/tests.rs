//! The parts that need no process; the running server is tested in `tests/it/film.rs`.

use super::*;

#[test]
fn an_order_is_one_line_that_names_its_camera() {
    let line = |order: &Order| serde_json::to_string(&Line { camera: "kiosk", order }).unwrap();
    assert_eq!(line(&Order::Unplug), r#"{"camera":"kiosk","do":"unplug"}"#);
    let show = Order::Show { text: "REFUND 4.99".to_owned() };
    assert_eq!(line(&show), r#"{"camera":"kiosk","do":"show","text":"REFUND 4.99"}"#);
}

#[test]
fn no_two_glyphs_are_alike_and_every_one_is_read_back() {
    let font = Font::default();
    let letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ -:.,/#$%+*?&'";
    // Painted as the server does it: three pixels a point, a margin of half a cell.
    let (width, height) = (letters.len() * 18 + 18, 100);
    let mut bytes = vec![16; width * height];
    for (cell, letter) in letters.chars().enumerate() {
        let drawn = FONT.split_once(&format!("glyph {}\n", u32::from(letter))).unwrap().1;
        for (row, points) in drawn.lines().take(7).enumerate() {
            for (column, point) in points.chars().enumerate() {
                for (x, y) in (0..9).map(|n| (n % 3, n / 3)) {
                    let at = (3 + row * 3 + y) * width + 9 + cell * 18 + column * 3 + x;
                    // Neither quite dark nor quite bright: it was encoded and decoded.
                    bytes[at] = if point == '#' { 200 } else { 40 };
                }
            }
        }
    }
    let picture = Luma { width, height, bytes: &bytes };
    assert_eq!(font.display(picture), letters);
    let grey = vec![128; width * height];
    assert!(font.display(Luma { width, height, bytes: &grey }).starts_with("???"));
}

#[test]
fn the_log_says_when_the_film_began_although_pictures_froze_and_a_line_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.jsonl");
    let line = |n: i64, source: i64, state: &str| {
        format!("{{\"n\":{n},\"source\":{source},\"wall_us\":{},\"state\":\"{state}\"}}\n", 1_000_000 + n * 100_000)
    };
    let text = line(0, 0, "shown") + &line(1, 1, "shown") + &line(2, 1, "frozen") + "{\"n\":3,";
    std::fs::write(&path, text).unwrap();
    let log = FrameLog::read(&path).unwrap();
    assert_eq!(log.frames.len(), 3);
    let began = log.began(10).unwrap();
    assert_eq!(began.timestamp_micros(), 1_000_000);
    std::fs::write(&path, "not a frame\n").unwrap();
    assert!(FrameLog::read(&path).is_err());
}
