//! [`Reader`]: who reads a report, as far as it changes what stands in it.
//!
//! Alerts in which a manager who gets the store's report is operator or approver go to loss prevention only. For
//! everybody else they do not exist: they are taken out before anything is counted, so no sum, chart or sentence tells
//! that there are any. Loss prevention does not read about itself either; another of its people does.

use tillsight_schemas::id::OperatorId;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::store::Store;

use crate::config::{Recipient, RecipientRole};
use crate::db::{AlertRow, Role};

/// Who reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reader {
    /// Whose alerts and judgements are left out, in order.
    pub(crate) without: Vec<OperatorId>,
    /// Whether they see pictures.
    pub(crate) pictures: bool,
}

impl Reader {
    /// Somebody at the machine itself, who sees everything.
    pub(crate) fn everything(pictures: bool) -> Self {
        Self { without: Vec::new(), pictures }
    }

    /// A recipient of the store's report.
    pub(crate) fn recipient(all: &[Recipient], store: &Store, of: &Recipient) -> Self {
        let mut without = of.operators.clone();
        if of.role != RecipientRole::LossPrevention {
            without.extend(managers(all, store));
        }
        without.sort();
        without.dedup();
        Self { without, pictures: of.pictures }
    }

    /// A person who looks at the page of the report: as the recipient that they are, else by their role.
    pub(crate) fn person(all: &[Recipient], store: &Store, name: &str, role: Role, pictures: bool) -> Self {
        let same = all.iter().find(|one| one.gets(store) && one.user.as_deref() == Some(name));
        let mut without = match same {
            Some(recipient) => Self::recipient(all, store, recipient).without,
            None if role == Role::Manager => managers(all, store).collect(),
            None => Vec::new(),
        };
        without.sort();
        without.dedup();
        Self { without, pictures }
    }

    /// Whether an alert, with its transactions, concerns somebody who is left out.
    pub(crate) fn misses(&self, row: &AlertRow, events: &[PostedTransaction]) -> bool {
        let out = |id: &Option<OperatorId>| id.as_ref().is_some_and(|id| self.without.contains(id));
        out(&row.alert.operator_id)
            || events.iter().map(|posted| &posted.transaction).any(|transaction| {
                let approved = transaction.lines.iter().filter_map(|line| line.price_override.as_ref());
                out(&transaction.operator_id)
                    || out(&transaction.supervisor_id)
                    || approved.into_iter().any(|price| out(&price.approver_id))
            })
    }
}

fn managers<'a>(all: &'a [Recipient], store: &'a Store) -> impl Iterator<Item = OperatorId> + 'a {
    let managers = all.iter().filter(move |one| one.role != RecipientRole::LossPrevention && one.gets(store));
    managers.flat_map(|one| one.operators.iter().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_do_not_read_about_managers_and_loss_prevention_not_about_itself() {
        let store: Store = serde_json::from_value(serde_json::json!({
            "tenant": "acme", "id": "17", "name": "Kiosk", "tz": "UTC", "currency": "USD"
        }))
        .unwrap();
        let one = |email: &str, role, operator: &str, user: Option<&str>| Recipient {
            email: email.into(),
            tenant: "acme".parse().unwrap(),
            stores: Vec::new(),
            role,
            operators: vec![operator.parse().unwrap()],
            user: user.map(str::to_owned),
            pictures: true,
        };
        let all = [
            one("maria@example.com", RecipientRole::Manager, "1", Some("maria")),
            one("otto@example.com", RecipientRole::Manager, "2", None),
            one("lena@example.com", RecipientRole::LossPrevention, "3", Some("lena")),
        ];
        let ids = |reader: Reader| reader.without.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(ids(Reader::recipient(&all, &store, &all[0])), ["1", "2"]);
        assert_eq!(ids(Reader::recipient(&all, &store, &all[2])), ["3"]);
        assert_eq!(ids(Reader::person(&all, &store, "maria", Role::Manager, true)), ["1", "2"]);
        assert_eq!(ids(Reader::person(&all, &store, "nobody's", Role::Manager, true)), ["1", "2"]);
        assert_eq!(ids(Reader::person(&all, &store, "lena", Role::Analyst, true)), ["3"]);
        assert!(ids(Reader::person(&all, &store, "anna", Role::Admin, true)).is_empty());
    }
}
