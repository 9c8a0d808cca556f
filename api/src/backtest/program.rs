//! [`Program`]: a back-test in a process of its own: `tillsight rule backtest --json`, read line by line. What it takes is its
//! own, it gives way to everything else, and it ends with whoever started it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::asked::Asked;
use super::result::{BacktestProgress, BacktestResult, Line};

/// What is read of one at most, in bytes.
const LARGEST: u64 = 64 << 20;

/// How a run ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// It came to its end.
    Done(Box<BacktestResult>),
    /// It did not; why, for people.
    Failed(String),
    /// It was broken off.
    Stopped,
}

/// What is started, and the configuration that it reads.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    exe: PathBuf,
    config: PathBuf,
}

impl Program {
    /// A program.
    pub(crate) fn new(exe: PathBuf, config: &Path) -> Self {
        Self { exe, config: config.to_owned() }
    }

    /// Runs to the end, or until it is not wanted any more; `told` hears how far it is.
    pub(super) async fn run(
        &self,
        asked: &Asked,
        mut told: impl FnMut(BacktestProgress),
        unwanted: &CancellationToken,
    ) -> Ended {
        let mut child = match self.spawn(asked) {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%error, program = %self.exe.display(), "a back-test cannot be started");
                return Ended::Failed("it could not be started: the log of the server says why".to_owned());
            }
        };
        let (out, mut said) = (child.stdout.take(), None);
        let reading = async {
            let Some(out) = out else { return Ok(()) };
            let mut lines = BufReader::new(out.take(LARGEST)).lines();
            while let Some(line) = lines.next_line().await? {
                match serde_json::from_str(&line)? {
                    Line::Progress(progress) => told(progress),
                    Line::Result(result) => said = Some(Ended::Done(result)),
                    Line::Problem(problem) => said = Some(Ended::Failed(problem)),
                }
            }
            Ok::<_, std::io::Error>(())
        };
        let read = tokio::select! {
            read = reading => read,
            () = unwanted.cancelled() => {
                break_off(&mut child).await;
                return Ended::Stopped;
            }
        };
        if let Err(error) = read {
            tracing::error!(%error, "what a back-test says cannot be read");
            break_off(&mut child).await;
            return Ended::Failed("what it said could not be read: the log of the server says why".to_owned());
        }
        let status = tokio::select! {
            status = child.wait() => status,
            () = unwanted.cancelled() => {
                break_off(&mut child).await;
                return Ended::Stopped;
            }
        };
        match (status, said) {
            (Ok(status), Some(Ended::Done(result))) if status.success() => Ended::Done(result),
            (_, Some(Ended::Failed(problem))) => Ended::Failed(problem),
            (status, _) => {
                tracing::error!(?status, "a back-test ended without a result");
                let words = "it ended before it was done, perhaps for lack of memory: ask for fewer stores or days, or \
                             see the log of the server";
                Ended::Failed(words.to_owned())
            }
        }
    }

    fn spawn(&self, asked: &Asked) -> std::io::Result<Child> {
        let mut command = Command::new(&self.exe);
        command.arg("--config").arg(&self.config).args(asked.arguments());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        // As for the processes of roles: no arena for each thread, and Ctrl-C in a terminal is for the supervisor.
        command.env("MALLOC_ARENA_MAX", "2").process_group(0);
        command.spawn()
    }
}

async fn break_off(child: &mut Child) {
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "a back-test cannot be broken off");
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::super::asked::tests::asked;
    use super::*;

    /// A program that is a text of the shell.
    pub(crate) fn shell(folder: &Path, text: &str) -> Program {
        let (draft, file) = (folder.join("draft"), folder.join("program"));
        std::fs::write(&draft, format!("#!/bin/sh\n{text}\n")).unwrap();
        // By another process: a file that one of our own forks still has open for writing cannot be started.
        let copied = std::process::Command::new("install").args(["-m", "755"]).args([&draft, &file]).status();
        assert!(copied.unwrap().success());
        Program::new(file, Path::new("tillsight.toml"))
    }

    async fn ran(text: &str) -> (Ended, Vec<BacktestProgress>) {
        let dir = tempfile::tempdir().unwrap();
        let mut told = Vec::new();
        let program = shell(dir.path(), text);
        let ended = program.run(&asked(), |progress| told.push(progress), &CancellationToken::new()).await;
        (ended, told)
    }

    #[tokio::test]
    async fn what_a_run_says_is_taken_and_what_it_does_not_say_is_told_in_words() {
        let progress = r#"echo '{"progress":{"done":1,"of":2,"seconds_left":3}}'"#;
        let (ended, told) = ran(&format!("{progress}\necho '{{\"problem\":\"no such rule\"}}'\nexit 1")).await;
        assert_eq!(told, [BacktestProgress { done: 1, of: 2, seconds_left: Some(3) }]);
        assert!(matches!(&ended, Ended::Failed(words) if words == "no such rule"), "{ended:?}");
        let (ended, _) = ran(progress).await;
        assert!(matches!(&ended, Ended::Failed(words) if words.contains("fewer stores")), "{ended:?}");
        let (ended, _) = ran("echo nonsense").await;
        assert!(matches!(&ended, Ended::Failed(words) if words.contains("could not be read")), "{ended:?}");
        let nowhere = Program::new("/nowhere".into(), Path::new("x"));
        let ended = nowhere.run(&asked(), |_| {}, &CancellationToken::new()).await;
        assert!(matches!(&ended, Ended::Failed(words) if words.contains("could not be started")), "{ended:?}");
    }

    #[tokio::test]
    async fn what_is_not_wanted_any_more_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let unwanted = CancellationToken::new();
        let program = shell(dir.path(), "echo $$ >\"$0.pid\"\nexec sleep 600");
        let cancel = unwanted.clone();
        let pid = dir.path().join("program.pid");
        let stop = async {
            while std::fs::read_to_string(&pid).unwrap_or_default().trim().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            cancel.cancel();
        };
        let asked = asked();
        let (ended, ()) = tokio::join!(program.run(&asked, |_| {}, &unwanted), stop);
        assert!(matches!(ended, Ended::Stopped), "{ended:?}");
        let pid = std::fs::read_to_string(&pid).unwrap();
        assert!(!Path::new("/proc").join(pid.trim()).is_dir(), "it runs on");
    }
}
