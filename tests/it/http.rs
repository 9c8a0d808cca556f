//! The pages' side of the shop: sign in, see an alert with its receipt, presence and clip, decide, hear of changes live.
//! curl is the browser.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;
use tillsight_tests::camera::{Camera, PLAIN, source};
use tillsight_tests::outside::{eventually, output, run};

use crate::raise::raise;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// curl with a cookie jar of its own.
pub(crate) struct Browser<'a> {
    shop: &'a Shop,
    jar: std::path::PathBuf,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(shop: &'a Shop, name: &str) -> Self {
        Self { shop, jar: shop.data().join(format!("{name}.cookies")) }
    }

    pub(crate) fn curl(&self, path: &str) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-H", "x-tillsight: 1", "-b"]).arg(&self.jar).arg("-c").arg(&self.jar);
        curl.arg(self.shop.url(path));
        curl
    }

    pub(crate) fn ask(&self, path: &str, more: &[&str]) -> (u16, Value) {
        let mut curl = self.curl(path);
        curl.args(["--max-time", "20", "-w", "\n%{http_code}"]).args(more);
        let text = String::from_utf8(output(&mut curl, b"").stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        self.ask(path, &[])
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send("POST", path, body)
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask(path, &["-X", method, "-H", "content-type: application/json", "-d", &body.to_string()])
    }

    pub(crate) fn post_text(&self, path: &str, body: &str) -> (u16, Value) {
        self.ask(path, &["--max-time", "60", "-H", "content-type: text/csv", "--data-binary", body])
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask(path, &["-X", "PUT", "-H", "content-type: application/json", "-d", &body.to_string()])
    }

    pub(crate) fn delete(&self, path: &str) -> (u16, Value) {
        self.ask(path, &["-X", "DELETE"])
    }

    pub(crate) fn sign_in(&self, name: &str, password: &str) -> u16 {
        self.post("/api/v1/session", &json!({ "name": name, "password": password })).0
    }

    /// Listens to live events; each line with the time at which it came.
    fn listen(&self) -> Listening {
        let mut curl = self.curl("/api/v1/events");
        let mut child = curl.arg("-N").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Listening { child, lines: receiver }
    }
}

struct Listening {
    child: Child,
    lines: Receiver<String>,
}

