//! `POST /api/v1/setup/cameras/import`: cameras by the dozen, one a line of CSV:
//! `store,camera,address_or_url,username,password,name`.
//!
//! Each is tried once, some at a time; one that does not answer is refused with the reason, and the others are added. One of
//! each device and user goes first ([`Doors`]): where its login is refused, the others are not tried.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use futures::StreamExt as _;
use serde::Deserialize;
use tillsight_schemas::id::StoreKey;

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::{Caller, Person};
use super::super::extract::{DryRun, Query, Whole};
use super::super::live::Live;
use super::super::problem::Problem;
use super::address::{Place, place};
use super::cameras::{Draft, alone};
use super::doors::{Doors, Login, Turn};
use super::trial::{CameraTest, Trial, try_camera};
use super::{note, setter, store_of, wrong};
use crate::db::{Change, ChangeError, Expected, What, camera_document};

/// The most lines at once.
const MOST_LINES: usize = 500;
/// Cameras that are tried at once.
const AT_ONCE: usize = 8;

answer! {
    /// What became of a line.
    struct ImportedLine {
        /// Its number, from 1.
        line: i32,
        /// The camera it names.
        camera_id: Option<String>,
        /// `added`, `would_add`, `exists` or `refused`.
        outcome: String,
        /// Why, or what was found.
        detail: Option<String>,
    }

    /// What became of each line.
    struct Imported {
        /// The lines, in their order.
        items: Vec<ImportedLine>,
    }
}

/// How it is to be done.
#[derive(Debug, Deserialize)]
pub(super) struct How {
    #[serde(default)]
    dry_run: DryRun,
}

/// A line as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Line {
    number: i32,
    fields: Vec<String>,
}

impl Line {
    fn field(&self, at: usize) -> &str {
        self.fields.get(at).map(|field| field.trim()).unwrap_or_default()
    }

    fn says(&self, outcome: &str, detail: impl Into<Option<String>>) -> ImportedLine {
        let camera = Some(self.field(1).to_owned()).filter(|camera| !camera.is_empty());
        ImportedLine { line: self.number, camera_id: camera, outcome: outcome.to_owned(), detail: detail.into() }
    }
}

/// The lines of a table; a first line of column names is passed over.
fn lines(text: &str) -> Result<Vec<Line>, String> {
    // The reader counts ends of lines, and would take CR LF for the end of the line before.
    let text = text.replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!("the table cannot be read: {error}"))?;
        let number = record.position().map_or(0, csv::Position::line);
        let fields: Vec<String> = record.iter().map(str::to_owned).collect();
        let names = fields
            .first()
            .is_some_and(|first| first.trim().trim_start_matches('\u{feff}').eq_ignore_ascii_case("store"));
        let blank = fields.iter().all(|field| field.trim().is_empty());
        let heading = lines.is_empty() && names;
        if !(blank || heading) {
            lines.push(Line { number: i32::try_from(number).unwrap_or(i32::MAX), fields });
        }
    }
    match lines.len() {
        0 => Err("there is no line: store,camera,address_or_url,username,password,name".to_owned()),
        1..=MOST_LINES => Ok(lines),
        more => Err(format!("{more} lines are too many: {MOST_LINES} at once")),
    }
}

/// A line that can be tried.
struct Ready {
    line: Line,
    store: StoreKey,
    place: Place,
    draft: Draft,
    login: Option<Login>,
}

/// Tries and adds.
pub(super) async fn import(
    State(live): State<Live>,
    caller: Caller,
    Query(how): Query<How>,
    Whole(text): Whole<String>,
) -> Result<Json<Imported>, Problem> {
    let person = setter(&caller)?;
    let dry = how.dry_run == DryRun::Yes;
    let lines = lines(&text).map_err(|problem| wrong(&[problem]))?;
    let shared = live.now();
    note(&shared, &person, format!("camera import of {} lines{}", lines.len(), if dry { ", tried only" } else { "" }))
        .await?;
    let (mut items, mut waiting, mut seen) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
    for (number, line) in lines.into_iter().enumerate() {
        let twice = !seen.insert((line.field(0).to_owned(), line.field(1).to_owned()));
        match prepare(&shared, &person, line, twice) {
            Ok(ready) => waiting.push((number, ready)),
            Err(item) => {
                items.insert(number, item);
            }
        }
    }
    let mut doors = Doors::default();
    while !waiting.is_empty() {
        let turns = doors.turns(waiting.iter().map(|(_, ready)| ready.login.as_ref()));
        let (mut now, mut later) = (Vec::new(), Vec::new());
        for ((number, ready), turn) in waiting.into_iter().zip(turns) {
            match turn {
                Turn::Now => now.push((number, ready)),
                Turn::Later => later.push((number, ready)),
                Turn::Never(camera) => {
                    items.insert(number, ready.not_tried(&camera));
                }
            }
        }
        waiting = later;
        let work = now.into_iter().map(|(number, mut ready)| {
            let (shared, person) = (shared.clone(), person.clone());
            async move {
                let (item, refused) = ready.add(&shared, &person, dry).await;
                (number, ready, item, refused)
            }
        });
        let tried: Vec<_> = futures::stream::iter(work).buffered(AT_ONCE).collect().await;
        for (number, ready, item, refused) in tried {
            doors.note(ready.login.as_ref(), ready.line.field(1), refused);
            items.insert(number, item);
        }
    }
    let items: Vec<ImportedLine> = items.into_values().collect();
    if items.iter().any(|item| item.outcome == "added") {
        live.refresh().await;
    }
    Ok(Json(Imported { items }))
}

