//! The recipes of `docs/contributing` work: their code is taken out of the text and used, and every path and link of the
//! docs leads somewhere.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tillsight_correlate::rule::Rule;
use tillsight_schemas::pos::Transaction;
use tillsight_schemas::wire::json::check;
use tillsight_tests::outside::{cache, eventually, output, run};
use tillsight_tests::shop::binary;
use tillsight_tests::{Shop, onnx};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn recipe(name: &str) -> String {
    std::fs::read_to_string(root().join("docs/contributing").join(name)).unwrap()
}

/// A block of code with the file it belongs to.
struct Block {
    file: String,
    place: Place,
    code: String,
}

enum Place {
    Whole,
    Before(String),
    Instead(String),
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((_, about)) = line.trim_start().split_once("file=") else { continue };
        if !line.trim_start().starts_with("```") {
            continue;
        }
        // A block within a list is indented like its first line.
        let indent = line.len() - line.trim_start().len();
        let (file, place) = match about.split_once(' ') {
            None => (about, Place::Whole),
            Some((file, place)) => match place.strip_suffix('"').and_then(|place| place.split_once("=\"")) {
                Some(("before", line)) => (file, Place::Before(line.to_owned())),
                Some(("instead", line)) => (file, Place::Instead(line.to_owned())),
                _ => panic!("{about}"),
            },
        };
        let code = lines.by_ref().take_while(|line| line.trim() != "```");
        let code: String = code.map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect();
        blocks.push(Block { file: file.to_owned(), place, code });
    }
    blocks
}

/// Writes the blocks of a recipe into a folder in which the files that they change already lie.
fn follow(recipe: &str, dir: &Path) {
    for block in blocks(recipe) {
        let path = dir.join(&block.file);
        let put = |line: &str, code: &str| {
            let there = std::fs::read_to_string(&path).unwrap();
            assert_eq!(there.lines().filter(|other| *other == line).count(), 1, "{}: {line:?}", block.file);
            there.replacen(&format!("{line}\n"), code, 1)
        };
        let text = match &block.place {
            Place::Whole => block.code,
            Place::Before(line) => put(line, &format!("{}{line}\n", block.code)),
            Place::Instead(line) => put(line, &block.code),
        };
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn the_rule_of_the_recipe_passes_its_tests_within_ten_seconds() {
    let dir = tempfile::tempdir().unwrap();
    follow(&recipe("add-a-rule.md"), dir.path());
    let folder = dir.path().join("my-rules");
    let test = || {
        let mut command = Command::new(binary());
        command.args(["rule", "test", "drawer_habit", "--folder"]).arg(&folder);
        output(&mut command, b"")
    };
    let began = Instant::now();
    let tested = test();
    let took = began.elapsed();
    let said = String::from_utf8_lossy(&tested.stdout).into_owned();
    assert!(tested.status.success() && said.contains("3 passed, 0 failed"), "{said}");
    assert!(took < Duration::from_secs(10), "{took:?}");

    // The inner loop: a change is seen by the next call, without a compiler.
    let sql = folder.join("drawer_habit/rule.sql");
    let changed = std::fs::read_to_string(&sql).unwrap().replace("n.operator_id = a.operator_id AND ", "");
    std::fs::write(&sql, changed).unwrap();
    let said = String::from_utf8_lossy(&test().stdout).into_owned();
    assert!(said.contains("d3 fired") && said.contains("needs operator_id ... FAILED"), "{said}");
}

#[test]
fn the_adapter_of_the_recipe_makes_records_that_are_accepted() {
    let dir = tempfile::tempdir().unwrap();
    follow(&recipe("add-an-adapter.md"), dir.path());
    let export = std::fs::read(dir.path().join("export.csv")).unwrap();
    let made = run(Command::new("/usr/bin/python3").arg(dir.path().join("adapter.py")), &export);
    let records: Vec<Value> = made.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 4);
    for record in &records {
        assert_eq!(check::<Transaction>(record), [], "{record}");
    }
    assert_eq!((&records[0]["total_minor"], &records[1]["tenders"][0]["direction"]), (&2051.into(), &"OUT".into()));
    assert_eq!((&records[3]["kind"], &records[3]["kind_raw"]), (&"OTHER".into(), &"?".into()));
    // The rule that the recipe says is blind is.
    let blind = |record: &Value| -> Vec<String> {
        let transaction: Transaction = serde_json::from_value(record.clone()).unwrap();
        let rules = Rule::library().unwrap();
        let lacks = |rule: &&Rule| rule.header.needs_of(&transaction).iter().any(|(_, missing)| *missing);
        rules.iter().filter(lacks).map(|rule| rule.header.id.to_string()).collect()
    };
    assert_eq!(blind(&records[2]), ["void_followed_by_no_sale"]);
    // Its token is made where the configuration names the integrator, and not before.
    let text = recipe("add-an-adapter.md");
    let create = text.lines().find(|line| line.starts_with("tillsight token create")).unwrap();
    let words = create.split('#').next().unwrap().split_whitespace().skip(1);
    let file = dir.path().join("tillsight.toml");
    let store = "[[store]]\ntenant = \"demo\"\nid = \"17\"\nname = \"Main\"\ntz = \"UTC\"\ncurrency = \"USD\"\n";
    let store = format!("[data]\ndir = {:?}\n{store}", dir.path().join("data"));
    let mut command = Command::new(binary());
    command.arg("--config").arg(&file).args(words);
    std::fs::write(&file, &store).unwrap();
    let refused = output(&mut command, b"");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("add an [[integrator]]"), "{told}");
    let integrator = std::fs::read_to_string(dir.path().join("integrator.toml")).unwrap();
    std::fs::write(&file, store + &integrator).unwrap();
    let made = run(&mut command, b"");
    assert!(made.contains("secret: "), "{made}");
}

