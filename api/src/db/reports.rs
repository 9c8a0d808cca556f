//! Reports that leave by mail: which are due, who works on one, what became of each.
//!
//! A mail has one row from the moment it is due, under the key store, business day, recipient and revision. Whoever sends it
//! holds the row for a while ([`LEASE`]) under a claim of their own; when they are gone, another takes it. Once its state is
//! not `waiting` any more nobody sends it again.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::Row;
use sqlx::any::AnyRow;
use tillsight_schemas::codes;
use tillsight_schemas::id::{StoreId, TenantId};
use uuid::Uuid;

use super::{Db, DbError, failed};

/// How long a mail is held by who sends it: longer than making and sending one takes.
const LEASE: TimeDelta = TimeDelta::minutes(5);

codes! {
    /// What became of a mail.
    pub enum MailState {
        /// It is to be sent.
        Waiting = "waiting",
        /// The mail server took it.
        Sent = "sent",
        /// The mail server does not take it, and said so for good.
        Refused = "refused",
        /// It was tried for days in vain, or its recipient is not set up any more.
        GivenUp = "given_up",
    }
}

/// Which mail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailKey {
    /// The retailer.
    pub tenant: TenantId,
    /// The shop.
    pub store: StoreId,
    /// The day.
    pub day: NaiveDate,
    /// To whom.
    pub recipient: String,
    /// 0, and one more for each time that late data changed the report.
    pub revision: i64,
}

/// A mail of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportMail {
    /// Which.
    pub key: MailKey,
    /// When the report was due.
    pub due_at: DateTime<Utc>,
    /// What became of it.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: i64,
    /// What a revision names, as a JSON list of sentences.
    pub changes: String,
    /// What is held against late data.
    pub content: Option<String>,
    /// When it was sent or given up.
    pub ended_at: Option<DateTime<Utc>>,
    /// The last words of the mail server.
    pub said: Option<String>,
}

impl MailKey {
    /// The key as one text: the name of the row, and what the id of the message is made of.
    pub fn id(&self) -> String {
        format!("{}/{}/{}/{}/{}", self.tenant, self.store, self.day, self.revision, self.recipient)
    }
}

const SINCE: &str = "INSERT INTO report_recipients (tenant, store, recipient, since) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (tenant, store, recipient) DO UPDATE SET since = report_recipients.since RETURNING since";
const PLAN: &str = "INSERT INTO report_mails (mail_id, tenant, store, business_day, recipient, revision, due_at, state, \
                    next_at, attempts, claim, claimed_until, changes) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, 0, '', 0, $9) ON CONFLICT (mail_id) DO NOTHING";
const CLAIM: &str = "UPDATE report_mails SET claim = $1, claimed_until = $2 WHERE claimed_until <= $3 AND mail_id = \
                     (SELECT mail_id FROM report_mails WHERE state = 'waiting' AND next_at <= $3 AND claimed_until <= $3 \
                     ORDER BY due_at, mail_id LIMIT 1) RETURNING tenant, store, business_day, recipient, revision, due_at, \
                     state, attempts, changes, content, ended_at, said";
const CLAIM_ONE: &str = "UPDATE report_mails SET claim = $1, claimed_until = $2 WHERE claimed_until <= $3 AND mail_id = $4 \
                         AND state = 'waiting'";
const HOLD: &str = "UPDATE report_mails SET claimed_until = $3 WHERE mail_id = $1 AND claim = $2 AND state = 'waiting'";
const END: &str = "UPDATE report_mails SET state = $3, attempts = attempts + 1, content = $4, look_at = $5, ended_at = $6, \
                   said = $7, claimed_until = 0 WHERE mail_id = $1 AND claim = $2 AND state = 'waiting'";
const AGAIN: &str = "UPDATE report_mails SET attempts = attempts + 1, next_at = $3, said = $4, claimed_until = 0 \
                     WHERE mail_id = $1 AND claim = $2 AND state = 'waiting'";
const LOOK: &str = "SELECT tenant, store, business_day, recipient, revision, due_at, state, attempts, changes, content, \
                    ended_at, said FROM report_mails WHERE look_at <= $1 ORDER BY look_at, mail_id LIMIT $2";
const LOOKED: &str = "UPDATE report_mails SET look_at = $2 WHERE mail_id = $1";
const WAITING: &str = "SELECT count(*) FROM report_mails WHERE state = 'waiting' AND next_at <= $1";
const OF_DAY: &str = "SELECT tenant, store, business_day, recipient, revision, due_at, state, attempts, changes, content, \
                      ended_at, said FROM report_mails WHERE tenant = $1 AND store = $2 AND business_day = $3 \
                      ORDER BY recipient, revision";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] =
    &[SINCE, PLAN, CLAIM, CLAIM_ONE, HOLD, END, AGAIN, LOOK, LOOKED, WAITING, OF_DAY];

