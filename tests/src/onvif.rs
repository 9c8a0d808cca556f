//! [`OnvifDevice`]: a device with an event service (`servers/onvif_device.py`) in a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A device: the server process, its address, and what it is told.
pub struct OnvifDevice {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub url: String,
}

impl OnvifDevice {
    /// Starts one with these arguments for `servers/onvif_device.py`.
    pub fn start(arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers/onvif_device.py");
        let mut process = Command::new("python3")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the ONVIF device starts");
        let commands = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let url = read(&mut answers)["url"].as_str().unwrap().to_owned();
        Self { process, commands, answers, url }
    }

    /// The port it listens on.
    pub fn port(&self) -> String {
        let address = self.url.split('/').nth(2).unwrap();
        address.rsplit_once(':').unwrap().1.to_owned()
    }

    /// Tells it something, see the script; what it answers: its counts.
    pub fn tell(&mut self, command: &Value) -> Value {
        writeln!(self.commands, "{command}").unwrap();
        read(&mut self.answers)
    }

    /// Its counts.
    pub fn status(&mut self) -> Value {
        self.tell(&json!({"status": true}))
    }

    /// A property changes.
    pub fn change(&mut self, topic: &str, source: &str, data: (&str, &str)) {
        self.tell(&json!({"topic": topic, "source": {"Source": source}, "data": {data.0: data.1}}));
    }

    /// Cuts its power.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn read(answers: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    serde_json::from_str(&line).expect("the ONVIF device answers in JSON")
}

impl Drop for OnvifDevice {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
