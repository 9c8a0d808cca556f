//! The daily report by mail: a real mail server takes it at closing and half an hour, Python reads the message, poppler and
//! qpdf the PDF, psql asks the printed questions, Chromium shows it as a phone does. What concerns its reader is not in it.

use std::path::Path;
use std::process::Command;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_datasets::cameras::{Cameras, Order, Setup};
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;
use tillsight_tests::certificates::Certificates;
use tillsight_tests::mail::MailServer;
use tillsight_tests::outside::{becomes, cache, eventually, output, run};
use tillsight_tests::shop::binary;

use crate::film;
use crate::http::Browser;

const PASSWORD: &str = "correct horse battery";

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
    assert_eq!(seen["violations"], json!([]), "in light and dark");
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

/// The drawer of a register that is opened without a sale, now.
fn drawer(number: i64, register: &str, day: NaiveDate) -> String {
    let record = json!({
        "store_id": "99", "register_id": register, "kind": "NO_SALE", "sequence_no": number, "operator_id": "7",
        "event_time_raw": SystemClock.now().format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string(), "currency": "USD",
        "business_day": day, "source": { "adapter": "json" },
    });
    format!("demo/99|{record}")
}

/// A report, and psql to ask its questions again.
struct Again<'a> {
    shop: &'a Shop,
    login: &'a (String, String),
    report: &'a Value,
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

fn whole(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

/// A number of psql; a sum over nothing is empty.
fn number(text: &str) -> i64 {
    if text.is_empty() { 0 } else { text.parse().unwrap_or_else(|_| panic!("{text:?} is no whole number")) }
}

/// An instant as the report writes it, or psql.
fn instant(text: &str) -> DateTime<Utc> {
    let of_psql = || DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").map(|at| at.to_utc());
    text.parse::<DateTime<Utc>>().or_else(|_| of_psql()).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, report: &T, asked: &T) -> Result<(), String> {
    if report == asked { Ok(()) } else { Err(format!("{what}: {report:?} in the report, {asked:?} of psql")) }
}

impl Again<'_> {
    /// What psql gets for SQL that is printed, a list of columns a row.
    fn ask(&self, sql: &Value) -> Vec<Vec<String>> {
        let answer = self.shop.query(self.login, sql.as_str().unwrap());
        assert!(!answer.contains("ERROR"), "{sql}: {answer}");
        answer.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
    }

    fn rows(&self, name: &str) -> Vec<Vec<String>> {
        let question = list(&self.report["questions"]).iter().find(|question| question["name"] == name);
        self.ask(&question.unwrap_or_else(|| panic!("no question {name:?}"))["sql"])
    }

    /// Holds every number of the report against the answers.
    fn follows(&self) -> Result<(), String> {
        self.business()?;
        self.cameras()?;
        self.zones()?;
        self.rules()
    }

    fn business(&self) -> Result<(), String> {
        let report = self.report;
        let totals = &report["totals"];
        let names = ["transactions", "sales", "sales_minor", "refunds", "refunds_minor"];
        let row = self.rows("Business of the day").remove(0);
        same("totals", &names.map(|name| whole(&totals[name])), &[0, 1, 2, 3, 4].map(|n: usize| number(&row[n])))?;
        same("lag", &whole(&report["sight"]["pos_lag_ms_p95"]), &(number(&row[5]) / 1_000))?;
        same("newest", &instant(report["as_of"].as_str().unwrap()), &instant(&row[6]))?;
        let hours = list(&report["hours"]).iter().map(|hour| [whole(&hour["hour"]), whole(&hour["transactions"])]);
        let rows = self.rows("Hours of the day");
        let rows: Vec<[i64; 2]> = rows.iter().map(|row| [number(&row[0]), number(&row[1])]).collect();
        same("hours", &hours.collect::<Vec<_>>(), &rows)?;
        let lanes: Vec<String> =
            self.rows("Clocks not synchronised").into_iter().map(|mut row| row.remove(0)).collect();
        let said = list(&report["sight"]["unsynchronised_lanes"]).iter().map(|lane| lane.as_str().unwrap().to_owned());
        same("clocks", &said.collect::<Vec<_>>(), &lanes)?;
        for rate in list(&report["rates"]) {
            let row = self.ask(&rate["sql"]).into_iter().find(|row| row[0] == report["business_day"].as_str().unwrap());
            let asked = row.map_or([0, 0], |row| [number(&row[1]), number(&row[2])]);
            same(rate["name"].as_str().unwrap(), &[whole(&rate["events"]), whole(&rate["of"])], &asked)?;
        }
        let mut alerts: Vec<String> = self.rows("Exceptions").into_iter().map(|mut row| row.remove(0)).collect();
        let exceptions = list(&report["exceptions"]).iter();
        let mut said: Vec<String> = exceptions.map(|each| each["alert_id"].as_str().unwrap().to_owned()).collect();
        alerts.sort();
        said.sort();
        same("exceptions", &said, &alerts)
    }

    /// Recorded and gaps, and the share that follows from both.
    fn cameras(&self) -> Result<(), String> {
        let (recorded, gaps) = (self.rows("Recorded"), self.rows("Gaps"));
        for camera in list(&self.report["sight"]["cameras"]) {
            let id = camera["camera_id"].as_str().unwrap();
            let spans: Vec<[DateTime<Utc>; 2]> =
                gaps.iter().filter(|row| row[0] == id).map(|row| [instant(&row[1]), instant(&row[2])]).collect();
            let said = list(&camera["gaps"]).iter();
            let said = said.map(|gap| ["start_at", "end_at"].map(|end| instant(gap[end].as_str().unwrap())));
            same("gaps", &said.collect::<Vec<_>>(), &spans)?;
            let seen: i64 = recorded.iter().filter(|row| row[0] == id).map(|row| number(&row[1])).sum();
            let missed = spans.iter().map(|[from, to]| (*to - *from).num_microseconds().unwrap()).sum::<i64>();
            same("uptime", &whole(&camera["uptime_permille"]), &(seen * 1_000 / (seen + missed)))?;
        }
        Ok(())
    }

    fn zones(&self) -> Result<(), String> {
        let seconds = |text: &str| text.parse::<f64>().unwrap().round().to_string();
        let rows = self.rows("Zones");
        let rows: Vec<[String; 3]> =
            rows.iter().map(|row| [row[0].clone(), seconds(&row[1]), seconds(&row[2])]).collect();
        let said = list(&self.report["sight"]["zones"]).iter().map(|zone| {
            let id = zone["zone_id"].as_str().unwrap().to_owned();
            [id, whole(&zone["seconds"]).to_string(), whole(&zone["unknown_seconds"]).to_string()]
        });
        same("zones", &said.collect::<Vec<_>>(), &rows)
    }

    /// What could not be judged, of all that was.
    fn rules(&self) -> Result<(), String> {
        let rows = self.rows("What rules came to");
        let times = |rule: &str, of: &dyn Fn(&str) -> bool| -> i64 {
            rows.iter().filter(|row| row[0] == rule && of(&row[1])).map(|row| number(&row[3])).sum()
        };
        let blind: Vec<(String, i64, i64)> = list(&self.report["sight"]["indeterminate"])
            .iter()
            .map(|each| (each["rule_id"].as_str().unwrap().to_owned(), whole(&each["count"]), whole(&each["of"])))
            .collect();
        let mut rules: Vec<String> =
            rows.iter().filter(|row| row[1] == "indeterminate").map(|row| row[0].clone()).collect();
        rules.dedup();
        let asked: Vec<(String, i64, i64)> = rules
            .into_iter()
            .map(|rule| {
                let numbers = (times(&rule, &|outcome| outcome == "indeterminate"), times(&rule, &|_| true));
                (rule, numbers.0, numbers.1)
            })
            .collect();
        same("not judged", &blind, &asked)
    }
}

