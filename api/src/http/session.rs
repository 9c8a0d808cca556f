//! `POST`, `GET`, `DELETE /api/v1/session`: sign in, who am I, sign out.
//!
//! A wrong name costs the same time as a wrong password: it is verified against a decoy. Hashing is work for a core and
//! 19 MiB, so few are hashed at once; the others wait.

use std::sync::OnceLock;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cookie::{Cookie, SameSite};
use serde::Deserialize;

use super::Shared;
use super::auth::{COOKIE, Caller, from_our_page, session_secret, unauthorised};
use super::extract::Body;
use super::problem::Problem;
use super::views::Me;
use crate::db::{User, hash_password, password_fits, random_secret};

/// Who wants to sign in.
#[derive(Deserialize)]
pub(super) struct SignIn {
    name: String,
    password: String,
}

/// Signs a person in.
pub(super) async fn sign_in(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Body(asked): Body<SignIn>,
) -> Result<Response, Problem> {
    from_our_page(&headers)?;
    let unavailable = |error: &crate::db::DbError| Problem::unavailable("signing in does not work", error);
    let name: String = asked.name.chars().take(64).collect();
    if let Some(wait) = shared.throttle.wait(&name, shared.clock.now()) {
        let seconds = wait.num_seconds() + 1;
        let detail = format!("too many wrong passwords for this name: try again in {seconds} s");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many attempts", detail);
        return Ok(([(header::RETRY_AFTER, seconds.to_string())], problem).into_response());
    }
    let user = shared.db.user(&name).await.map_err(|error| unavailable(&error))?;
    let phc = shared.db.password(&name).await.map_err(|error| unavailable(&error))?;
    let fits = fits(&shared, asked.password, phc).await?;
    let Some(user) = user.filter(|_| fits) else {
        shared.throttle.failed(&name, shared.clock.now());
        tracing::warn!(name, "a sign-in was refused");
        return Err(unauthorised("name or password is wrong"));
    };
    shared.throttle.succeeded(&name);
    let secret = shared.db.begin_session(&user.name).await.map_err(|error| unavailable(&error))?;
    Ok(([(header::SET_COOKIE, cookie(&shared, secret).to_string())], Json(me(&user))).into_response())
}

/// Whether a password is the one behind this hash; without a hash one of nobody's is used.
async fn fits(shared: &Shared, password: String, phc: Option<String>) -> Result<bool, Problem> {
    static DECOY: OnceLock<String> = OnceLock::new();
    let closed = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the server is stopping");
    let _turn = shared.hashing.acquire().await.map_err(|_| closed())?;
    let work = move || {
        let decoy = DECOY.get_or_init(|| hash_password(&random_secret()).unwrap_or_default());
        let fits = password_fits(&password, phc.as_ref().unwrap_or(decoy));
        phc.is_some() && fits
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| closed())
}

/// Who is signed in.
pub(super) async fn who_am_i(caller: Caller) -> Result<Json<Me>, Problem> {
    match caller {
        Caller::Person(user, _) => Ok(Json(me(&user))),
        Caller::Program(_) => Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "a program is no person")),
    }
}

/// Signs a person out.
pub(super) async fn sign_out(
    State(shared): State<Shared>,
    _caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(secret) = session_secret(&headers) {
        let ended = shared.db.end_session(&secret).await;
        ended.map_err(|error| Problem::unavailable("the session cannot be ended", &error))?;
    }
    let mut gone = cookie(&shared, String::new());
    gone.make_removal();
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone.to_string())]).into_response())
}

fn me(user: &User) -> Me {
    Me {
        name: user.name.clone(),
        role: user.role.as_str().to_owned(),
        tenant: user.tenant.clone(),
        stores: user.stores.clone(),
    }
}

fn cookie(shared: &Shared, secret: String) -> Cookie<'static> {
    Cookie::build((COOKIE, secret)).path("/").http_only(true).same_site(SameSite::Strict).secure(shared.secure).build()
}
