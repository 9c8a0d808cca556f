//! Passwords of cameras that were typed on a page: in a table of their own, read one by one by those who log in to cameras,
//! and by nothing that lists, logs or answers. They are kept as they are, because a camera wants to hear them; what
//! protects them is that the database file is its owner's alone.

use sqlx::AnyConnection;

use super::{Change, Db, DbError, What, failed};
use crate::config::Camera;

const SET: &str = "INSERT INTO camera_passwords (tenant, store, id, password) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (tenant, store, id) DO UPDATE SET password = excluded.password";
const FORGET: &str = "DELETE FROM camera_passwords WHERE tenant = $1 AND store = $2 AND id = $3";
const READ: &str = "SELECT password FROM camera_passwords WHERE tenant = $1 AND store = $2 AND id = $3";

/// For [`crate::db::statements`].
pub(in crate::db) const STATEMENTS: &[&str] = &[SET, FORGET, READ];

/// What becomes of a camera's password.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// It stays as it is.
    Keep,
    /// It is this one from now on.
    Set(String),
    /// There is none any more.
    Forget,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Set(_) => "Set(…)",
            Self::Forget => "Forget",
        })
    }
}

/// A camera's password; it does not show itself.
#[derive(Clone, PartialEq, Eq)]
pub struct CameraPassword(pub String);

impl std::fmt::Debug for CameraPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CameraPassword(…)")
    }
}

/// Does to the password what a change says; a camera that is removed leaves none behind.
pub(super) async fn put(connection: &mut AnyConnection, change: &Change) -> Result<(), DbError> {
    if change.key.what != What::Camera {
        return Ok(());
    }
    let password = match (&change.document, &change.password) {
        (Some(_), Password::Keep) => return Ok(()),
        (Some(_), Password::Set(password)) => Some(password),
        _ => None,
    };
    let statement = sqlx::query(if password.is_some() { SET } else { FORGET })
        .bind(change.key.tenant.as_str())
        .bind(&change.key.store)
        .bind(&change.key.id);
    let statement = match password {
        Some(password) => statement.bind(password),
        None => statement,
    };
    statement.execute(connection).await.map_err(failed("keep a camera's password"))?;
    Ok(())
}

impl Db {
    /// The password that was typed for a camera on a page, if one was.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn camera_password(&self, camera: &Camera) -> Result<Option<CameraPassword>, DbError> {
        let found: Option<String> = sqlx::query_scalar(READ)
            .bind(camera.tenant.as_str())
            .bind(camera.store.as_str())
            .bind(camera.id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read a camera's password"))?;
        Ok(found.map(CameraPassword))
    }
}
