//! Rules: a folder with a header (`rule.toml`), one SQL text (`rule.sql`) and tests (`tests/*.toml`).
//!
//! A rule names its anchors. Its SQL reads the table `anchor` and the neighbourhood, and returns one row for each
//! anchor that it has something to say about; an anchor without a row did not match. The same text judges live and over
//! history. The library is part of the program; a folder of the installation can add to it.
//!
//! A rule whose text uses what other engines do not know (`MATCH_RECOGNIZE`, `session_id`) says the same once more in plain
//! SQL (`oracle.sql`). It judges nothing; tests compare the two.

mod adjust;
mod adopted;
mod error;
pub mod explain;
pub mod fixture;
mod form;
mod header;
mod needs;

use std::path::Path;

pub(crate) use adjust::Params;
pub use adjust::{Adjustment, Adjustments, Says};
use adopted::Adopted;
pub use error::RuleError;
pub use header::{Clip, Header, LONGEST_LOOKBACK, Param, Scope};
pub use needs::Need;

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It comes with the program.
    Library,
    /// The library's, which a folder takes in with numbers of its own.
    Adopted,
    /// A folder's own.
    Own,
    /// A folder's own, in the place of the library's rule of the same name.
    InPlace,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What `rule.toml` says.
    pub header: Header,
    /// The text of `rule.sql`.
    pub sql: String,
    /// The text of `oracle.sql`: the same in plain SQL, where `rule.sql` is not.
    pub oracle: Option<String>,
    /// Its tests: name of the file and text.
    pub tests: Vec<(String, String)>,
    /// Where it comes from.
    pub origin: Origin,
}

macro_rules! library {
    ($($id:literal: [$($test:literal),*] $($oracle:ident)?;)*) => {
        &[$((
            include_str!(concat!("../../rules/", $id, "/rule.toml")),
            include_str!(concat!("../../rules/", $id, "/rule.sql")),
            plain!($id $($oracle)?),
            &[$(($test, include_str!(concat!("../../rules/", $id, "/tests/", $test, ".toml")))),*],
        )),*]
    };
}

macro_rules! plain {
    ($id:literal) => {
        None
    };
    ($id:literal oracle) => {
        Some(include_str!(concat!("../../rules/", $id, "/oracle.sql")))
    };
}

type Texts = (&'static str, &'static str, Option<&'static str>, &'static [(&'static str, &'static str)]);

const LIBRARY: &[Texts] = library! {
    "cancel_burst": ["cancels"];
    "cancel_then_drawer": ["drawer"] oracle;
    "cash_refund_high": ["refunds"];
    "coupons_of_shift": ["coupons"];
    "keyed_refund": ["refunds"];
    "keyed_sales": ["sales"];
    "line_voids_of_shift": ["voids"];
    "low_sales": ["sales"];
    "no_sale_before_sign_off": ["drawer"];
    "no_sale_no_customer": ["drawer"];
    "no_sale_often": ["drawer"];
    "nobody_at_till": ["cashier"];
    "one_approver": ["approvals"];
    "operator_on_two_registers": ["sales"];
    "override_nobody_there": ["overrides"];
    "override_too_quick": ["approvals"];
    "paid_out_often": ["cash"];
    "paid_out_unapproved": ["cash"];
    "pickup_not_dropped": ["safe"];
    "post_void": ["voids"];
    "post_void_customer_gone": ["voids"];
    "price_override_deep": ["prices"];
    "price_overrides_of_shift": ["prices"];
    "refund_after_opening": ["opening"];
    "refund_before_closing": ["closing"];
    "refund_no_customer": ["refunds", "late", "lost_camera"];
    "refund_of_own_sale": ["refunds"];
    "refund_same_card": ["cards"];
    "refund_tender_switch": ["refunds"];
    "refund_velocity": ["refunds"];
    "refund_while_closed": ["closed"];
    "refund_without_receipt": ["refunds"];
    "reprint_then_refund": ["refunds"];
    "rung_without_sign_on": ["signs"];
    "self_approved": ["approvals"];
    "suspend_never_resumed": ["parked"];
    "training_sale_customer": ["training"];
    "void_followed_by_no_sale": ["drawer"];
};

impl Rule {
    /// Takes a rule from its texts.
    ///
    /// # Errors
    /// [`RuleError`] when the header is wrong.
    pub fn new(header: &str, sql: &str, tests: Vec<(String, String)>) -> Result<Self, RuleError> {
        Ok(Self { header: Header::parse(header)?, sql: sql.to_owned(), oracle: None, tests, origin: Origin::Own })
    }

    /// The rules that come with the program and judge unasked.
    ///
    /// # Errors
    /// [`RuleError`] when one of them is wrong, which is a defect.
    pub fn library() -> Result<Vec<Self>, RuleError> {
        let mut rules = Self::shelf()?;
        rules.retain(|rule| rule.header.by_default);
        Ok(rules)
    }

