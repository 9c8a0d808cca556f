//! Area `report`: a thousand stores' reports are made and sent to a mail server on this machine: numbers by SQL, charts, PDF
//! and table, one mail each.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chrono::NaiveDate;
use tillsight_api::config::Config;
use tillsight_correlate::lake::{History, Table};
use tillsight_tests::outside::{cache, run};

use crate::chain::Chain;
use crate::sheet::{Bar, Row, Sheet};
use crate::{machine, shop};

const STORES: u32 = 1_000;
/// The day of the report and two before it: too few for a usual range.
const CHAIN: Chain = Chain { stores: STORES, days: 3, video: false };

/// Reads the text of a mail.
const TEXT: &str = "import email, email.policy, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
sys.stdout.buffer.write(mail.get_body(('plain',)).get_content().encode())";

pub(crate) fn measure(sheet: &mut Sheet) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(send(sheet));
}

async fn send(sheet: &mut Sheet) {
    let lake = CHAIN.lake().await;
    let receipts = History::open(&lake).await.unwrap().count(Table::Transactions).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(&lake, dir.path().join("lake")).unwrap();
    let (port, mails) = mail_server();
    let mut config = format!(
        "[data]\ndir = {:?}\n[mail]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"reports@example.com\"\n",
        dir.path()
    );
    for plan in CHAIN.plans() {
        let (store, id, tenant) = (&plan.store, &plan.store.id, &plan.store.tenant);
        config.push_str(&format!(
            "[[store]]\ntenant = \"{tenant}\"\nid = \"{id}\"\nname = \"Store {id}\"\ntz = \"{}\"\n\
             currency = \"USD\"\n[[report.recipient]]\nemail = \"s{id}@example.com\"\ntenant = \"{tenant}\"\n\
             stores = [\"{id}\"]\nrole = \"manager\"\n",
            store.tz.name()
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
    assert_eq!(said.len(), stores.len());
    assert!(said.iter().all(|(_, _, outcome)| outcome.starts_with("sent")), "{:?}", said[0]);
    let mails = mails.lock().unwrap();
    assert_eq!(mails.len(), stores.len(), "every mail has come");
    // A report of a day without sales is shorter, and says so.
    for mail in [&mails[0], &mails[mails.len() - 1]] {
        let text = run(Command::new(cache().join("python/bin/python")).args(["-c", TEXT]), mail);
        assert!(text.contains(" sales") && !text.contains("No transaction"), "{text}");
    }
    let (least, most) = (mails.iter().map(Vec::len).min().unwrap(), mails.iter().map(Vec::len).max().unwrap());
    assert!(least > most / 2, "a mail of {least} bytes beside one of {most}");
    let kib = mails.iter().map(Vec::len).sum::<usize>() / mails.len() / 1_024;
    sheet.row(&Row {
        name: "thousand_stores",
        what: format!("{STORES} reports made and sent by mail, each with PDF, charts and table ({kib} KiB)"),
        samples: vec![took.as_secs_f64()],
        value: took.as_secs_f64(),
        unit: "s",
        bar: Some(Bar::AtMost(600.0)),
        note: format!(
            "{processor:.0} processor seconds; {receipts} transactions in the lake; without exceptions, video and usual ranges; peak \
             {:.0} MiB",
            machine::peak_mib()
        ),
    });
}

/// A mail server; its port and what came.
fn mail_server() -> (u16, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mails = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&mails);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || talk(&stream, &kept));
        }
    });
    (port, mails)
}

fn talk(mut stream: &TcpStream, mails: &Mutex<Vec<Vec<u8>>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    stream.write_all(b"220 here\r\n").unwrap();
    while let Some(line) = lines.next() {
        let answer = match line.get(..4).unwrap_or_default() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n").unwrap();
                let mut mail = Vec::new();
                for line in lines.by_ref().take_while(|line| line != ".") {
                    mail.extend_from_slice(line.as_bytes());
                    mail.extend_from_slice(b"\r\n");
                }
                mails.lock().unwrap().push(mail);
                "250 kept"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
    }
}
