//! What is put into cases and taken out again: alerts, receipts, spans of video, notes, people.
//!
//! With the item its video is held until the item is taken out; the hold travels through the outbox to the recorder,
//! committed with the item.

use chrono::{DateTime, Utc};
use tillsight_schemas::hold::{Hold, HoldOwner};
use tillsight_schemas::id::{CameraId, StoreId, derive};
use tillsight_schemas::port::Outgoing;
use tillsight_schemas::wire::avro;
use tillsight_schemas::{TimeSpan, topic};
use uuid::Uuid;

use super::case::{CaseAct, CaseItem, CasePerson, CaseRole, Content};
use super::cases::{read_items, read_people};
use super::casework::{CaseError, Work};
use super::concerned::{concern_by, concern_case};
use super::epochs::{count, tell};
use super::{Db, DbError, failed};

/// Items, and people, of a case at most.
pub const MOST_ITEMS: usize = 500;

const STORE: &str = "INSERT INTO case_stores (case_id, store) VALUES ($1, $2) ON CONFLICT (case_id, store) DO NOTHING";
const ADD: &str = "INSERT INTO case_items (item_id, case_id, kind, subject, seq, document) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (case_id, kind, subject) DO NOTHING";
const REMOVE: &str = "DELETE FROM case_items WHERE item_id = $1";
const ADD_PERSON: &str = "INSERT INTO case_people (person_id, case_id, role, kind, operator, name, note, added_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const REMOVE_PERSON: &str = "DELETE FROM case_people WHERE person_id = $1";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[STORE, ADD, REMOVE, ADD_PERSON, REMOVE_PERSON];

/// Something that is to be added to a case.
#[derive(Debug, Clone)]
pub struct NewItem {
    /// The shop; none for notes.
    pub store: Option<StoreId>,
    /// What it is.
    pub content: Content,
    /// In a few words, for the history.
    pub label: String,
    /// The video that is kept for it.
    pub spans: Vec<(CameraId, TimeSpan)>,
}

/// What a person of a case is called in its history.
fn described(person: &CasePerson) -> String {
    let kind = person.kind.as_str();
    let mut text = format!("{}: {kind}", person.role);
    text.extend(person.operator.iter().map(|id| format!(" {id}")));
    text.extend(person.name.iter().map(|name| format!(" {name}")));
    text.extend(person.note.iter().map(|note| format!(" ({note})")));
    text
}

impl Work<'_> {
    /// Adds an item, and holds its video.
    pub(super) async fn add(&mut self, new: &NewItem, now: DateTime<Utc>) -> Result<(), CaseError> {
        let id = Uuid::new_v4();
        let holds = match &new.store {
            Some(store) => new.spans.iter().map(|(camera, span)| self.hold(id, store, camera, *span, now)).collect(),
            None => Vec::new(),
        };
        let item = CaseItem {
            id,
            store: new.store.clone(),
            content: new.content.clone(),
            holds,
            label: new.label.clone(),
            added_by: self.by.to_owned(),
            added_at: now,
        };
        let document = serde_json::to_string(&item).map_err(|_| DbError::Damaged("item of a case"))?;
        let seq = count(self.connection, "case item").await?;
        let added = sqlx::query(ADD)
            .bind(id.to_string())
            .bind(self.case.id.to_string())
            .bind(item.content.kind().as_str())
            .bind(item.content.subject().map(|subject| subject.to_string()))
            .bind(seq)
            .bind(document)
            .execute(&mut *self.connection)
            .await
            .map_err(failed("add to a case"))?;
        if added.rows_affected() == 0 {
            return Err(CaseError::Twice(new.label.clone()));
        }
        if let Some(store) = &item.store {
            sqlx::query(STORE)
                .bind(self.case.id.to_string())
                .bind(store.as_str())
                .execute(&mut *self.connection)
                .await
                .map_err(failed("add to a case"))?;
        }
        concern_by(self.connection, &self.case.id.to_string(), &item.content).await?;
        self.enter(CaseAct::Added, &new.label).await?;
        self.tell(&item.holds).await?;
        Ok(())
    }

    fn hold(&self, item: Uuid, store: &StoreId, camera: &CameraId, span: TimeSpan, now: DateTime<Utc>) -> Hold {
        let (id, start) = (item.to_string(), span.start().timestamp_micros().to_string());
        Hold {
            hold_id: derive("hold", [Some(id.as_str()), Some(camera.as_str()), Some(start.as_str())]),
            tenant: self.case.tenant.clone(),
            store: store.clone(),
            camera: Some(camera.clone()),
            owner: HoldOwner::Case,
            owner_id: format!("case:{}", self.case.number),
            reason: self.case.title.clone(),
            start_at: span.start(),
            end_at: span.end(),
            placed_at: now,
            expires_at: None,
            released_at: None,
        }
    }

    async fn tell(&mut self, holds: &[Hold]) -> Result<(), DbError> {
        let values = avro::encode(holds).map_err(|_| DbError::Damaged("hold"))?;
        for (hold, value) in holds.iter().zip(values) {
            let record = Outgoing { topic: topic::HOLD.to_owned(), key: hold.hold_id.to_string(), value };
            tell(self.connection, &record).await?;
        }
        Ok(())
    }
}