    /// All rules that come with the program: those of [`Rule::library`], and those that an installation has to ask for.
    ///
    /// # Errors
    /// [`RuleError`] when one of them is wrong, which is a defect.
    pub fn shelf() -> Result<Vec<Self>, RuleError> {
        LIBRARY
            .iter()
            .map(|(header, sql, oracle, tests)| {
                let tests = tests.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
                let oracle = oracle.map(ToOwned::to_owned);
                Ok(Self { origin: Origin::Library, oracle, ..Self::new(header, sql, tests)? })
            })
            .collect()
    }

    /// Reads a rule from its folder: a rule of its own, or one of the library with other numbers
    /// (`library = "refund_velocity"`).
    ///
    /// # Errors
    /// [`RuleError`] when a file cannot be read, the header is wrong, or the folder has another name than the rule.
    pub fn read(folder: &Path) -> Result<Self, RuleError> {
        let text = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| RuleError::Read { path: path.to_owned(), source })
        };
        let mut tests = Vec::new();
        let folder_of_tests = folder.join("tests");
        if folder_of_tests.is_dir() {
            let entries = std::fs::read_dir(&folder_of_tests)
                .map_err(|source| RuleError::Read { path: folder_of_tests.clone(), source })?;
            for entry in entries.flatten() {
                let path = entry.path();
                if path.extension().is_some_and(|extension| extension == "toml") {
                    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                    tests.push((name, text(&path)?));
                }
            }
        }
        tests.sort();
        let file = folder.join("rule.toml");
        let header = text(&file)?;
        let rule = match Adopted::read(&header) {
            Some(adopted) => adopted.and_then(|adopted| adopted.rule(tests)),
            // What is wrong with the header is said before a text that is missing.
            None => match Header::parse(&header) {
                Err(error) => Err(error),
                Ok(_) => {
                    let oracle = folder.join("oracle.sql");
                    let oracle = if oracle.is_file() { Some(text(&oracle)?) } else { None };
                    Self::new(&header, &text(&folder.join("rule.sql"))?, tests).map(|rule| Self { oracle, ..rule })
                }
            },
        };
        let mut rule = rule.map_err(|error| error.of(&file))?;
        if rule.origin == Origin::Own && Self::shelf()?.iter().any(|known| known.header.id == rule.header.id) {
            rule.origin = Origin::InPlace;
        }
        match folder.file_name() {
            Some(name) if name.to_string_lossy() == rule.header.id.as_str() => Ok(rule),
            _ => Err(rule.header.wrong(format!("its folder {} must have the rule's name", folder.display()))),
        }
    }

    /// The rules that judge: the library and the rules of a folder, which holds one folder a rule; a rule of the folder
    /// replaces one of the library with the same name.
    ///
    /// # Errors
    /// [`RuleError`] for the first rule that is wrong.
    pub fn all(folder: Option<&Path>) -> Result<Vec<Self>, RuleError> {
        Self::gathered(Self::library()?, folder, &mut Err::<(), RuleError>)
    }

    /// The rules that judge, without those of the folder that cannot be read, and what is wrong with these: one typing
    /// error must not cost the others. What is left out is not judged by the library's text of the same name either.
    pub fn readable(folder: Option<&Path>) -> (Vec<Self>, Vec<RuleError>) {
        Self::sorted_out(Self::library(), folder)
    }

    /// The same with the rules that have to be asked for.
    pub fn known(folder: Option<&Path>) -> (Vec<Self>, Vec<RuleError>) {
        Self::sorted_out(Self::shelf(), folder)
    }

    fn sorted_out(library: Result<Vec<Self>, RuleError>, folder: Option<&Path>) -> (Vec<Self>, Vec<RuleError>) {
        let mut wrong = Vec::new();
        let library = library.unwrap_or_else(|error| {
            wrong.push(error);
            Vec::new()
        });
        let rules = Self::gathered(library.clone(), folder, &mut |error| {
            wrong.push(error);
            Ok(())
        });
        let rules = rules.unwrap_or_else(|error| {
            wrong.push(error);
            library
        });
        (rules, wrong)
    }

    /// These rules and those of a folder; `wrong` is asked about each that cannot be read.
    fn gathered(
        mut rules: Vec<Self>,
        folder: Option<&Path>,
        wrong: &mut dyn FnMut(RuleError) -> Result<(), RuleError>,
    ) -> Result<Vec<Self>, RuleError> {
        if let Some(folder) = folder {
            let failed = |source| RuleError::Read { path: folder.to_owned(), source };
            for entry in std::fs::read_dir(folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                if !path.join("rule.toml").is_file() {
                    continue;
                }
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                rules.retain(|other| other.header.id.as_str() != name);
                match Self::read(&path) {
                    Ok(rule) => rules.push(rule),
                    Err(error) => wrong(error)?,
                }
            }
        }
        rules.sort_by(|a, b| a.header.id.cmp(&b.header.id));
        Ok(rules)
    }
}

