//! `tillsight fsck`: whether what lies on disk is whole: databases, recordings with their hash chains, the lake, the search
//! index. It changes nothing that is there, also beside a running system, and says what to do about what it finds.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use clap::Args;
use tillsight_correlate::lake::{History, Table};
use tillsight_ingest::record::{Index, check, rebuild};
use tillsight_schemas::error::chain;

use super::say;
use crate::config::Config;
use crate::db::{database_file, file_is_whole};
use crate::run::clock;
use crate::search::{Order, Request, Scope, Search};

/// What to check.
#[derive(Debug, Args)]
pub(super) struct FsckArguments {
    /// Read every byte of every recording and hash it again. Without it, file lengths, manifests and chain heads are
    /// compared.
    #[arg(long)]
    deep: bool,
    /// Make the index of the recordings again from the files; the system must be stopped. The old one is put aside.
    #[arg(long)]
    rebuild_recordings: bool,
}

/// Problems that are shown of each part.
const SHOWN: usize = 20;

/// Checks, or rebuilds.
pub(super) fn fsck(config: &Config, arguments: &FsckArguments) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if arguments.rebuild_recordings {
            return rebuild_recordings(&config.volume()).await;
        }
        let mut wrong = 0;
        for part in ["databases", "recordings", "lake", "search index"] {
            let began = Instant::now();
            let found = match part {
                "databases" => databases(&config.data.dir).await,
                "recordings" => recordings(&config.volume(), arguments.deep).await,
                "lake" => lake(&config.data.dir.join("lake")).await,
                _ => search(config).await,
            };
            let (what, problems) = found.unwrap_or_else(|error| ("cannot be read".to_owned(), vec![chain(&*error)]));
            say(&format!("{part}: {what}, {} ({:.1} s)", verdict(problems.len()), began.elapsed().as_secs_f64()));
            for problem in problems.iter().take(SHOWN) {
                say(&format!("  {problem}"));
            }
            if problems.len() > SHOWN {
                say(&format!("  and {} more", problems.len() - SHOWN));
            }
            wrong += problems.len();
        }
        if wrong == 0 { Ok(()) } else { Err(format!("{} found", verdict(wrong)).into()) }
    })
}

fn verdict(problems: usize) -> String {
    match problems {
        0 => "no problem".to_owned(),
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    }
}

type Found = Result<(String, Vec<String>), Box<dyn Error>>;

async fn databases(data: &Path) -> Found {
    let mut problems = Vec::new();
    let files = [database_file(data), data.join("audit.sqlite")];
    for file in &files {
        if !file.is_file() {
            problems.push(format!("{} is missing; it is made when the system starts", file.display()));
            continue;
        }
        for said in file_is_whole(file).await? {
            problems.push(format!("{}: {said}; restore it from a backup", file.display()));
        }
    }
    Ok((format!("{} files", files.len()), problems))
}

async fn recordings(volume: &Path, deep: bool) -> Found {
    if !volume.is_dir() {
        return Ok((format!("nothing was recorded to {}", volume.display()), Vec::new()));
    }
    let index = Index::open_read_only(volume).await?;
    let report = check(volume, &index, deep, clock().now()).await?;
    let what = format!(
        "{} streams, {} segments, {} MiB{}",
        report.streams,
        report.segments,
        report.bytes >> 20,
        if deep { ", every byte read" } else { "" }
    );
    Ok((what, report.problems.into_iter().map(|(of, problem)| format!("{of}: {problem}")).collect()))
}

async fn lake(root: &Path) -> Found {
    if !root.is_dir() {
        return Ok(("nothing is archived yet".to_owned(), Vec::new()));
    }
    let history = History::open(root).await?;
    let mut rows = 0;
    let mut problems = Vec::new();
    for table in Table::ALL {
        match history.count(table).await {
            Ok(count) => rows += count,
            Err(error) => problems.push(format!("{}: {}", table.name(), chain(&error))),
        }
    }
    Ok((format!("{} tables, {rows} rows", Table::ALL.len()), problems))
}

async fn search(config: &Config) -> Found {
    let Some(store) = config.stores.first() else { return Ok(("no store is set up".to_owned(), Vec::new())) };
    let (data, stores, tenant) = (config.data.dir.clone(), config.stores.clone(), store.tenant.clone());
    let look = move || {
        let search = Search::open(&data, stores, clock())?;
        search.find(&Request {
            text: String::new(),
            from: None,
            to: None,
            scope: Scope::whole(tenant, Vec::new()),
            order: Order::Time,
            limit: 1,
            cursor: None,
        })
    };
    match tokio::task::spawn_blocking(look).await? {
        Ok(answer) => Ok((format!("{} documents", answer.total), Vec::new())),
        Err(error) => {
            let problem = format!("{}; `tillsight search rebuild` makes it anew", chain(&error));
            Ok(("not readable".to_owned(), vec![problem]))
        }
    }
}

async fn rebuild_recordings(volume: &Path) -> Result<(), Box<dyn Error>> {
    let report = rebuild(volume, clock().now()).await?;
    say(&format!(
        "{} streams, {} segments, {} holds are in the index again",
        report.streams, report.segments, report.holds
    ));
    if let Some(aside) = report.put_aside {
        say(&format!("the index before lies in {}", aside.display()));
    }
    Ok(())
}