#[test]
fn a_command_whose_reader_has_gone_ends_quietly() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = Command::new(binary()).args(["rule", "list", "--long"]).stdout(writer).output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn a_rule_of_ones_own_is_told_from_the_librarys_and_a_wrong_one_costs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    follow(&recipe("add-a-rule.md"), dir.path());
    let folder = dir.path().join("my-rules");
    let library = root().join("correlate/rules/post_void");
    run(Command::new("cp").arg("-r").arg(library).arg(&folder), b"");
    std::fs::create_dir(folder.join("typing_error")).unwrap();
    std::fs::write(folder.join("typing_error/rule.toml"), "id = \"typing_error\"\nversion =\n").unwrap();
    let rule = |arguments: &[&str]| {
        let ended = output(Command::new(binary()).arg("rule").args(arguments).arg("--folder").arg(&folder), b"");
        let told = [ended.stdout, ended.stderr].map(|told| String::from_utf8_lossy(&told).into_owned()).concat();
        (ended.status.success(), told)
    };
    let (_, listed) = rule(&["list"]);
    let of = |id: &str| listed.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(of("post_void ").ends_with("(your own, in the place of the library's)"), "{listed}");
    assert!(of("drawer_habit ").ends_with("(your own)"), "{listed}");
    assert!(listed.contains("typing_error/rule.toml is wrong: line 2"), "{listed}");
    let (passed, told) = rule(&["test", "post_void", "drawer_habit"]);
    assert!(passed && told.contains("post_void: your own, in the place of the library's"), "{told}");
    let (passed, told) = rule(&["test", "typing_error"]);
    assert!(!passed && told.contains("that can be read: ") && told.contains("rule.toml is wrong: line 2"), "{told}");
}

/// The web app with the page of the recipe, in a folder of its own.
fn with_page(dir: &Path) -> PathBuf {
    let (ui, copy) = (root().join("ui"), dir.join("ui"));
    assert!(ui.join("node_modules").is_dir(), "run deploy/setup.sh ui");
    std::fs::create_dir_all(copy.join("node_modules")).unwrap();
    let mut command = Command::new("cp");
    command.arg("-r");
    for part in ["src", "public", "index.html", "package.json", "tsconfig.json", "vite.config.ts"] {
        command.arg(ui.join(part));
    }
    run(command.arg(&copy), b"");
    // One by one: what the development server keeps beside them is its own.
    for package in std::fs::read_dir(ui.join("node_modules")).unwrap() {
        let package = package.unwrap();
        if package.file_name() != ".vite" {
            std::os::unix::fs::symlink(package.path(), copy.join("node_modules").join(package.file_name())).unwrap();
        }
    }
    follow(&recipe("add-a-page.md"), dir);
    copy
}

#[test]
fn the_page_of_the_recipe_is_understood_by_the_compiler() {
    let dir = tempfile::tempdir().unwrap();
    let copy = with_page(dir.path());
    run(Command::new(copy.join("node_modules/.bin/tsc")).arg("--noEmit").current_dir(&copy), b"");
}

/// The development server, until the test ends.
struct Vite(Child);