/// Every number of a report is what comes out of the SQL beside it, asked by psql when the day is over: business, cameras with
/// a gap, zones, and what rules came to.
#[test]
fn every_number_of_a_day_follows_from_the_questions_that_are_printed_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let films = film::short(folder.path());
    let till = film::setup("till", &films.kiosk, film::SIZE, folder.path());
    let till = Setup { labels: Some(films.kiosk_labels.clone()), ..till };
    let mut cameras = Cameras::start(&[till], folder.path()).unwrap();
    // The business day ends in two minutes, so that nothing is added to it while it is asked about.
    let ends = SystemClock.now() + TimeDelta::seconds(120);
    let local = ends.with_timezone(&chrono_tz::America::Chicago);
    let day = local.date_naive().checked_sub_days(Days::new(1)).unwrap();
    let shop = Shop::with(&format!(
        "[[store]]\ntenant = \"demo\"\nid = \"99\"\nname = \"Harbour\"\ntz = \"America/Chicago\"\ncurrency = \"USD\"\n\
         day_ends = \"{}\"\n\
         [[camera]]\nid = \"till\"\ntenant = \"demo\"\nstore = \"99\"\nurl = \"{}\"\npresence = \"camera\"\n\
         [[zone]]\nid = \"till-customer\"\ntenant = \"demo\"\nstore = \"99\"\ncamera = \"till\"\nkind = \"customer\"\n\
         register = \"1\"\npolygon = {}\n",
        local.format("%H:%M:%S"),
        cameras.address("till").unwrap().url,
        serde_json::to_string(&films.labels.zone).unwrap()
    ));
    let anna = shop.head_office("anna", "");
    shop.tillsight(&["user", "add", "lena", "--role", "analyst", "--stores", "99"]);
    let (_, lena) = shop.token(&["--http", "lena"]);
    let get = |path: &str| -> Value {
        let (status, text) = shop.get(path, Some(&lena));
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    };
    let recorded_to = || get("/api/v1/cameras")["items"][0]["recorded_to"].as_str().map(instant);
    eventually("the camera records", || recorded_to().map(|_| ()).ok_or_else(|| shop.log()));
    let sales = [("7", false), ("7", false), ("8", false), ("7", true)];
    let mut lines: Vec<String> =
        (1..).zip(sales).map(|(number, (operator, by_hand))| sale(number, operator, by_hand, day)).collect();
    // No camera looks at register 2.
    lines.extend([drawer(5, "1", day), drawer(6, "2", day)]);
    shop.kcat_produce("lp.pos.in.kiosk", &lines);
    cameras.tell("till", &Order::Unplug).unwrap();
    let unplugged = SystemClock.now();
    eventually("nothing comes for a while", || {
        let gone = SystemClock.now() - unplugged;
        if gone > TimeDelta::seconds(8) { Ok(()) } else { Err(format!("{gone}")) }
    });
    let plugged = cameras.tell("till", &Order::Plug).unwrap();
    eventually("it records again", || {
        let to = recorded_to();
        if to.is_some_and(|to| to > plugged) { Ok(()) } else { Err(format!("{to:?}, plugged in at {plugged}")) }
    });
    // In steps: it may be later than anybody waits for at once.
    for at in [ends - TimeDelta::seconds(50), ends] {
        eventually("the day ends", || if SystemClock.now() > at { Ok(()) } else { Err(format!("it ends at {ends}")) });
    }
    let report = eventually("the report says what psql says", || {
        let report = get(&format!("/api/v1/reports?store=99&day={day}"));
        let again = Again { shop: &shop, login: &anna, report: &report };
        again.follows().map(|()| report.clone())
    });
    // And there is something to it.
    assert_eq!((&report["over"], &report["totals"]["transactions"]), (&json!(true), &json!(6)), "{report}");
    assert!(!list(&report["exceptions"]).is_empty(), "a price was set by hand: {report}");
    let camera = &report["sight"]["cameras"][0];
    let gap = |gap: &Value| instant(gap["end_at"].as_str().unwrap()) - instant(gap["start_at"].as_str().unwrap());
    let longest = list(&camera["gaps"]).iter().map(gap).max().unwrap_or_default();
    assert!(longest > TimeDelta::seconds(5), "it was unplugged for eight seconds: {camera}");
    let uptime = whole(&camera["uptime_permille"]);
    assert!((200..990).contains(&uptime), "it recorded most of two minutes, not all: {camera}");
    assert!(whole(&report["sight"]["zones"][0]["seconds"]) > 0, "{report}");
    let blind = list(&report["sight"]["indeterminate"]).iter();
    assert!(blind.map(|each| whole(&each["count"])).sum::<i64>() > 0, "nobody looks at register 2: {report}");
    cameras.stop().unwrap();
}