fn mail(row: &AnyRow) -> Result<ReportMail, DbError> {
    let read = || -> Result<ReportMail, Box<dyn std::error::Error + Send + Sync>> {
        let micros = |at: i64| DateTime::from_timestamp_micros(at).ok_or("an instant beyond the calendar");
        let key = MailKey {
            tenant: row.try_get::<String, _>(0)?.parse()?,
            store: row.try_get::<String, _>(1)?.parse()?,
            day: row.try_get::<String, _>(2)?.parse()?,
            recipient: row.try_get(3)?,
            revision: row.try_get(4)?,
        };
        Ok(ReportMail {
            key,
            due_at: micros(row.try_get(5)?)?,
            state: row.try_get::<String, _>(6)?.parse()?,
            attempts: row.try_get(7)?,
            changes: row.try_get(8)?,
            content: row.try_get(9)?,
            ended_at: row.try_get::<Option<i64>, _>(10)?.map(micros).transpose()?,
            said: row.try_get(11)?,
        })
    };
    read().map_err(|_| DbError::Damaged("report mail"))
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The state from now on.
    pub state: MailState,
    /// What is held against late data.
    pub content: Option<String>,
    /// When it is looked at again.
    pub look_at: Option<DateTime<Utc>>,
    /// The last words of the mail server.
    pub said: String,
}

