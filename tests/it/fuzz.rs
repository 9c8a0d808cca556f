//! Everything that the `OpenAPI` document of the HTTP surface allows, and what it forbids, asked of a running shop by
//! schemathesis: as an administrator, an analyst, a manager and an integrator. `tests/clients/fuzz.toml` says what it is told.
//!
//! Seed and number of examples are fixed; `FUZZ_SEED`, `FUZZ_EXAMPLES` and `FUZZ_PHASES` try others.

use std::path::Path;
use std::process::{Command, Output};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;
use tillsight_tests::outside::{cache, output};

use crate::raise::raise;

/// Nobody answers there: what is set up stays set up, and what is recorded does not matter here.
const CAMERAS: &str = r#"
[[camera]]
id = "till-1"
tenant = "demo"
store = "17"
url = "rtsp://127.0.0.1:9/till-1"
[[zone]]
id = "till-1-customer"
tenant = "demo"
store = "17"
camera = "till-1"
kind = "customer"
register = "1"
polygon = [[0, 0], [1, 0], [1, 1]]
"#;

/// Who asks, in this order: the last may change what the others could ask for.
const WHO: [(&str, &str, &str); 3] = [("manager", "manager", "17"), ("analyst", "analyst", ""), ("admin", "admin", "")];

#[test]
fn schemathesis_finds_no_failure_whoever_asks() {
    let shop = Shop::with(CAMERAS);
    let at = SystemClock.now() - TimeDelta::minutes(10);
    for (id, store) in [(1, "17"), (2, "17"), (3, "42")] {
        raise(&shop, id, store, "till-1", at, [&[], &[]]);
    }
    // Somebody is the person whom the requests change.
    for (name, role, stores) in WHO.into_iter().chain([("somebody", "analyst", "17")]) {
        let stores: &[&str] = if stores.is_empty() { &[] } else { &["--stores", stores] };
        shop.tillsight(&[&["user", "add", name, "--role", role], stores].concat());
    }
    let integrator = shop.token(&["--integrator", "kiosk"]).1;
    let metrics = shop.token(&["--metrics"]).1;
    let people = WHO.map(|(name, ..)| (name, shop.token(&["--http", name]).1));
    let [.., (_, admin)] = &people;
    let made = |path: &str, body: &Value, id: &str| {
        let (status, made) = shop.post(path, Some(admin.as_str()), body);
        assert!(status == 201 || status == 202, "{made}");
        made[id].as_str().unwrap().to_owned()
    };
    let case = made("/api/v1/cases", &json!({ "title": "A case" }), "case_id");
    let search = made("/api/v1/searches", &json!({ "name": "Mine", "q": "milk" }), "search_id");
    let days = json!({ "rules": ["cancel_burst"], "from": "2026-11-20", "to": "2026-11-20" });
    let backtest = made("/api/v1/backtests", &days, "backtest_id");
    let (status, document) = shop.get("/openapi.json", Some(admin.as_str()));
    assert_eq!(status, 200, "{document}");
    let told = include_str!("../clients/fuzz.toml").replace("@CASE@", &case).replace("@SEARCH@", &search);
    let told = told.replace("@BACKTEST@", &backtest);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("openapi.json"), document).unwrap();
    std::fs::write(folder.path().join("schemathesis.toml"), told).unwrap();

    let mut failed = Vec::new();
    for (name, token) in [("integrator", &integrator)].into_iter().chain(people.iter().map(|(name, key)| (*name, key)))
    {
        // An administrator's run sees what integrators and collectors of metrics are answered.
        let program = |secret| if name == "admin" { secret } else { token };
        let keys = [("TOKEN", token), ("INTEGRATOR", program(&integrator)), ("METRICS", program(&metrics))];
        // Where a document and an answer do not fit is found once; who is told what, by everybody.
        let (phases, examples) = if name == "admin" { ("examples,coverage,fuzzing", "3") } else { ("fuzzing", "2") };
        let run = schemathesis(&shop, folder.path(), keys, (phases, examples));
        let said = String::from_utf8_lossy(&run.stdout);
        println!("as {name}: {}", said.lines().filter(|line| line.contains("generated")).collect::<String>().trim());
        if !run.status.success() {
            failed.push(format!("---- as {name}\n{said}{}", String::from_utf8_lossy(&run.stderr)));
        }
        // Who had been locked out would have been refused everything, which is no failure.
        let mine = if name == "integrator" { "/api/v1/feeds" } else { "/api/v1/session" };
        assert_eq!(shop.get(mine, Some(token.as_str())).0, 200, "{name} was locked out");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn schemathesis(shop: &Shop, folder: &Path, keys: [(&str, &String); 3], (phases, examples): (&str, &str)) -> Output {
    let said = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let mut command = Command::new(cache().join("python/bin/schemathesis"));
    command.arg("--config-file").arg(folder.join("schemathesis.toml")).arg("run").arg(folder.join("openapi.json"));
    command.args(["--url", &shop.url(""), "--no-color", "--request-timeout", "60"]);
    command.args(["--seed", &said("FUZZ_SEED", "1"), "--max-examples", &said("FUZZ_EXAMPLES", examples)]);
    command.args(["--phases", &said("FUZZ_PHASES", phases)]);
    command.envs(keys.map(|(name, key)| (format!("TILLSIGHT_{name}"), key)));
    command.env("SCHEMATHESIS_HOOKS", concat!(env!("CARGO_MANIFEST_DIR"), "/clients/fuzz.py"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    output(command.current_dir(folder), b"")
}
