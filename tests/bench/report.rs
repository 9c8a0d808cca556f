//! Area `report`: a thousand stores' reports are made and sent to a mail server on this machine: numbers by SQL, charts, PDF
//! and table, one mail each.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tillsight_api::config::Config;
use tillsight_correlate::lake::{ArchiveConfig, Archiver, MemoryLog};
use tillsight_datasets::demo;
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::id::StoreId;
use tillsight_schemas::pos::natural_id;
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;

use crate::sheet::{Bar, Row, Sheet};
use crate::{machine, shop};

const STORES: usize = 1_000;
/// Days that the usual range is made of.
const DAYS: u64 = 3;

pub(crate) fn measure(sheet: &mut Sheet) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(send(sheet));
}

async fn send(sheet: &mut Sheet) {
    let dir = tempfile::tempdir().unwrap();
    let plan = demo::kiosk().unwrap();
    let ids: Vec<StoreId> = (0..STORES).map(|n| format!("s{n}").parse().unwrap()).collect();
    archive(&ids, dir.path()).await;
    let (port, mails, bytes) = mail_server();
    let mut config = format!(
        "[data]\ndir = {:?}\n[mail]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"reports@example.com\"\n",
        dir.path()
    );
    for id in &ids {
        let tenant = &plan.store.tenant;
        config.push_str(&format!(
            "[[store]]\ntenant = \"{tenant}\"\nid = \"{id}\"\nname = \"Store {id}\"\ntz = \"America/Chicago\"\n\
             currency = \"USD\"\n[[report.recipient]]\nemail = \"{id}@example.com\"\ntenant = \"{tenant}\"\n\
             stores = [\"{id}\"]\nrole = \"manager\"\n"
        ));
    }
    let file = dir.path().join("tillsight.toml");
    std::fs::write(&file, config).unwrap();
    let config = Config::load(&file).unwrap();
    let stores: Vec<_> = config.stores.iter().collect();
    let day: NaiveDate = shop::TODAY.parse::<NaiveDate>().unwrap().pred_opt().unwrap();
    let (began, processor) = (Instant::now(), machine::processor_seconds());
    let said = tillsight_api::report::send_now(&config, &stores, Some(day), None).await.unwrap();
    let (took, processor) = (began.elapsed(), machine::processor_seconds() - processor);
    assert_eq!(said.len(), STORES);
    assert!(said.iter().all(|(_, _, outcome)| outcome.starts_with("sent")), "{:?}", said[0]);
    assert_eq!(mails.load(Ordering::Relaxed), 1_000, "every mail has come");
    let kib = bytes.load(Ordering::Relaxed) / 1_000 / 1_024;
    sheet.row(&Row {
        name: "thousand_stores",
        what: format!("{STORES} reports made and sent by mail, each with PDF, charts and table ({kib} KiB)"),
        samples: vec![took.as_secs_f64()],
        value: took.as_secs_f64(),
        unit: "s",
        bar: Some(Bar::AtMost(600.0)),
        note: format!("{processor:.0} processor seconds; without video; peak {:.0} MiB", machine::peak_mib()),
    });
}

/// The same days of the kiosk for every store.
async fn archive(ids: &[StoreId], dir: &std::path::Path) {
    let (panel, plan) = (shop::panel(), demo::kiosk().unwrap());
    let log = MemoryLog::new(topic::POS_TRANSACTION, 1);
    let days = shop::days(&panel, &plan, DAYS).concat();
    for id in ids {
        let mut days = days.clone();
        for posted in &mut days {
            posted.transaction.store_id = id.clone();
            posted.header.event_id = natural_id(&posted.header.tenant_id, &posted.transaction).unwrap();
        }
        for value in avro::encode(&days).unwrap() {
            log.append(0, value);
        }
    }
    let today: NaiveDate = shop::TODAY.parse().unwrap();
    let clock = Arc::new(ReplayClock::at(today.and_hms_opt(12, 0, 0).unwrap().and_utc()));
    let lake = ArchiveConfig::new(dir.join("lake"));
    let mut archiver = Archiver::open(lake, Box::new(log.reader()), clock).await.unwrap();
    while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
    archiver.commit().await.unwrap();
}

/// A mail server that counts; its port, mails and bytes.
fn mail_server() -> (u16, Arc<AtomicU64>, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (mails, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (count, size) = (Arc::clone(&mails), Arc::clone(&bytes));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (count, size) = (Arc::clone(&count), Arc::clone(&size));
            std::thread::spawn(move || talk(&stream, &count, &size));
        }
    });
    (port, mails, bytes)
}

fn talk(mut stream: &TcpStream, mails: &AtomicU64, bytes: &AtomicU64) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    stream.write_all(b"220 here\r\n").unwrap();
    while let Some(line) = lines.next() {
        let answer = match line.get(..4).unwrap_or_default() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n").unwrap();
                let text: usize = lines.by_ref().take_while(|line| line != ".").map(|line| line.len() + 2).sum();
                mails.fetch_add(1, Ordering::Relaxed);
                bytes.fetch_add(text as u64, Ordering::Relaxed);
                "250 kept"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
    }
}
