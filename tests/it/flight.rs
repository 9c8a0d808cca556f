//! Head office by Arrow Flight SQL: the driver of the Arrow project connects, lists, describes, asks with parameters and
//! cancels; what must be refused is refused, and every statement stands in the audit.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use tillsight_tests::Shop;
use tillsight_tests::outside::{becomes, cache, python};

#[test]
fn the_flight_sql_driver_finds_its_way_and_no_way_around() {
    let shop = Shop::shared();
    let all = shop.head_office("flight", "");
    let one = shop.head_office("flight-17", "17");
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/flight.py");
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/it/sql_refused.txt");
    let mut client = Command::new(cache().join("clients/bin/python"));
    client.args([here, &shop.flight.to_string(), &all.0, &all.1, &one.0, &one.1, corpus]);
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut steps = Vec::new();
    for step in BufReader::new(client.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if step == "scope" {
            shop.tillsight(&["token", "revoke", &one.0]);
            client.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        }
        steps.push(step);
    }
    assert!(client.wait().unwrap().success(), "after {steps:?}");
    assert_eq!(steps, ["connect", "list", "describe", "ask", "cancel", "refused", "log in", "scope", "revoked"]);

    const AUDIT: &str = r#"
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
count = lambda where: db.execute(f"select count(*) from audit where who like 'flight%' and {where}").fetchone()[0]
print(count("action = 'sql' and outcome = 'cancelled' or action = 'sql' and outcome = 'aborted'") > 0,
      count("action = 'sql' and outcome = 'timeout'") > 0,
      count("action = 'sql' and outcome = 'refused'") >= 60,
      count("action = 'sql' and outcome = 'ok' and result_rows = 200000"),
      count("action = 'sql login' and outcome = 'refused'"))
"#;
    let audit = shop.data().join("audit.sqlite").display().to_string();
    becomes("the audit", &"True True True 1 1".to_owned(), || python(AUDIT, &[&audit]).trim().to_owned());
}
