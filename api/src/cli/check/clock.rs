//! Whether somebody keeps the clock of this machine: receipts and pictures meet by their times.

use std::path::Path;
use std::process::Command;

use super::line::Line;

/// What `systemd-timesyncd` touches when it has set the clock.
const SET: &str = "/run/systemd/timesync/synchronized";
const CURE: &str = "`timedatectl set-ntp true`, or install chrony: receipts and pictures meet by their times";

/// What the machine says of its clock; a warning where it says nothing.
pub(super) fn clock() -> Line {
    let what = "clock";
    if let Some(said) = said_by("timedatectl", &["show", "--property=NTPSynchronized", "--value"]) {
        return match said.trim() {
            "yes" => Line::ok(what, "kept by NTP (timedatectl)"),
            _ => Line::bad(what, "nobody keeps it", CURE),
        };
    }
    if let Some(said) = said_by("chronyc", &["-n", "tracking"]) {
        let normal = said.lines().any(|line| line.starts_with("Leap status") && line.ends_with("Normal"));
        let offset = said.lines().find_map(|line| line.strip_prefix("System time")?.trim_start().strip_prefix(':'));
        return match normal {
            true => Line::ok(what, format!("kept by chrony,{}", offset.unwrap_or(" in step"))),
            false => Line::bad(what, "chrony has not set it yet", "look at `chronyc sources`"),
        };
    }
    if Path::new(SET).try_exists().unwrap_or_default() {
        return Line::ok(what, "kept by systemd-timesyncd");
    }
    Line::warn(what, "whether somebody keeps it cannot be told here (a container's is its host's)", CURE)
}

fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
