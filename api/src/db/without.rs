//! [`Without`]: whose alerts somebody does not see, and how that follows from who reads here ([`Insiders`]).
//!
//! Somebody who works or approves at tills does not read what they took part in: it goes to others of loss prevention.
//! What concerns a manager of a store goes to loss prevention only, so no manager of the store sees it. The daily report,
//! the pages and SQL ask here, and nowhere else; who an alert is about is decided by [`people_of`].

use std::collections::BTreeSet;

use sqlx::Row as _;
use sqlx::any::AnyRow;
use tillsight_schemas::alert::Alert;
use tillsight_schemas::id::{OperatorId, StoreId, TenantId};
use tillsight_schemas::pos::PostedTransaction;

use super::{Db, DbError, Role, User, failed};
use crate::config::{Recipient, RecipientRole};

const INSIDERS: &str = "SELECT name, '', role, stores, operator_id FROM users \
                        WHERE tenant = $1 AND operator_id IS NOT NULL AND disabled_at IS NULL \
                        UNION ALL SELECT person, recipient, role, stores, operator FROM report_operators WHERE tenant = $1";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[INSIDERS];

/// Operators whose alerts somebody does not see: everywhere, or in one store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Without(BTreeSet<(Option<StoreId>, OperatorId)>);

/// The operators and approvers of a transaction.
pub fn people_of_transaction(posted: &PostedTransaction) -> BTreeSet<OperatorId> {
    let till = &posted.transaction;
    let approved = till.lines.iter().filter_map(|line| line.price_override.as_ref()?.approver_id.clone());
    till.operator_id.iter().chain(&till.supervisor_id).cloned().chain(approved).collect()
}

/// The operators and approvers of an alert with its transactions.
pub fn people_of(alert: &Alert, events: &[PostedTransaction]) -> BTreeSet<OperatorId> {
    alert.operator_id.iter().cloned().chain(events.iter().flat_map(people_of_transaction)).collect()
}

impl Without {
    /// Whether nobody is left out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether somebody of these people of a store is left out.
    pub fn leaves_out<'a>(&self, store: &StoreId, people: impl IntoIterator<Item = &'a OperatorId>) -> bool {
        let out = |operator: &OperatorId| {
            self.0.iter().any(|(at, who)| who == operator && at.as_ref().is_none_or(|at| at == store))
        };
        people.into_iter().any(out)
    }

    /// Those who are left out in a store, in order.
    pub fn at(&self, store: &StoreId) -> Vec<OperatorId> {
        let of_store = self.0.iter().filter(|(at, _)| at.as_ref().is_none_or(|at| at == store));
        let operators: BTreeSet<&OperatorId> = of_store.map(|(_, operator)| operator).collect();
        operators.into_iter().cloned().collect()
    }

    /// Whether somebody of these people is left out anywhere.
    pub fn anywhere<'a>(&self, people: impl IntoIterator<Item = &'a OperatorId>) -> bool {
        people.into_iter().any(|operator| self.0.iter().any(|(_, who)| who == operator))
    }

    /// Each as `store/operator`, without the store where it is everywhere.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(at, who)| format!("{}/{who}", at.as_ref().map_or("", StoreId::as_str)))
    }

    /// The same as the statements compare it: `;/1042;17/1050;`; empty for nobody.
    pub(super) fn listed(&self) -> String {
        match self.0.len() {
            0 => String::new(),
            _ => format!(";{};", self.names().collect::<Vec<_>>().join(";")),
        }
    }

    /// The operators as statements about cases compare them: `;1042;1050;`; empty for nobody.
    pub(super) fn operators(&self) -> String {
        let operators: BTreeSet<&str> = self.0.iter().map(|(_, operator)| operator.as_str()).collect();
        match operators.len() {
            0 => String::new(),
            _ => format!(";{};", operators.into_iter().collect::<Vec<_>>().join(";")),
        }
    }
}

/// A condition: what has the id `$id`, in the store `$store`, concerns nobody of the parameter `$list` ([`Without::listed`]).
macro_rules! concerns_nobody {
    ($id:literal, $store:literal, $list:literal) => {
        concat!(
            "(",
            $list,
            " = '' OR NOT EXISTS (SELECT 1 FROM concerned w WHERE w.id = ",
            $id,
            " AND (replace(",
            $list,
            ", ';/' || w.operator || ';', '') <> ",
            $list,
            " OR replace(",
            $list,
            ", ';' || ",
            $store,
            " || '/' || w.operator || ';', '') <> ",
            $list,
            ")))"
        )
    };
}
pub(super) use concerns_nobody;

/// Somebody who reads here: with an account, or a report by mail.
#[derive(Debug, Clone)]
struct Insider {
    /// The log-in name; empty where there is none.
    person: String,
    /// The address of reports; empty for an account.
    recipient: String,
    /// Whether they run their stores.
    manager: bool,
    /// Their stores; all when empty.
    stores: Vec<StoreId>,
    /// Who they are at the tills; nobody when they do not work there.
    operator: Option<OperatorId>,
}

/// Those of a retailer who read here and may work at its tills.
#[derive(Debug, Clone, Default)]
pub struct Insiders(Vec<Insider>);

/// The stores that both have; `None` stands for all.
fn shared(one: &[StoreId], other: &[StoreId]) -> Vec<Option<StoreId>> {
    match (one, other) {
        ([], []) => vec![None],
        ([], some) | (some, []) => some.iter().cloned().map(Some).collect(),
        (one, other) => one.iter().filter(|store| other.contains(store)).cloned().map(Some).collect(),
    }
}

