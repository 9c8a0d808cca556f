//! `POST /api/v1/setup/discover`: the ONVIF devices that answer in this network.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tillsight_ingest::onvif::{DISCOVERY_PORT, discover};
use tillsight_schemas::error::chain;
use tokio::sync::Semaphore;
use url::Url;

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::Caller;
use super::super::extract::{Body, maybe_integer};
use super::super::problem::Problem;
use super::address::allowed;
use super::{note, setter, text, unread, wrong};
use crate::config::Camera;
use crate::db::What;

answer! {
    /// A device that answered.
    struct FoundDevice {
        /// Where it is.
        address: String,
        /// Its device service, to be tested.
        xaddr: String,
        /// What it calls itself.
        name: Option<String>,
        /// Which model it says it is.
        hardware: Option<String>,
        /// Whether a camera at this address is set up.
        known: bool,
    }

    /// Devices that answered.
    struct Discovery {
        /// The devices, by address.
        items: Vec<FoundDevice>,
        /// What to do when there are none.
        note: Option<String>,
    }
}

/// For how long, and whom else.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default, deserialize_with = "maybe_integer")]
    seconds: Option<u32>,
    /// A host that is asked by itself: other networks do not carry questions to everybody.
    #[serde(default)]
    address: Option<String>,
}

/// Asks the network.
pub(super) async fn ask(
    State(shared): State<Shared>,
    caller: Caller,
    Body(asked): Body<Asked>,
) -> Result<Json<Discovery>, Problem> {
    let person = setter(&caller)?;
    let seconds = asked.seconds.unwrap_or(3);
    let mut problems = Vec::new();
    if !(1..=10).contains(&seconds) {
        problems.push(format!("seconds: {seconds} is not 1 to 10"));
    }
    let mut hosts = Vec::new();
    if let Some(address) = text(asked.address) {
        match allowed(&format!("http://{address}/")).ok().and_then(|url| url.host_str().map(str::to_owned)) {
            Some(host) => match tokio::net::lookup_host((host.trim_matches(['[', ']']), DISCOVERY_PORT)).await {
                Ok(found) => hosts.extend(found.filter(SocketAddr::is_ipv4).take(1)),
                Err(_) => problems.push(format!("address: {address} is not known here")),
            },
            None => problems.push(format!("address: {address:?} is no host")),
        }
    }
    if !problems.is_empty() {
        return Err(wrong(&problems));
    }
    note(&shared, &person, "camera discovery".to_owned()).await?;
    // One question at a time: the network is everybody's.
    static TURN: Semaphore = Semaphore::const_new(1);
    let _turn = TURN.acquire().await;
    let found = match discover(&hosts, true, Duration::from_secs(seconds.into())).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(error = %chain(&error), "the network cannot be asked for devices");
            let note = format!("this machine cannot ask its network for devices ({error}): type the camera's address");
            return Ok(Json(Discovery { items: Vec::new(), note: Some(note) }));
        }
    };
    let held = shared.db.held(What::Camera, &person.scope.tenant).await.map_err(|error| unread(&error))?;
    let mut known = Vec::new();
    for version in &held {
        let camera: Camera = version.parse().map_err(|error| unread(&error))?;
        known.extend(Url::parse(&camera.url).ok().and_then(|url| url.host_str().map(str::to_owned)));
    }
    let mut items: Vec<FoundDevice> = found
        .into_iter()
        .map(|device| FoundDevice {
            known: known.iter().any(|host| *host == device.address.to_string()),
            address: device.address.to_string(),
            xaddr: device.service.to_string(),
            name: device.name,
            hardware: device.hardware,
        })
        .collect();
    items.sort_by(|a, b| a.address.cmp(&b.address).then_with(|| a.xaddr.cmp(&b.xaddr)));
    let note = items.is_empty().then(|| {
        "no device answered. Cameras in another network segment do not hear the question, and some have discovery \
         switched off: type the camera's address"
            .to_owned()
    });
    Ok(Json(Discovery { items, note }))
}
