//! `GET /api/v1/demo`, `POST /api/v1/demo/{what}`: the panel of `tillsight demo`. Any other system answers 404: it knows
//! nothing of tills that can be made to ring.

use std::path::Path as FilePath;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tillsight_schemas::id::{CameraId, StoreKey};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::Shared;
use super::auth::{Caller, Right};
use super::extract::{Body, Path};
use super::problem::Problem;

/// The environment variable with the path of the panel's socket.
pub(crate) const SOCKET: &str = "TILLSIGHT_DEMO_SOCKET";
/// How long the panel may take.
const PATIENCE: Duration = Duration::from_secs(5);

async fn converse(socket: &FilePath, line: String) -> std::io::Result<String> {
    let talk = async {
        let (read, mut write) = UnixStream::connect(socket).await?.into_split();
        write.write_all(line.as_bytes()).await?;
        let mut answer = String::new();
        BufReader::new(read).read_line(&mut answer).await?;
        Ok(answer)
    };
    tokio::time::timeout(PATIENCE, talk).await.map_err(|_| std::io::ErrorKind::TimedOut)?
}

async fn ask(shared: &Shared, asked: Value) -> Result<Value, Problem> {
    let none = || Problem::new(StatusCode::NOT_FOUND, "no demo", "this server is not a demo; `make demo` starts one");
    let socket = shared.demo.as_deref().ok_or_else(none)?;
    let answer = converse(socket, format!("{asked}\n")).await;
    let answer = answer.map_err(|error| Problem::unavailable("the demo's panel does not answer", &error))?;
    let mut answer: Value = serde_json::from_str(&answer)
        .map_err(|error| Problem::unavailable("the demo's panel says nothing that can be read", &error))?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(Problem::new(StatusCode::CONFLICT, "not now", error)),
        None => Ok(answer.get_mut("ok").map(Value::take).unwrap_or_default()),
    }
}

/// What is expected and what is found, and how till and cameras are.
pub(super) async fn state(State(shared): State<Shared>, caller: Caller) -> Result<Json<Value>, Problem> {
    let person = caller.person(Right::Look)?;
    if !person.scope.without.is_empty() {
        let detail = "the panel lists all alerts, and those about yourself are not for you";
        return Err(Problem::new(StatusCode::NOT_FOUND, "no demo", detail));
    }
    let mut state = ask(&shared, json!({ "what": "state" })).await?;
    let now = shared.clock.now();
    for camera in state.get_mut("cameras").and_then(Value::as_array_mut).into_iter().flatten() {
        let id = camera.get("id").and_then(Value::as_str).and_then(|id| id.parse::<CameraId>().ok());
        let (Some(id), Some(shown)) = (id, camera.as_object_mut()) else { continue };
        let mut of_name = shared.cameras.within(&person.scope).filter(|known| known.id == id);
        let zone_now = of_name.next().and_then(|known| {
            let store = StoreKey::new(known.store.tenant.clone(), known.store.store.clone());
            shared.known.zone_now(&store, &id, now)
        });
        shown.insert("zone_now".to_owned(), json!(zone_now));
    }
    Ok(Json(state))
}

/// Rings, unplugs, or sets the till's clock.
pub(super) async fn act(
    State(shared): State<Shared>,
    caller: Caller,
    Path(what): Path<String>,
    Body(body): Body<Value>,
) -> Result<Json<Value>, Problem> {
    caller.person(Right::Review)?;
    Ok(Json(ask(&shared, json!({ "what": what, "body": body })).await?))
}
