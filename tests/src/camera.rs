//! [`Camera`]: a real RTSP server (GStreamer) in a process of its own, and the films it shows.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A camera: the server process and its address.
pub struct Camera {
    process: Child,
    pub url: String,
}

impl Camera {
    /// Starts one with these arguments for `servers/rtsp_server.py`.
    pub fn start(arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers/rtsp_server.py");
        let mut process = Command::new("/usr/bin/python3")
            .arg(script)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the RTSP server starts (deploy/setup.sh test installs it)");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).expect("the RTSP server says that it is ready");
        Self { process, url: ready["url"].as_str().unwrap().to_owned() }
    }

    /// The port it listens on.
    pub fn port(&self) -> String {
        let address = self.url.split('/').nth(2).unwrap();
        address.rsplit_once(':').unwrap().1.to_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Cuts its power.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Makes (once) a source of 40 s at 15 pictures a second, all different, with a tone.
pub fn source(name: &str, video: &[&str]) -> PathBuf {
    static MAKING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let path = std::env::temp_dir().join(format!("{name}.mp4"));
    if !path.try_exists().unwrap() {
        let half = path.with_extension("half.mp4");
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=15"])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=16000", "-t", "40"])
            .args(video)
            .args(["-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "1"])
            .arg(&half)
            .status()
            .unwrap();
        assert!(made.success());
        std::fs::rename(half, &path).unwrap();
    }
    path
}

/// Key frames every two seconds, no reordering.
pub const PLAIN: &[&str] = &["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "30", "-sc_threshold", "0"];
/// With B-frames.
pub const REORDERED: &[&str] =
    &["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "30", "-sc_threshold", "0"];
/// H.265.
pub const HEVC: &[&str] = &[
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "keyint=30:bframes=0:log-level=none",
    "-tag:v",
    "hvc1",
];