/// What is to be tried, or what is wrong with a line whatever its camera says.
fn prepare(shared: &Shared, person: &Person, line: Line, twice: bool) -> Result<Ready, ImportedLine> {
    let refused = |detail: String| line.says("refused", detail);
    if twice {
        return Err(refused("the camera stands in the table twice".to_owned()));
    }
    let Ok(store) = store_of(shared, person, line.field(0)) else {
        return Err(refused(format!("there is no store {:?} for you", line.field(0))));
    };
    let known = shared.cameras.of_store(&store).any(|camera| camera.id.as_str() == line.field(1));
    if known {
        return Err(line.says("exists", "it is set up already: nothing was changed or tried".to_owned()));
    }
    let place = place(line.field(2)).map_err(refused)?;
    let draft = Draft {
        store_id: line.field(0).to_owned(),
        camera_id: line.field(1).to_owned(),
        name: Some(line.field(5).to_owned()),
        // Any address that is one: what the camera answers takes its place.
        url: "rtsp://camera/".to_owned(),
        sub_url: None,
        onvif: None,
        username: Some(line.field(3).to_owned()),
        password: Some(Some(line.field(4).to_owned()).filter(|password| !password.is_empty())),
        presence: None,
        version: None,
    };
    if let Err(problems) = draft.camera(&store, None) {
        return Err(line.says("refused", problems.join("; ")));
    }
    let user = Some(line.field(3).to_owned()).filter(|user| !user.is_empty());
    let login = user.map(|user| Login { device: place.device(), user, password: line.field(4).to_owned() });
    Ok(Ready { line, store, place, draft, login })
}

impl Ready {
    /// What is said of it when its device has refused its user for another camera.
    fn not_tried(&self, camera: &str) -> ImportedLine {
        let (device, user) =
            self.login.as_ref().map(|login| (login.device.as_str(), login.user.as_str())).unwrap_or_default();
        let said =
            format!("not tried: {device} refused the password of {user} for {camera}: put that line right first");
        self.line.says("refused", said)
    }

    /// Tries it and adds it: what became of it, and whether the login was refused.
    async fn add(&mut self, shared: &Shared, person: &Person, dry: bool) -> (ImportedLine, bool) {
        let login = self.login.as_ref().map(|login| (login.user.clone(), login.password.clone()));
        let Trial { test, refused } = try_camera(shared, self.place.clone(), login).await;
        (self.keep(shared, person, &test, dry).await, refused)
    }

    /// Adds it as it was found.
    async fn keep(&mut self, shared: &Shared, person: &Person, test: &CameraTest, dry: bool) -> ImportedLine {
        let Self { line, store, draft, .. } = self;
        let refused = |detail: String| line.says("refused", detail);
        let Some(main) = test.urls.main.clone().filter(|_| test.reachable) else { return refused(why(test)) };
        (draft.url, draft.sub_url, draft.onvif) = (main, test.urls.sub.clone(), Some(test.urls.onvif.clone()));
        let (camera, password) = match draft.camera(store, None) {
            Ok(made) => made,
            Err(problems) => return refused(problems.join("; ")),
        };
        if let Err(problem) = alone(shared, &camera).await {
            return refused(problem.detail().to_owned());
        }
        if dry {
            return line.says("would_add", found(test));
        }
        let (key, document) = camera_document(&camera);
        let change = Change { password, ..Change::new(key, Expected::New, Some(document)) };
        if note(shared, person, format!("camera {store}/{}: added by a table", camera.id)).await.is_err() {
            return refused("the audit file cannot be written, so nothing is changed".to_owned());
        }
        match shared.db.change(&person.name, &[change]).await {
            Ok(()) => {
                shared.tried.note(store, &camera.id, test);
                line.says("added", found(test))
            }
            Err(ChangeError::Exists(What::Camera, _)) => line.says("exists", None::<String>),
            Err(error) => {
                tracing::error!(%error, "a camera of a table was not added");
                refused("the database refused: try again".to_owned())
            }
        }
    }
}

/// The first step that failed, with its cure.
fn why(test: &CameraTest) -> String {
    let failed = test.steps.iter().find(|step| !step.ok);
    failed.map_or("no pictures came".to_owned(), |step| match &step.cure {
        Some(cure) => format!("{}: {}; {cure}", step.what, step.detail),
        None => format!("{}: {}", step.what, step.detail),
    })
}

fn found(test: &CameraTest) -> Option<String> {
    test.steps.iter().find(|step| step.ok && step.what == "main stream").map(|step| step.detail.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_with_and_without_names_of_columns() {
        let table = "store,camera,address,username,password,name\r\n17,till-1,192.0.2.1,admin,\"a,b\",Till 1\n 17 , till-2 ,rtsp://192.0.2.2/x\n";
        let lines = lines(table).unwrap();
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!((lines[0].field(4), lines[0].field(5)), ("a,b", "Till 1"));
        assert_eq!((lines[1].field(0), lines[1].field(1), lines[1].field(4)), ("17", "till-2", ""));
    }

    #[test]
    fn a_table_that_is_none_is_refused_in_words() {
        assert!(lines("store,camera\n").unwrap_err().contains("no line"));
        assert!(lines(&"17,x,192.0.2.1\n".repeat(MOST_LINES + 1)).unwrap_err().contains("too many"));
    }
}
