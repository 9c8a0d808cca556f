//! The daily report by mail: a real mail server takes it at closing and half an hour, Python reads the message, poppler and
//! qpdf the PDF, psql asks the printed questions, Chromium shows it as a phone does. What concerns its reader is not in it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;
use tillsight_tests::outside::{becomes, cache, eventually, run};

use crate::http::Browser;

const PASSWORD: &str = "correct horse battery";

/// aiosmtpd; its messages lie in a folder.
struct MailServer {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl MailServer {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = Command::new(cache().join("python/bin/python"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/servers/mail.py"))
            .arg(port.to_string())
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "run deploy/setup.sh test");
        Self { process, port, folder }
    }

    /// The messages, each with its recipient, in order of arrival.
    fn mails(&self) -> Vec<(String, PathBuf)> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
            .collect();
        files.sort();
        let to = |path: &Path| std::fs::read_to_string(path.with_extension("to")).unwrap();
        files.into_iter().map(|path| (to(&path), path)).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A sale at register 1 of the new shop; with a price set by hand it is an exception.
fn sale(number: i64, operator: &str, by_hand: bool, day: NaiveDate) -> String {
    let time = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string();
    let (now, price) = (SystemClock.now(), if by_hand { 2000 } else { 4000 });
    let record = json!({
        "store_id": "99", "register_id": "1", "kind": "SALE", "sequence_no": number, "operator_id": operator,
        "event_time_raw": time(now), "begin_time_raw": time(now - TimeDelta::seconds(2)), "currency": "USD",
        "business_day": day, "total_minor": price, "receipt_no": format!("99-1-{number:04}"),
        "lines": [{
            "line_no": 1, "action": "SALE", "entry": "SCANNED", "description": "#WHISKY <b>", "qty_milli": 1000,
            "uom": "EA", "unit_price_minor": price, "regular_price_minor": 4000, "extended_minor": price,
            "price_override": by_hand.then(|| json!({ "reason": "PRICE MATCH" })),
        }],
        "tenders": [{ "tender_no": 1, "tender_type": "CASH", "amount_minor": price, "direction": "IN" }],
        "source": { "adapter": "json" },
    });
    format!("demo/99|{record}")
}

/// What Python makes of a message; its files are in `folder` then.
fn read(message: &Path, folder: &Path) -> Value {
    let mut python = Command::new(cache().join("python/bin/python"));
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/mail.py")).arg(message).arg(folder);
    serde_json::from_str(&run(&mut python, b"")).unwrap()
}

#[test]
fn at_closing_and_half_an_hour_each_gets_one_mail_that_every_program_can_read() {
    let server = MailServer::start();
    // The shop closes so that its report is due in a little more than a minute.
    let zone = chrono_tz::America::Chicago;
    let due = SystemClock.now() + TimeDelta::seconds(75);
    let closes = (due - TimeDelta::minutes(30)).with_timezone(&zone);
    let day = closes.date_naive();
    let mut shop = Shop::with(&format!(
        "[[store]]\ntenant = \"demo\"\nid = \"99\"\nname = \"Harbour\"\ntz = \"America/Chicago\"\ncurrency = \"USD\"\n\
         closes = \"{}\"\n\
         [mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"Tillsight <reports@example.com>\"\n\
         [[report.recipient]]\nemail = \"maria@example.com\"\ntenant = \"demo\"\nstores = [\"99\"]\nrole = \"manager\"\n\
         operators = [\"1042\"]\nuser = \"maria\"\n\
         [[report.recipient]]\nemail = \"lena@example.com\"\ntenant = \"demo\"\nstores = [\"99\"]\n\
         role = \"loss_prevention\"\n\
         [[report.recipient]]\nemail = \"gone@example.com\"\ntenant = \"demo\"\nstores = [\"99\"]\nrole = \"manager\"\n",
        closes.format("%H:%M:%S"),
        server.port
    ));
    for (name, role) in [("maria", "manager"), ("lena", "analyst")] {
        let add = ["user", "add", name, "--role", role, "--stores", "99", "--password-stdin"];
        shop.tillsight_with(&add, &format!("{PASSWORD}\n"));
    }
    let anna = shop.head_office("anna", "");
    let said = shop.tillsight(&["report", "send", "--test", "trial@example.com"]);
    assert!(said.contains("250 kept"), "{said}");
    let trial = server.mails();
    assert_eq!(trial.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["trial@example.com"]);

    let day_of: Vec<String> = (1..=4).map(|number| sale(number, "7", false, day)).collect();
    shop.kcat_produce("lp.pos.in.kiosk", &day_of);
    let lines = [sale(5, "7", true, day), sale(6, "1042", true, day)];
    shop.kcat_produce("lp.pos.in.kiosk", &lines);
    becomes("both alerts in SQL", &"2".to_owned(), || {
        shop.query(&anna, "select count(*) from lp.alerts where store_id = '99'")
    });
    shop.kill_role("api");
    // In two steps: it may be due later than anybody waits for at once.
    for at in [due - TimeDelta::seconds(40), due] {
        eventually("the shop closes", || if SystemClock.now() > at { Ok(()) } else { Err(format!("due {due}")) });
    }
    let came = || server.mails().split_off(1);
    becomes("a mail to each", &2, || came().len());
    let lena = Browser::new(&shop, "lena");
    assert_eq!(lena.sign_in("lena", PASSWORD), 200);
    let mails = format!("/api/v1/reports/mails?store=99&day={day}");
    eventually("what became of each", || {
        let (_, page) = lena.get(&mails);
        let of = |n: usize| page["items"][n]["state"].as_str().unwrap_or_default().to_owned();
        if [of(0), of(1), of(2)] == ["refused", "sent", "sent"] { Ok(()) } else { Err(page.to_string()) }
    });
    let refused = lena.get(&mails).1["items"][0]["said"].to_string();
    assert!(refused.contains("no such person"), "{refused}");

    // Killed, started again, stopped, started: nobody gets it twice.
    shop.kill_role("api");
    eventually("the process is back", || match shop.get("/readyz", None) {
        (200, _) => Ok(()),
        (status, body) => Err(format!("{status} {body}")),
    });
    shop.stop();
    shop.start();
    let lena = Browser::new(&shop, "lena");
    let said =
        shop.tillsight(&["report", "send", "--store", "99", "--day", &day.to_string(), "--to", "maria@example.com"]);
    assert!(said.contains("once more: 250"), "{said}");
    let all = came();
    let mut to: Vec<&str> = all.iter().map(|(to, _)| to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["lena@example.com", "maria@example.com", "maria@example.com"]);

    // The message.
    let folder = tempfile::tempdir().unwrap();
    let first = |who: &str| &all.iter().find(|(to, _)| to.starts_with(who)).unwrap().1;
    let of_lena = read(first("lena"), folder.path());
    let of_maria = read(first("maria"), folder.path());
    for mail in [&of_lena, &of_maria] {
        assert_eq!((&mail["defects"], &mail["without_alt"], &mail["wide"]), (&json!([]), &json!([]), &json!([])));
        assert_eq!((&mail["cids_match"], &mail["automatic"]), (&json!(true), &json!("auto-generated")));
        assert!(mail["html_bytes"].as_u64().unwrap() < 100_000);
        for tag in ["script", "link", "svg", "pre"] {
            assert!(!mail["tags"].as_array().unwrap().contains(&json!(tag)), "{tag}");
        }
        let name = format!("tillsight-99-{day}");
        let files = json!({ format!("{name}.csv"): "text/csv", format!("{name}.pdf"): "application/pdf" });
        assert_eq!(mail["files"], files);
    }
    assert_ne!(of_lena["id"], of_maria["id"]);
    // Maria works as 1042: that there is an alert about it she cannot tell.
    let text = of_maria["text"].as_str().unwrap();
    assert!(of_lena["text"].as_str().unwrap().contains("2 exceptions, $40.00 at stake"), "{of_lena}");
    assert!(text.contains("1 exception, $20.00 at stake") && !text.contains("operator 1042"), "{text}");
    let table = std::fs::read_to_string(folder.path().join(format!("tillsight-99-{day}.csv"))).unwrap();
    assert_eq!(table.lines().filter(|line| line.starts_with("exception,")).count(), 1, "{table}");

    // The PDF.
    let pdf = folder.path().join(format!("tillsight-99-{day}.pdf"));
    let about = run(Command::new("pdfinfo").arg(&pdf), b"");
    assert!(about.contains("Tagged:          yes") && about.contains("Title:           Harbour, "), "{about}");
    run(Command::new("qpdf").arg("--check").arg(&pdf), b"");
    let fonts = run(Command::new("pdffonts").arg(&pdf), b"");
    assert!(fonts.lines().skip(2).all(|line| line.contains(" yes ")), "{fonts}");
    let pages = run(Command::new("pdftotext").args(["-layout"]).arg(&pdf).arg("-"), b"");
    assert!(pages.contains("#WHISKY <b>") && pages.contains("1 exception, $20.00 at stake"), "{pages}");

    // Its numbers, asked again.
    let (status, report) = lena.get(&format!("/api/v1/reports?store=99&day={day}"));
    assert_eq!(status, 200, "{report}");
    for rate in report["rates"].as_array().unwrap() {
        let answer = shop.query(&anna, rate["sql"].as_str().unwrap());
        let expected = format!("{day}|{}|{}", rate["events"], rate["of"]);
        assert!(answer.lines().any(|line| line == expected), "{expected}: {answer}");
    }
    for question in report["questions"].as_array().unwrap() {
        let answer = shop.query(&anna, question["sql"].as_str().unwrap());
        assert!(!answer.contains("ERROR"), "{question}: {answer}");
        match question["name"].as_str().unwrap() {
            "Exceptions" => assert_eq!(answer.lines().count(), report["exceptions"].as_array().unwrap().len()),
            "Business of the day" => {
                let totals = &report["totals"];
                let expected = format!("{}|{}|{}|", totals["transactions"], totals["sales"], totals["sales_minor"]);
                assert!(answer.starts_with(&expected), "{expected}: {answer}");
                assert!(pages.contains(&format!("{} sales, $200.00", totals["sales"])), "{pages}");
            }
            _ => {}
        }
    }
    let maria = Browser::new(&shop, "maria");
    assert_eq!(maria.sign_in("maria", PASSWORD), 200);
    let (_, own) = maria.get(&format!("/api/v1/reports?store=99&day={day}"));
    assert_eq!(own["exceptions"].as_array().unwrap().len(), 1, "{own}");
    assert_eq!(maria.get(&mails).1["items"].as_array().unwrap().len(), 1);
    // Nor from any page: Lena's two alerts are one for her, and her receipt is an ordinary receipt.
    let alerts = "/api/v1/alerts?state=all&store=99";
    let about = |of: &Browser<'_>| -> Vec<Value> { of.get(alerts).1["items"].as_array().unwrap().clone() };
    let (hers, all) = (about(&maria), about(&lena));
    assert_eq!((hers.len(), all.len()), (1, 2), "{hers:?}");
    let hidden = all.iter().find(|alert| alert["operator_id"] == "1042").unwrap()["alert_id"].as_str().unwrap();
    assert_eq!(maria.get(&format!("/api/v1/alerts/{hidden}")).0, 404);
    assert_eq!(lena.get(&format!("/api/v1/alerts/{hidden}")).0, 200);
    assert_eq!(maria.get("/api/v1/queue?state=all&store=99").1["total"], 1);
    eventually("both alerts and all receipts are found", || {
        let total = |q: &str| lena.get(&format!("/api/v1/search?q=store:99%20{q}")).1["total"].clone();
        let found = (total("is:alert"), total("has:alert"), total("is:receipt"));
        if found == (json!(2), json!(4), json!(6)) { Ok(()) } else { Err(format!("{found:?}")) }
    });
    let total = |q: &str| maria.get(&format!("/api/v1/search?q=store:99%20{q}")).1["total"].clone();
    assert_eq!((total("is:alert"), total("has:alert"), total("is:receipt")), (json!(1), json!(2), json!(6)));
    assert_eq!(total("op:1042"), 1, "her receipt");

    // On a phone, and the button.
    let script = folder.path().join("mail.mjs");
    std::fs::write(&script, include_str!("../browser/mail.mjs")).unwrap();
    let mut browser = Command::new("timeout");
    browser.args(["--kill-after=5", "120", "node"]).arg(&script).arg(folder.path().join("page.html"));
    browser.arg(folder.path().join("page.png")).env("BROWSER_HOME", cache().join("browser"));
    let seen: Value = serde_json::from_str(&run(&mut browser, b"")).unwrap();
    assert!(seen["verdict"].as_i64().unwrap() < 400 && seen["exception"].as_i64().unwrap() < 844, "{seen}");
    assert_eq!((&seen["width"], &seen["asked"]), (&json!(390), &json!([])));
    let link = of_maria["links"].as_array().unwrap().iter().filter_map(Value::as_str).find(|link| link.contains("/r/"));
    let path = link.unwrap().split_once("/r/").map(|(_, token)| format!("/r/{token}")).unwrap();
    let (status, page) = shop.get(&path, None);
    assert!(status == 200 && page.contains("Say that it is explained"), "{status} {page}");
    let mut curl = Command::new("curl");
    let pressed = run(curl.args(["-s", "--data", "note=price+match"]).arg(shop.url(&path)), b"");
    assert!(pressed.contains("Noted"), "{pressed}");
    assert_eq!(lena.get("/api/v1/queue?store=99&asked=true").1["total"], 0, "that asks for nothing");
    let links = of_maria["links"].as_array().unwrap().iter().filter_map(Value::as_str);
    let mut paths = links.filter_map(|link| Some(format!("/r/{}", link.split_once("/r/")?.1)));
    let path = paths.find(|path| shop.get(path, None).1.contains("Ask loss prevention to look at it")).unwrap();
    let mut curl = Command::new("curl");
    assert!(run(curl.args(["-s", "--data", "note="]).arg(shop.url(&path)), b"").contains("Noted"));
    let first = lena.get("/api/v1/queue").1["items"][0].clone();
    assert_eq!((&first["asked"]["by"], &first["asked"]["report_day"]), (&json!("maria@example.com"), &json!(day)));
    let script = folder.path().join("asked.mjs");
    std::fs::write(&script, include_str!("../browser/asked.mjs")).unwrap();
    let mut browser = Command::new("timeout");
    browser.args(["--kill-after=5", "180", "node"]).arg(&script).args([&shop.url("/"), "lena", PASSWORD]);
    browser.arg(folder.path());
    browser.env("BROWSER_HOME", cache().join("browser"));
    let seen: Value = serde_json::from_str(&run(&mut browser, b"")).unwrap();
    for place in ["first", "asked", "history"] {
        assert!(seen[place].as_str().unwrap().contains("The store asks to look"), "{place}: {seen}");
    }
    assert!(seen["asked"].as_str().unwrap().contains("maria@example.com"), "{seen}");
    assert_eq!(seen["report"], format!("/reports?store=99&day={day}"));
    assert!(seen["history"].as_str().unwrap().contains("price match"), "what was explained, with its note: {seen}");
    assert_eq!(seen["filtered"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!((&seen["wide"], &seen["violations"]), (&json!(390), &json!({ "light": [], "dark": [] })));
    let (_, report) = lena.get(&format!("/api/v1/reports?store=99&day={day}"));
    let said: Vec<&Value> =
        report["exceptions"].as_array().unwrap().iter().flat_map(|each| each["said"].as_array().unwrap()).collect();
    let last = (said.len(), &said[0]["disposition"], &said[0]["reviewer"]);
    assert_eq!(last, (1, &json!("look_at_it"), &json!("maria@example.com")), "what she said last: {report}");
    becomes("the log has it, and no decision", &"explained|\nlook_at_it|".to_owned(), || {
        let asked = "select r.disposition as said, a.disposition as decided from lp.reviews r join lp.alerts a using (alert_id) order by 1";
        shop.query(&anna, asked)
    });
}