impl Db {
    /// Adds something to a case.
    ///
    /// # Errors
    /// [`CaseError`].
    pub async fn add_to_case(&self, id: Uuid, item: &NewItem, by: &str) -> Result<(), CaseError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let mut work = self.touch(&mut transaction, id, by).await?;
        if read_items(work.connection, id).await?.len() >= MOST_ITEMS {
            return Err(CaseError::Full);
        }
        work.add(item, self.clock.now()).await?;
        transaction.commit().await.map_err(failed("commit a case"))?;
        Ok(())
    }

    /// Takes something out of a case, and lets its video go. The history keeps what it was.
    ///
    /// # Errors
    /// [`CaseError`].
    pub async fn remove_from_case(&self, id: Uuid, item: Uuid, by: &str) -> Result<(), CaseError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let mut work = self.touch(&mut transaction, id, by).await?;
        let items = read_items(work.connection, id).await?;
        let item = items
            .into_iter()
            .find(|held| held.id == item)
            .ok_or_else(|| CaseError::Missing(format!("item {item} in the case")))?;
        sqlx::query(REMOVE)
            .bind(item.id.to_string())
            .execute(&mut *work.connection)
            .await
            .map_err(failed("take out of a case"))?;
        let detail = match &item.content {
            Content::Note(text) => format!("note of {}: {text}", item.added_by),
            _ => item.label.clone(),
        };
        work.enter(CaseAct::Removed, &detail).await?;
        let now = self.clock.now();
        let released: Vec<Hold> = item.holds.into_iter().map(|hold| Hold { released_at: Some(now), ..hold }).collect();
        work.tell(&released).await?;
        transaction.commit().await.map_err(failed("commit a case"))?;
        Ok(())
    }

    /// Adds a person to a case.
    ///
    /// # Errors
    /// [`CaseError`].
    pub async fn add_case_person(&self, id: Uuid, person: &CasePerson, by: &str) -> Result<(), CaseError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let mut work = self.touch(&mut transaction, id, by).await?;
        if read_people(work.connection, id).await?.len() >= MOST_ITEMS {
            return Err(CaseError::Full);
        }
        sqlx::query(ADD_PERSON)
            .bind(person.id.to_string())
            .bind(id.to_string())
            .bind(person.role.as_str())
            .bind(person.kind.as_str())
            .bind(person.operator.as_ref().map(|operator| operator.as_str()))
            .bind(&person.name)
            .bind(&person.note)
            .bind(work.now)
            .execute(&mut *work.connection)
            .await
            .map_err(failed("add a person to a case"))?;
        if person.role == CaseRole::Subject {
            concern_case(work.connection, &id.to_string(), &person.operator).await?;
        }
        work.enter(CaseAct::PersonAdded, &described(person)).await?;
        transaction.commit().await.map_err(failed("commit a case"))?;
        Ok(())
    }

    /// Takes a person out of a case. The history keeps what was said about them.
    ///
    /// # Errors
    /// [`CaseError`].
    pub async fn remove_case_person(&self, id: Uuid, person: Uuid, by: &str) -> Result<(), CaseError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let mut work = self.touch(&mut transaction, id, by).await?;
        let people = read_people(work.connection, id).await?;
        let found = people
            .into_iter()
            .find(|known| known.id == person)
            .ok_or_else(|| CaseError::Missing(format!("person {person} in the case")))?;
        sqlx::query(REMOVE_PERSON)
            .bind(person.to_string())
            .execute(&mut *work.connection)
            .await
            .map_err(failed("take a person out of a case"))?;
        work.enter(CaseAct::PersonRemoved, &described(&found)).await?;
        transaction.commit().await.map_err(failed("commit a case"))?;
        Ok(())
    }
}