#[test]
fn mail_goes_over_starttls_to_a_server_that_is_trusted_and_to_no_other() {
    let certificates = Certificates::new();
    let (safe, open) = (MailServer::over_tls(&certificates), MailServer::start());
    let folder = tempfile::tempdir().unwrap();
    let send = |server: &MailServer, trusted: bool| {
        let file = folder.path().join("tillsight.toml");
        let config = format!(
            "[data]\ndir = {:?}\n[mail]\nhost = \"127.0.0.1\"\nport = {}\nfrom = \"Tillsight <reports@example.com>\"\n\
             tls = \"starttls\"\n",
            folder.path(),
            server.port
        );
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(binary());
        command.arg("--config").arg(&file).args(["report", "send", "--test", "trial@example.com"]);
        // What the machine trusts.
        command.env_remove("SSL_CERT_DIR").env_remove("SSL_CERT_FILE");
        if trusted {
            command.env("SSL_CERT_FILE", certificates.authority());
        }
        let said = output(&mut command, b"");
        let told = [&said.stdout, &said.stderr].map(|told| String::from_utf8_lossy(told).into_owned()).concat();
        (said.status.success(), told)
    };
    let (sent, told) = send(&safe, true);
    assert!(sent && told.contains("250 kept"), "{told}");
    assert_eq!(safe.mails().len(), 1);
    let (sent, told) = send(&safe, false);
    assert!(!sent && told.contains("certificate"), "{told}");
    let (sent, told) = send(&open, true);
    assert!(!sent && told.to_lowercase().contains("starttls"), "{told}");
    assert_eq!((safe.mails().len(), open.mails().len()), (1, 0));
}
