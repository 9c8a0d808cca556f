//! Programs that nobody here wrote: kcat, psql, Python clients. Each call has a deadline and shows what was said when
//! it fails.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a condition may take to come true.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Where the set-up script put what it fetched.
pub fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("tillsight")
}

/// Runs a program with this input; its output, whatever its exit code.
pub fn output(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; run deploy/setup.sh test"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // A program that does not read all of its input has its reasons; its exit code tells.
    drop(feeder.join());
    output
}

/// Runs a program that must succeed; what it wrote.
pub fn run(command: &mut Command, input: &[u8]) -> String {
    let output = output(command, input);
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A Python script in the environment that the set-up script made.
pub fn python(script: &str, arguments: &[&str]) -> String {
    run(Command::new(cache().join("python/bin/python")).arg("-c").arg(script).args(arguments), b"")
}

/// Waits until `condition` gives a value; asks every 50 ms.
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match condition() {
            Ok(value) => return value,
            Err(last) if start.elapsed() > DEADLINE => panic!("{what}: not within {DEADLINE:?}; last: {last}"),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Waits until a value is the expected one.
pub fn becomes<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, mut value: impl FnMut() -> T) {
    eventually(what, || {
        let found = value();
        if found == *expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}")) }
    });
}