impl Listening {
    /// The next line with this text in it.
    fn until(&self, wanted: &str, within: Duration) -> String {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line =
                self.lines.recv_timeout(left).unwrap_or_else(|error| panic!("no {wanted} within {within:?}: {error}"));
            if line.contains(wanted) {
                return line;
            }
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn an_alert_arrives_live_is_looked_at_with_its_clip_and_decided() {
    let film = source("shop", PLAIN);
    let camera = Camera::start(&["--file", film.to_str().unwrap()]);
    let shop = Shop::with(&format!(
        "[[camera]]\nid = \"till-1\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\n\
         [[zone]]\nid = \"till-1-customer\"\ntenant = \"demo\"\nstore = \"17\"\ncamera = \"till-1\"\nkind = \"customer\"\n\
         register = \"1\"\npolygon = [[0, 0], [1, 0], [1, 1]]\n",
        camera.url
    ));
    shop.tillsight_with(
        &["user", "add", "lena", "--role", "analyst", "--stores", "17", "--password-stdin"],
        &format!("{PASSWORD}\n"),
    );
    shop.tillsight(&["user", "add", "otto", "--role", "analyst", "--stores", "42"]);
    let said = shop.tillsight(&["user", "password", "otto"]);
    let printed = said.lines().find_map(|line| line.strip_prefix("password: ")).expect("a password is printed");

    let (lena, otto) = (Browser::new(&shop, "lena"), Browser::new(&shop, "otto"));
    assert_eq!(lena.get("/api/v1/alerts").0, 401);
    assert_eq!(lena.sign_in("lena", "wrong password"), 401);
    assert_eq!(lena.sign_in("lena", PASSWORD), 200);
    assert_eq!(otto.sign_in("otto", printed), 200);
    assert_eq!(lena.get("/api/v1/session").1["stores"], json!(["17"]));

    eventually("the camera is live", || {
        let (_, page) = lena.get("/api/v1/cameras");
        let camera = &page["items"][0];
        let from = camera["recorded_from"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
        let to = camera["recorded_to"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
        match from.zip(to) {
            Some((from, to)) if camera["state"] == "live" && to - from > TimeDelta::seconds(8) => Ok(()),
            _ => Err(page.to_string()),
        }
    });
    let (_, page) = lena.get("/api/v1/cameras");
    let from: DateTime<Utc> = page["items"][0]["recorded_from"].as_str().unwrap().parse().unwrap();
    let at = from + TimeDelta::seconds(4);

    // What the camera's analysis would say: a tile in the log.
    let mut tile: Value = serde_json::from_str(include_str!("../../schemas/samples/v1/presence_tile.json")).unwrap();
    let time = |at: DateTime<Utc>| json!(at.to_rfc3339_opts(SecondsFormat::Micros, true));
    for (field, value) in [
        ("tenant_id", json!("demo")),
        ("camera_id", json!("till-1")),
        ("zone_id", json!("till-1-customer")),
        ("start_at", time(at - TimeDelta::seconds(1))),
        ("end_at", time(at + TimeDelta::seconds(1))),
        ("state", json!("absent")),
        ("blind", Value::Null),
    ] {
        tile[field] = value;
    }
    shop.kcat_produce("lp.cam.presence.v1", &[format!("demo/17|{tile}")]);

    // The alert reaches the browser that sees the store.
    let live = lena.listen();
    live.until("event: hello", Duration::from_secs(20));
    let id = raise(&shop, 1, "17", "till-1", at, [&[], &[]]);
    let told = live.until(&id, Duration::from_secs(20));
    let told: Value = serde_json::from_str(told.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&told["has_video"], &told["store_id"]), (&json!(true), &json!("17")));
    let elsewhere = raise(&shop, 2, "42", "till-1", at, [&[], &[]]);

    // Otto sees his own store only.
    assert_eq!(otto.get(&format!("/api/v1/alerts/{id}")).0, 404);
    assert_eq!(otto.get("/api/v1/alerts").1["items"][0]["alert_id"], elsewhere.as_str());
    assert_eq!(lena.get("/api/v1/alerts").1["items"].as_array().unwrap().len(), 1);

    let (status, detail) = lena.get(&format!("/api/v1/alerts/{id}"));
    assert_eq!(status, 200, "{detail}");
    assert_eq!(detail["problems"], json!([]), "{detail}");
    assert_eq!(detail["transaction"]["receipt_no"], json!(detail["transaction"]["receipt_no"].as_str().unwrap()));
    // What kcat told and what the shop's own analysis saw.
    let seen = detail["presence"].as_array().unwrap();
    assert!(seen.iter().any(|span| span["state"] == "absent"), "{}", detail["presence"]);
    assert_eq!(detail["video"][0]["note"], Value::Null);

    // The clip plays, the still is a picture; both only for those who see the store.
    let fetch = |browser: &Browser<'_>, url: &Value, name: &str| {
        let file = shop.data().join(name);
        let mut curl = browser.curl(url.as_str().unwrap());
        let status = run(curl.args(["-w", "%{http_code}", "-o"]).arg(&file), b"");
        (status.trim().parse::<u16>().unwrap(), file)
    };
    let (status, clip) = fetch(&lena, &detail["video"][0]["play_url"], "lena.mp4");
    assert_eq!(status, 200);
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames"]);
    let frames: u32 = run(probe.args(["-of", "csv=p=0"]).arg(&clip), b"").trim().parse().unwrap();
    assert!(frames >= 89, "six seconds at 15 a second: {frames}");
    let (status, still) = fetch(&lena, &detail["video"][0]["poster_url"], "lena.jpg");
    assert_eq!(status, 200, "{}", std::fs::read_to_string(&still).unwrap_or_default());
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"]);
    assert_eq!(run(probe.arg(&still), b"").trim(), "mjpeg,320,180");
    assert_eq!(fetch(&otto, &detail["video"][0]["clip_url"], "otto.mp4").0, 404);
    assert_eq!(fetch(&otto, &detail["video"][0]["poster_url"], "otto.jpg").0, 404);

    // The decision: only about what was looked at; everybody hears of it, and the queue is empty.
    let review = format!("/api/v1/alerts/{id}/review");
    assert_eq!(lena.post(&review, &json!({ "disposition": "confirmed", "revision": 7 })).0, 409);
    let (status, decided) = lena.post(&review, &json!({ "disposition": "confirmed", "note": "seen", "revision": 0 }));
    assert_eq!((status, &decided["disposition"]), (200, &json!("confirmed")));
    live.until("event: review", Duration::from_secs(20));
    assert_eq!(lena.get("/api/v1/alerts").1["items"], json!([]));

    // A camera that is unplugged is told, and coverage shows the gap.
    camera.kill();
    let lost = live.until("\"state\":\"lost\"", Duration::from_secs(60));
    assert!(lost.contains("till-1"), "{lost}");
    let (from, to) = (at - TimeDelta::hours(1), SystemClock.now());
    let stamp = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let (status, coverage) = lena.get(&format!("/api/v1/coverage?store=17&from={}&to={}", stamp(from), stamp(to)));
    assert_eq!((status, &coverage["problems"]), (200, &json!([])), "{coverage}");
    assert!(coverage["cameras"][0]["recorded_seconds"].as_i64().unwrap() >= 8, "{coverage}");
    assert!(coverage["cameras"][0]["presence"][0]["absent_seconds"] == 2, "{coverage}");
    assert_eq!(coverage["rules"][0]["fired"], 1);

    // Who saw what stands in the audit file.
    let audit = shop.data().join("audit.sqlite");
    const SEEN: &str = "import sqlite3, sys; print(*sorted({row[0] for row in sqlite3.connect(sys.argv[1]).execute(\
                        \"select action from audit where who = 'lena'\")}))";
    assert_eq!(tillsight_tests::outside::python(SEEN, &[audit.to_str().unwrap()]).trim(), "still video");
}