/// What the recipe for a rule lists.
#[cfg(test)]
pub(crate) mod recipe {
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The names in the last cell of a row, in a section of the recipe.
    pub(crate) fn listed(section: &str, row: &str) -> BTreeSet<String> {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contributing/add-a-rule.md");
        let page = std::fs::read_to_string(page).unwrap();
        let part = page.split("\n## ").find(|part| part.starts_with(section)).unwrap();
        let line = part.lines().find(|line| line.starts_with(&format!("| `{row}` |"))).unwrap();
        names(line.rsplit('|').nth(1).unwrap())
    }

    /// What stands in backticks.
    pub(crate) fn names(text: &str) -> BTreeSet<String> {
        text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_library_has_tests_and_some_have_to_be_asked_for() {
        let (unasked, all) = (Rule::library().unwrap().len(), Rule::shelf().unwrap());
        assert!(6 < unasked && unasked < all.len());
        assert!(all.is_sorted_by_key(|rule| rule.header.id.clone()));
        for rule in all {
            assert!(!rule.tests.is_empty(), "{} has no tests", rule.header.id);
            let plain = !["MATCH_RECOGNIZE", "session_id"].iter().any(|word| rule.sql.contains(word));
            assert_eq!(
                rule.oracle.is_none(),
                plain,
                "{}: oracle.sql is for what other engines do not know",
                rule.header.id
            );
        }
    }

    #[test]
    fn a_folder_takes_a_rule_of_the_library_in_with_its_own_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("refund_velocity");
        std::fs::create_dir(&folder).unwrap();
        let with = |text: &str| {
            std::fs::write(folder.join("rule.toml"), text).unwrap();
            Rule::all(Some(dir.path()))
        };
        let judging = Rule::library().unwrap();
        assert!(judging.iter().all(|rule| rule.header.id.as_str() != "refund_velocity"));
        let rules = with("library = \"refund_velocity\"\nseverity = \"low\"\n[params]\nmore_than = 9\n").unwrap();
        assert_eq!(rules.len(), judging.len() + 1);
        let taken = rules.iter().find(|rule| rule.header.id.as_str() == "refund_velocity").unwrap();
        assert_eq!((taken.header.params["more_than"].default, taken.header.severity.as_str()), (9, "low"));
        assert!(taken.tests.is_empty(), "the library's tests are about its numbers");
        assert_eq!(taken.origin, Origin::Adopted);
        assert!(!with("library = \"refund_velocity\"").unwrap().is_empty());
        let wrong = |text: &str| with(text).unwrap_err().to_string();
        assert!(wrong("library = \"refund_velocty\"").contains("no rule refund_velocty"));
        assert!(wrong("library = \"refund_velocity\"\n[params]\nmore = 9").contains("more_than"));
        assert!(wrong("library = \"refund_velocity\"\n[params]\nmore_than = 0").contains("more_than is 0"));
        assert!(wrong("library = \"refund_velocity\"\nsql = \"\"").contains("sql"));
        assert!(wrong("library = \"post_void\"").contains("must have the rule's name"));
    }

    #[test]
    fn a_folder_adds_rules_and_says_what_is_wrong_with_them() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("mine");
        std::fs::create_dir(&folder).unwrap();
        let (header, sql, _, _) = LIBRARY[0];
        let judging = Rule::library().unwrap().len();
        std::fs::write(folder.join("rule.toml"), header).unwrap();
        std::fs::write(folder.join("rule.sql"), sql).unwrap();
        assert!(Rule::all(Some(dir.path())).unwrap_err().to_string().contains("must have the rule's name"));
        std::fs::write(folder.join("rule.toml"), header.replace("cancel_burst", "mine")).unwrap();
        let rules = Rule::all(Some(dir.path())).unwrap();
        assert_eq!(rules.len(), judging + 1);
        std::fs::write(folder.join("oracle.sql"), "SELECT 1").unwrap();
        assert_eq!(Rule::read(&folder).unwrap().oracle.as_deref(), Some("SELECT 1"));
        let origin = |rules: &[Rule], id: &str| rules.iter().find(|rule| rule.header.id.as_str() == id).unwrap().origin;
        assert_eq!((origin(&rules, "mine"), origin(&rules, "post_void")), (Origin::Own, Origin::Library));
        let same = dir.path().join("cancel_burst");
        std::fs::create_dir(&same).unwrap();
        std::fs::write(same.join("rule.toml"), header).unwrap();
        std::fs::write(same.join("rule.sql"), sql).unwrap();
        let rules = Rule::all(Some(dir.path())).unwrap();
        assert_eq!((rules.len(), origin(&rules, "cancel_burst")), (judging + 1, Origin::InPlace));
        std::fs::remove_dir_all(same).unwrap();

        // A typing error costs that rule only, and is told with file and line.
        std::fs::write(folder.join("rule.toml"), "id = \"mine\"\nversion =\n").unwrap();
        let (rules, wrong) = Rule::readable(Some(dir.path()));
        assert_eq!((rules.len(), wrong.len()), (judging, 1));
        let told = wrong[0].to_string();
        assert!(told.contains("mine/rule.toml is wrong") && told.contains("line 2"), "{told}");
        let (rules, wrong) = Rule::readable(Some(&dir.path().join("nowhere")));
        assert_eq!((rules.len(), wrong.len()), (judging, 1));
    }
}