impl Insiders {
    /// Whose alerts a person does not see.
    pub fn person(&self, user: &User) -> Without {
        let own = |insider: &&Insider| insider.person == user.name;
        let runs = self.0.iter().filter(own).filter(|own| own.manager).map(|own| own.stores.as_slice());
        let account = (user.role == Role::Manager).then_some(user.stores.as_slice());
        self.without(own, runs.chain(account))
    }

    /// Whose alerts the report to a recipient leaves out.
    pub fn recipient(&self, of: &Recipient) -> Without {
        let person = of.user.as_deref().unwrap_or_default();
        let own =
            |insider: &&Insider| insider.recipient == of.email || (!person.is_empty() && insider.person == person);
        let runs = (of.role == RecipientRole::Manager).then_some(of.stores.as_slice());
        self.without(own, runs.into_iter())
    }

    fn without<'a>(&'a self, own: impl Fn(&&Insider) -> bool, runs: impl Iterator<Item = &'a [StoreId]>) -> Without {
        let mut without = BTreeSet::new();
        without.extend(self.0.iter().filter(own).filter_map(|own| Some((None, own.operator.clone()?))));
        for stores in runs {
            for manager in self.0.iter().filter(|insider| insider.manager) {
                let Some(operator) = &manager.operator else { continue };
                let common = shared(stores, &manager.stores).into_iter();
                without.extend(common.map(|store| (store, operator.clone())));
            }
        }
        Without(without)
    }
}

impl Db {
    /// Those who read here.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn insiders(&self, tenant: &TenantId) -> Result<Insiders, DbError> {
        let rows = sqlx::query(INSIDERS).bind(tenant.as_str()).fetch_all(&self.pool).await;
        let rows = rows.map_err(failed("list who works at tills"))?;
        rows.iter().map(read).collect::<Result<_, _>>().map(Insiders)
    }

    /// Whose alerts a person does not see.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn without(&self, user: &User) -> Result<Without, DbError> {
        Ok(self.insiders(&user.tenant).await?.person(user))
    }
}

fn read(row: &AnyRow) -> Result<Insider, DbError> {
    let text = |column: usize| row.try_get::<String, _>(column).map_err(failed("list who works at tills"));
    let damaged = || DbError::Damaged("operators of people");
    let stores = text(3)?;
    let stores = stores.split(',').filter(|store| !store.is_empty()).map(str::parse);
    let operator = text(4)?;
    Ok(Insider {
        person: text(0)?,
        recipient: text(1)?,
        manager: text(2)? == Role::Manager.as_str(),
        stores: stores.collect::<Result<_, _>>().map_err(|_| damaged())?,
        operator: match operator.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| damaged())?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stores(ids: &[&str]) -> Vec<StoreId> {
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    fn insiders() -> Insiders {
        let one = |person: &str, recipient: &str, manager, shops: &[&str], operator: &str| Insider {
            person: person.into(),
            recipient: recipient.into(),
            manager,
            stores: stores(shops),
            operator: operator.parse().ok(),
        };
        Insiders(vec![
            one("maria", "", true, &["17", "18"], "1"),
            one("", "otto@example.com", true, &["18"], "2"),
            one("lena", "lena@example.com", false, &[], "3"),
            one("hanna", "", false, &[], "4"),
            one("", "pia@example.com", true, &["17"], ""),
        ])
    }

    fn user(name: &str, role: Role, shops: &[&str]) -> User {
        User { name: name.into(), tenant: "acme".parse().unwrap(), role, stores: stores(shops) }
    }

    #[test]
    fn managers_do_not_see_what_concerns_managers_of_their_stores_and_nobody_sees_what_concerns_themselves() {
        let seen = |user: User| insiders().person(&user).listed();
        assert_eq!(seen(user("maria", Role::Manager, &["17", "18"])), ";/1;17/1;18/1;18/2;");
        assert_eq!(seen(user("paul", Role::Manager, &["17"])), ";17/1;");
        assert_eq!(seen(user("lena", Role::Analyst, &[])), ";/3;");
        assert_eq!(seen(user("hanna", Role::HeadOffice, &[])), ";/4;");
        assert_eq!(seen(user("anna", Role::Admin, &[])), "");
        let maria = insiders().person(&user("maria", Role::Manager, &["17", "18"]));
        let ids = |store: &str| maria.at(&store.parse().unwrap()).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            (ids("17"), ids("18"), ids("19")),
            (vec!["1".into()], vec!["1".into(), "2".into()], vec!["1".into()])
        );
        let two = ["2".parse().unwrap()];
        assert!(maria.leaves_out(&"18".parse().unwrap(), &two) && !maria.leaves_out(&"17".parse().unwrap(), &two));
        assert_eq!(maria.operators(), ";1;2;");
    }

    #[test]
    fn a_report_leaves_out_what_its_recipient_would_not_see() {
        let recipient = |email: &str, role, shops: &[&str], user: Option<&str>| Recipient {
            email: email.into(),
            tenant: "acme".parse().unwrap(),
            stores: stores(shops),
            role,
            operators: Vec::new(),
            user: user.map(str::to_owned),
            pictures: true,
        };
        let seen = |of: Recipient| insiders().recipient(&of).listed();
        assert_eq!(seen(recipient("pia@example.com", RecipientRole::Manager, &["17"], None)), ";17/1;");
        assert_eq!(seen(recipient("new@example.com", RecipientRole::Manager, &[], None)), ";17/1;18/1;18/2;");
        assert_eq!(seen(recipient("lena@example.com", RecipientRole::LossPrevention, &[], None)), ";/3;");
        assert_eq!(seen(recipient("h@example.com", RecipientRole::LossPrevention, &[], Some("hanna"))), ";/4;");
    }
}