impl Drop for Vite {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn the_page_of_the_recipe_is_seen_and_a_change_of_it_within_two_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let copy = with_page(dir.path());
    let shop = Shop::shared();
    let (name, password) = ("vera", "correct horse battery");
    let add = ["user", "add", name, "--tenant", "demo", "--role", "analyst", "--password-stdin"];
    shop.tillsight_with(&add, &format!("{password}\n"));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    // What `npm run dev` runs.
    let package: Value = serde_json::from_str(&std::fs::read_to_string(copy.join("package.json")).unwrap()).unwrap();
    assert_eq!(package["scripts"]["dev"], "vite");
    let mut command = Command::new(copy.join("node_modules/.bin/vite"));
    command.args(["--host", "127.0.0.1", "--strictPort", "--port", &port]).current_dir(&copy);
    let vite =
        Vite(command.env("TILLSIGHT_API", shop.url("")).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
    let address = format!("http://127.0.0.1:{port}/");
    eventually("the development server answers", || {
        let asked = output(Command::new("curl").args(["-sf", "-o", "/dev/null", &address]), b"");
        if asked.status.success() { Ok(()) } else { Err(asked.status.to_string()) }
    });

    let script = dir.path().join("dev.mjs");
    std::fs::write(&script, include_str!("../browser/dev.mjs")).unwrap();
    let mut browser = Command::new("timeout");
    browser.args(["--kill-after=5", "240", "node"]).arg(&script).args([&*address, name, password, "rules"]);
    browser.arg(copy.join("src/pages/Rules.tsx")).args(["Rules", "Catalogue", "Library"]);
    let said = run(browser.env("BROWSER_HOME", cache().join("browser")), b"");
    let seen: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(seen.len(), 2, "{said}");
    for change in &seen {
        assert!(change["ms"].as_u64().unwrap() < 2_000, "{said}");
        assert_eq!(change["opened"], true, "the module is replaced, the page is not loaded again: {said}");
    }
    drop(vite);
}

/// The network itself is another, which sees nobody: the description is what is told.
#[test]
fn the_model_of_the_recipe_is_loaded_and_looks_at_a_picture() {
    let dir = tempfile::tempdir().unwrap();
    let text = recipe("add-a-model.md");
    follow(&text, dir.path());
    let squares = [8, 16, 32].map(|stride| (416 / stride) * (416 / stride)).iter().sum();
    std::fs::write(dir.path().join("yolox_nano.onnx"), onnx::sees_nobody(416, squares, 5 + 3)).unwrap();
    let model = text.split("With `").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    let config = format!(
        "[data]\ndir = \"data\"\n[analytics]\n{model}\n\
         [[store]]\ntenant = \"demo\"\nid = \"17\"\nname = \"Main\"\ntz = \"UTC\"\ncurrency = \"USD\"\n\
         [[camera]]\nid = \"till-1\"\ntenant = \"demo\"\nstore = \"17\"\nname = \"Till 1\"\nurl = \"rtsp://127.0.0.1:1/\"\n\
         [[zone]]\nid = \"counter\"\ntenant = \"demo\"\nstore = \"17\"\ncamera = \"till-1\"\nkind = \"customer\"\n\
         register = \"1\"\npolygon = [[0, 0], [1, 0], [1, 1]]\n"
    );
    std::fs::write(dir.path().join("tillsight.toml"), config).unwrap();
    let check = || {
        let mut check = Command::new(binary());
        check.args(["--config", "tillsight.toml", "check"]).current_dir(dir.path());
        let told = output(&mut check, b"").stdout;
        let told = String::from_utf8_lossy(&told).into_owned();
        let about = |line: &&str| line.get(5..).is_some_and(|about| about.starts_with("detector"));
        told.lines().skip_while(|line| !about(line)).collect::<Vec<_>>().join("\n")
    };
    let told = check();
    assert!(told.starts_with("ok ") && told.contains("yolox_nano.onnx, 416x416: "), "{told}");
    assert!(told.contains("looks a second; 1 cameras x 4 = 4 wanted"), "{told}");

    // What cannot be is named: a network of other outputs, and a key that is misspelt.
    std::fs::write(dir.path().join("yolox_nano.onnx"), onnx::sees_nobody(416, 100, 5 + 3)).unwrap();
    let told = check();
    assert!(told.starts_with("BAD ") && told.contains("the number of squares is not that of input size"), "{told}");
    let description = std::fs::read_to_string(dir.path().join("yolox_nano.toml")).unwrap();
    std::fs::write(dir.path().join("yolox_nano.toml"), description.replace("doubt =", "doupt =")).unwrap();
    assert!(check().contains("doupt"), "{}", check());
}

/// The crates of records and of their simulator are built with the field, and what was written before it is read.
#[test]
fn the_schema_field_of_the_recipe_is_published_and_what_was_written_before_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let listed = run(Command::new("git").args(["ls-files"]).current_dir(root()), b"");
    for file in listed.lines().filter(|file| root().join(file).is_file()) {
        std::fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
        std::fs::copy(root().join(file), dir.path().join(file)).unwrap();
    }
    let text = recipe("add-a-schema-field.md");
    let avro = std::fs::read_to_string(root().join("schemas/src/wire/avro.rs")).unwrap();
    assert!(avro.contains("\n    15 => ") && !avro.contains("\n    16 => "), "the recipe names the last id");
    for copy in text.lines().map(str::trim).filter(|line| line.starts_with("cp ")) {
        run(Command::new("sh").args(["-ec", copy]).current_dir(dir.path()), b"");
    }
    follow(&text, dir.path());

