//! The map stays true: arrows between crates, module docs, sizes of files, words that do not belong in the tree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which crate may use which (DESIGN: middle crates never import each other; only `api` joins them).
const ARROWS: &[(&str, &[&str])] = &[
    ("schemas", &[]),
    ("ingest", &["schemas"]),
    ("analytics", &["schemas"]),
    ("correlate", &["schemas"]),
    ("datasets", &["schemas"]),
    ("api", &["schemas", "ingest", "analytics", "correlate", "datasets"]),
    ("tests", &["schemas", "correlate", "datasets"]),
];

/// What only one crate may depend on: a person holds one of these in their head per crate.
const HEAVY: &[(&str, &[&str])] = &[
    ("rdkafka", &["ingest"]),
    ("retina", &["ingest"]),
    ("mp4-atom", &["ingest"]),
    ("datafusion", &["correlate", "api"]),
    ("deltalake-core", &["correlate"]),
    ("axum", &["api"]),
    ("datafusion-postgres", &["api"]),
    ("tantivy", &["api"]),
    ("ort", &["analytics"]),
    ("openh264", &["analytics"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn dependencies(krate: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join(krate).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&text).unwrap();
    ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|table| table.iter().map(|(name, value)| (name.clone(), value.to_string())))
        .collect()
}

pub(crate) fn sources() -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for (krate, _) in ARROWS {
        walk(&root().join(krate), &mut found);
    }
    found
}

#[test]
fn arrows_between_crates_are_those_of_the_map() {
    for (krate, allowed) in ARROWS {
        let used: Vec<String> =
            dependencies(krate).keys().filter_map(|name| name.strip_prefix("tillsight-").map(str::to_owned)).collect();
        for name in &used {
            assert!(allowed.contains(&name.as_str()), "{krate} uses {name}, which the map does not allow");
        }
    }
}

#[test]
fn heavy_dependencies_stay_where_the_map_puts_them() {
    for (krate, _) in ARROWS {
        for name in dependencies(krate).keys() {
            if let Some((_, homes)) = HEAVY.iter().find(|(heavy, _)| heavy == name) {
                assert!(homes.contains(krate), "{krate} uses {name}, which belongs to {homes:?}");
            }
        }
    }
}

#[test]
fn versions_are_fixed_in_one_place() {
    for (krate, _) in ARROWS {
        for (name, value) in dependencies(krate) {
            assert!(value.contains("workspace"), "{krate}: {name} = {value} names its own version");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_fits_in_a_head() {
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} has no module doc", path.display());
        let lines = text.lines().count();
        assert!(lines <= 600, "{} has {lines} lines", path.display());
    }
}

#[test]
fn every_crate_stands_in_the_map() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (krate, _) in ARROWS {
        assert!(map.contains(&format!("`{krate}`")), "ARCHITECTURE.md does not name `{krate}`");
    }
    for (name, _, _) in tillsight_schemas::metric::ALL {
        assert!(map.contains(name), "ARCHITECTURE.md does not name the metric {name}");
    }
}
