//! The ledger of accepted POS records, behind the port [`PosLedger`].
//!
//! Identities and positions are committed in one transaction that first checks the fence of every partition: a worker
//! that was replaced commits nothing.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::Row;
use tillsight_schemas::port::{Accepted, Claim, Fenced, Partition, PortError, PosLedger};
use uuid::Uuid;

use super::{Db, failed};

const RAISE_FENCE: &str = "INSERT INTO partition_claim (topic, number, fence, next_offset) VALUES ($1, $2, 1, NULL) \
                           ON CONFLICT (topic, number) DO UPDATE SET fence = partition_claim.fence + 1 \
                           RETURNING fence, next_offset";
const KNOWN: &str = "SELECT revision, payload_sha256 FROM pos_identity WHERE event_id = $1";
const ADVANCE: &str = "UPDATE partition_claim SET next_offset = $4 WHERE topic = $1 AND number = $2 AND fence = $3";
const REMEMBER: &str = "INSERT INTO pos_identity (event_id, revision, payload_sha256) VALUES ($1, $2, $3) \
                        ON CONFLICT (event_id, revision) DO NOTHING";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[RAISE_FENCE, KNOWN, ADVANCE, REMEMBER];

#[async_trait]
impl PosLedger for Db {
    async fn claim(&self, partition: &Partition) -> Result<Claim, PortError> {
        let row = sqlx::query(RAISE_FENCE)
            .bind(&partition.topic)
            .bind(i64::from(partition.number))
            .fetch_one(&self.pool)
            .await
            .map_err(failed("claim a partition"))?;
        Ok(Claim { fence: row.try_get(0)?, next_offset: row.try_get(1)? })
    }

    async fn known(&self, ids: &[Uuid]) -> Result<BTreeMap<(Uuid, i32), String>, PortError> {
        let mut known = BTreeMap::new();
        let mut connection = self.pool.acquire().await.map_err(failed("look up identities"))?;
        for id in ids {
            let rows = sqlx::query(KNOWN)
                .bind(id.to_string())
                .fetch_all(&mut *connection)
                .await
                .map_err(failed("look up identities"))?;
            for row in rows {
                let revision = i32::try_from(row.try_get::<i64, _>(0)?)?;
                known.insert((*id, revision), row.try_get(1)?);
            }
        }
        Ok(known)
    }

    async fn commit(&self, accepted: &[Accepted], next: &[(Partition, Claim)]) -> Result<(), PortError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        for (partition, claim) in next {
            let advanced = sqlx::query(ADVANCE)
                .bind(&partition.topic)
                .bind(i64::from(partition.number))
                .bind(claim.fence)
                .bind(claim.next_offset)
                .execute(&mut *transaction)
                .await
                .map_err(failed("advance a partition"))?;
            if advanced.rows_affected() == 0 {
                return Err(Fenced(partition.clone()).into());
            }
        }
        for record in accepted {
            sqlx::query(REMEMBER)
                .bind(record.event_id.to_string())
                .bind(i64::from(record.revision))
                .bind(&record.payload_sha256)
                .execute(&mut *transaction)
                .await
                .map_err(failed("remember an identity"))?;
        }
        transaction.commit().await.map_err(failed("commit accepted records"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsight_schemas::SystemClock;

    use super::*;

    #[tokio::test]
    async fn a_worker_that_was_replaced_commits_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::in_dir(dir.path(), Arc::new(SystemClock)).await.unwrap();
        let partition = Partition::new("lp.pos.in.kiosk", 0);
        let id = Uuid::from_u128(7);
        let accepted = [Accepted { event_id: id, revision: 0, payload_sha256: "aa".into() }];

        let zombie = db.claim(&partition).await.unwrap();
        assert_eq!(zombie.next_offset, None);
        let worker = db.claim(&partition).await.unwrap();
        assert!(worker.fence > zombie.fence);

        let late = [(partition.clone(), Claim { next_offset: Some(5), ..zombie })];
        assert!(db.commit(&accepted, &late).await.unwrap_err().is::<Fenced>());
        assert!(db.known(&[id]).await.unwrap().is_empty());

        let next = [(partition.clone(), Claim { next_offset: Some(3), ..worker })];
        db.commit(&accepted, &next).await.unwrap();
        assert_eq!(db.known(&[id]).await.unwrap()[&(id, 0)], "aa");
        assert_eq!(db.claim(&partition).await.unwrap().next_offset, Some(3));
    }
}