    // Not optimised, and in a place that stays: what this costs is paid once.
    let cargo = |args: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo
            .args(args)
            .args(["--locked", "--config", "profile.dev.package.\"*\".opt-level=0"])
            .current_dir(dir.path());
        cargo
            .env("CARGO_TARGET_DIR", cache().join("recipe"))
            .env_remove("RUSTFLAGS")
            .env_remove("RUSTC_WORKSPACE_WRAPPER");
        cargo.envs([
            ("CARGO_PROFILE_DEV_OPT_LEVEL", "0"),
            ("CARGO_PROFILE_DEV_DEBUG", "0"),
            ("CARGO_INCREMENTAL", "0"),
        ]);
        cargo.envs([("TILLSIGHT_PUBLISH", "1")]);
        run(&mut cargo, b"")
    };
    cargo(&["build", "-p", "tillsight-datasets"]);
    let said = cargo(&["test", "-p", "tillsight-schemas"]);
    assert!(said.contains("stored_samples_of_every_version_are_still_read ... ok"), "{said}");
    for (file, id) in [("transaction", "1"), ("posted_transaction", "2")] {
        let published = |name: &str| std::fs::read_to_string(dir.path().join("schemas").join(name)).unwrap();
        let earlier = published(&format!("avro/earlier/{file}_{id}.avsc"));
        let avro = published(&format!("avro/{file}.avsc"));
        let json = published(&format!("json/{file}.schema.json"));
        assert!(
            !earlier.contains("price_list") && avro.contains("price_list") && json.contains("price_list"),
            "{file}"
        );
    }
}

/// The texts of the repository that people read.
fn texts() -> BTreeMap<PathBuf, String> {
    let mut texts = BTreeMap::new();
    let listed = run(Command::new("git").args(["ls-files", "*.md"]).current_dir(root()), b"");
    for file in listed.lines() {
        texts.insert(PathBuf::from(file), std::fs::read_to_string(root().join(file)).unwrap());
    }
    texts
}

/// The name under which a heading is linked to.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_of_the_docs_leads_somewhere() {
    let texts = texts();
    let mut wrong = Vec::new();
    for (file, text) in &texts {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, part) = link.split_once('#').map_or((link, None), |(path, part)| (path, Some(part)));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            let whole = root().join(&target);
            if !whole.try_exists().unwrap() {
                wrong.push(format!("{}: {link}", file.display()));
            } else if let Some(part) = part {
                let text = std::fs::read_to_string(&whole).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                if !headings.map(|line| anchor(line.trim_start_matches('#'))).any(|name| name == part) {
                    wrong.push(format!("{}: {link} has no such heading", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(texts.len() > 10);
}

#[test]
fn every_path_that_the_recipes_name_is_there() {
    let tops =
        ["analytics/", "api/", "correlate/", "datasets/", "deploy/", "docs/", "ingest/", "schemas/", "tests/", "ui/"];
    let mut wrong = Vec::new();
    let mut found = 0;
    for (file, text) in texts().iter().filter(|(file, _)| file.starts_with("docs/contributing")) {
        // What a recipe makes is not there yet.
        let prose = text.split("```").step_by(2);
        for name in prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)) {
            if tops.iter().any(|top| name.starts_with(top)) && !name.contains([' ', '<', '*']) {
                found += 1;
                if !root().join(name).try_exists().unwrap() {
                    wrong.push(format!("{}: {name}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(found > 20, "{found}");
}