impl Db {
    /// Since when somebody gets the report of a store: since now, when they are new.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn report_since(
        &self,
        tenant: &TenantId,
        store: &StoreId,
        recipient: &str,
    ) -> Result<DateTime<Utc>, DbError> {
        let since: i64 = sqlx::query_scalar(SINCE)
            .bind(tenant.as_str())
            .bind(store.as_str())
            .bind(recipient)
            .bind(self.now_micros())
            .fetch_one(&self.pool)
            .await
            .map_err(failed("note a recipient of reports"))?;
        Ok(DateTime::from_timestamp_micros(since).unwrap_or_default())
    }

    /// Notes that a mail is to be sent, unless that is known.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn plan_mail(&self, key: &MailKey, due_at: DateTime<Utc>, changes: &str) -> Result<(), DbError> {
        sqlx::query(PLAN)
            .bind(key.id())
            .bind(key.tenant.as_str())
            .bind(key.store.as_str())
            .bind(key.day.to_string())
            .bind(&key.recipient)
            .bind(key.revision)
            .bind(due_at.timestamp_micros())
            .bind(self.now_micros())
            .bind(changes)
            .execute(&self.pool)
            .await
            .map_err(failed("plan a report"))?;
        Ok(())
    }

    /// Takes the oldest mail that is to be sent and that nobody holds.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn claim_mail(&self, claim: Uuid) -> Result<Option<ReportMail>, DbError> {
        let now = self.clock.now();
        let row = sqlx::query(CLAIM)
            .bind(claim.to_string())
            .bind((now + LEASE).timestamp_micros())
            .bind(now.timestamp_micros())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("take a report"))?;
        row.as_ref().map(mail).transpose()
    }

    /// Takes this mail, if it is to be sent and nobody holds it.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn claim_this_mail(&self, key: &MailKey, claim: Uuid) -> Result<bool, DbError> {
        let now = self.clock.now();
        let taken = sqlx::query(CLAIM_ONE)
            .bind(claim.to_string())
            .bind((now + LEASE).timestamp_micros())
            .bind(now.timestamp_micros())
            .bind(key.id())
            .execute(&self.pool)
            .await
            .map_err(failed("take a report"))?;
        Ok(taken.rows_affected() == 1)
    }

    /// Holds a mail for longer; `false` when somebody else has it by now.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn hold_mail(&self, key: &MailKey, claim: Uuid) -> Result<bool, DbError> {
        let held = sqlx::query(HOLD)
            .bind(key.id())
            .bind(claim.to_string())
            .bind((self.clock.now() + LEASE).timestamp_micros())
            .execute(&self.pool)
            .await
            .map_err(failed("hold a report"))?;
        Ok(held.rows_affected() == 1)
    }

    /// Notes what became of a mail.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn end_mail(&self, key: &MailKey, claim: Uuid, ended: &Ended) -> Result<(), DbError> {
        sqlx::query(END)
            .bind(key.id())
            .bind(claim.to_string())
            .bind(ended.state.as_str())
            .bind(&ended.content)
            .bind(ended.look_at.map(|at| at.timestamp_micros()))
            .bind(self.now_micros())
            .bind(&ended.said)
            .execute(&self.pool)
            .await
            .map_err(failed("note what became of a report"))?;
        Ok(())
    }

    /// Notes that a mail is to be tried again.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn try_mail_again(
        &self,
        key: &MailKey,
        claim: Uuid,
        next_at: DateTime<Utc>,
        said: &str,
    ) -> Result<(), DbError> {
        sqlx::query(AGAIN)
            .bind(key.id())
            .bind(claim.to_string())
            .bind(next_at.timestamp_micros())
            .bind(said)
            .execute(&self.pool)
            .await
            .map_err(failed("put a report back"))?;
        Ok(())
    }

    /// Mails that were sent and are to be held against late data now.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn mails_to_look_at(&self, limit: u32) -> Result<Vec<ReportMail>, DbError> {
        let rows = sqlx::query(LOOK).bind(self.now_micros()).bind(i64::from(limit)).fetch_all(&self.pool).await;
        rows.map_err(failed("read the reports to look at again"))?.iter().map(mail).collect()
    }

    /// Notes when a mail is looked at the next time; never when none is given.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn looked_at_mail(&self, key: &MailKey, next: Option<DateTime<Utc>>) -> Result<(), DbError> {
        sqlx::query(LOOKED)
            .bind(key.id())
            .bind(next.map(|at| at.timestamp_micros()))
            .execute(&self.pool)
            .await
            .map_err(failed("note a look at a report"))?;
        Ok(())
    }

    /// How many mails are to be sent now.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn waiting_mails(&self) -> Result<i64, DbError> {
        let count = sqlx::query_scalar(WAITING).bind(self.now_micros()).fetch_one(&self.pool).await;
        count.map_err(failed("count the waiting reports"))
    }

    /// The mails of a store's day.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn mails_of_day(
        &self,
        tenant: &TenantId,
        store: &StoreId,
        day: NaiveDate,
    ) -> Result<Vec<ReportMail>, DbError> {
        let rows = sqlx::query(OF_DAY)
            .bind(tenant.as_str())
            .bind(store.as_str())
            .bind(day.to_string())
            .fetch_all(&self.pool)
            .await;
        rows.map_err(failed("list the mails of a report"))?.iter().map(mail).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsight_schemas::ReplayClock;

    use super::*;

    #[tokio::test]
    async fn a_mail_has_one_sender_at_a_time_and_is_sent_once() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T03:30:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock.clone())).await.unwrap();
        let key = MailKey {
            tenant: "acme".parse().unwrap(),
            store: "17".parse().unwrap(),
            day: "2026-11-21".parse().unwrap(),
            recipient: "maria@example.com".to_owned(),
            revision: 0,
        };
        let due = "2026-11-22T03:30:00Z".parse().unwrap();
        for _ in 0..2 {
            db.plan_mail(&key, due, "[]").await.unwrap();
        }
        let [first, second] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        assert_eq!(db.claim_mail(first).await.unwrap().unwrap().key, key);
        assert_eq!(db.claim_mail(second).await.unwrap(), None);
        assert!(!db.claim_this_mail(&key, second).await.unwrap());

        // Its sender is gone: another takes it, and the first, should it come back, is told so.
        clock.advance(LEASE);
        assert!(db.claim_mail(second).await.unwrap().is_some());
        assert!(!db.hold_mail(&key, first).await.unwrap());
        assert!(db.hold_mail(&key, second).await.unwrap());
        db.try_mail_again(&key, second, clock_now(&clock) + TimeDelta::minutes(1), "451 later").await.unwrap();
        assert_eq!(db.claim_mail(first).await.unwrap(), None, "not yet");
        clock.advance(TimeDelta::minutes(1));
        assert_eq!(db.claim_mail(first).await.unwrap().unwrap().attempts, 1);
        let ended =
            Ended { state: MailState::Sent, content: Some("{}".into()), look_at: Some(due), said: "250 ok".into() };
        db.end_mail(&key, first, &ended).await.unwrap();
        clock.advance(TimeDelta::days(1));
        assert_eq!(db.claim_mail(second).await.unwrap(), None);
        let looked = db.mails_to_look_at(10).await.unwrap();
        assert_eq!((looked.len(), looked[0].state, looked[0].attempts), (1, MailState::Sent, 2));
        db.looked_at_mail(&key, None).await.unwrap();
        assert!(db.mails_to_look_at(10).await.unwrap().is_empty());
    }

    fn clock_now(clock: &ReplayClock) -> DateTime<Utc> {
        tillsight_schemas::Clock::now(clock)
    }
}
