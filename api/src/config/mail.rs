//! `[mail]` and `[[report.recipient]]`: how mail leaves, and who gets which store's report.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use lettre::Address;
use lettre::message::Mailbox;
use serde::Deserialize;
use tillsight_schemas::codes;
use tillsight_schemas::id::{OperatorId, StoreId, TenantId};
use tillsight_schemas::store::Store;

use super::Config;

/// `[mail]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The mail server.
    pub host: String,
    /// Its port; 587, 465 or 25 by `tls` when absent.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: MailTls,
    /// Who signs in; nobody when absent.
    #[serde(default)]
    pub username: Option<String>,
    /// The file of the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The sender, e.g. `Tillsight <reports@example.com>`.
    pub from: String,
    /// Whether mail may leave this machine unprotected (`tls = "none"` to a host that is not this one).
    #[serde(default)]
    pub allow_plain: bool,
}

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Plain first, then protected; refused when the server does not offer it.
    #[default]
    StartTls,
    /// Protected from the first byte.
    Tls,
    /// Not at all.
    None,
}

/// `[report]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reports {
    /// Who gets reports.
    #[serde(rename = "recipient")]
    pub recipients: Vec<Recipient>,
}

codes! {
    /// What a recipient is to the store.
    pub enum RecipientRole {
        /// Runs it.
        Manager = "manager",
        /// Looks after losses: gets also what concerns managers.
        LossPrevention = "loss_prevention",
    }
}

/// `[[report.recipient]]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// The address.
    pub email: String,
    /// The retailer.
    pub tenant: TenantId,
    /// The stores; all of the retailer when empty.
    #[serde(default)]
    pub stores: Vec<StoreId>,
    /// What they are to the stores.
    pub role: RecipientRole,
    /// The operator ids under which they work or approve at tills: what concerns these goes to loss prevention only.
    #[serde(default)]
    pub operators: Vec<OperatorId>,
    /// The name they sign in to the pages with, if they do.
    #[serde(default)]
    pub user: Option<String>,
    /// Whether pictures travel with the mail.
    #[serde(default = "yes")]
    pub pictures: bool,
}

fn yes() -> bool {
    true
}

impl Mail {
    /// The port.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::StartTls => 587,
            MailTls::Tls => 465,
            MailTls::None => 25,
        })
    }

    /// Whether the server is on this machine.
    fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl Recipient {
    /// Whether they get the report of a store.
    pub fn gets(&self, store: &Store) -> bool {
        self.tenant == store.tenant && (self.stores.is_empty() || self.stores.contains(&store.id))
    }
}

impl Config {
    pub(super) fn mail_problems(&self, problems: &mut Vec<String>) {
        if let Some(mail) = &self.mail {
            if mail.host.trim().is_empty() {
                problems.push("mail.host is empty: name the mail server".to_owned());
            }
            if mail.from.parse::<Mailbox>().is_err() {
                problems
                    .push(format!("mail.from = {:?} is no address: e.g. Tillsight <reports@example.com>", mail.from));
            }
            if mail.username.is_some() != mail.password_file.is_some() {
                problems.push("mail.username and mail.password_file belong together".to_owned());
            }
            if mail.tls == MailTls::None && !mail.is_here() && !mail.allow_plain {
                problems.push(format!(
                    "mail.tls is \"none\" and {} is another machine: everybody between could read the reports; use \
                     \"starttls\" or \"tls\", or say mail.allow_plain = true",
                    mail.host
                ));
            }
        }
        let recipients = &self.report.recipients;
        if self.mail.is_none() && !recipients.is_empty() {
            problems.push("there are report recipients and no [mail] that says how to reach them".to_owned());
        }
        let mut seen = BTreeSet::new();
        for recipient in recipients {
            let name = format!("report recipient {}", recipient.email);
            if recipient.email.parse::<Address>().is_err() {
                problems.push(format!("{name}: that is no e-mail address"));
            }
            if !seen.insert((&recipient.tenant, &recipient.email)) {
                problems.push(format!("{name} is there twice: name all stores in one entry"));
            }
            for id in &recipient.stores {
                if !self.stores.iter().any(|store| store.tenant == recipient.tenant && store.id == *id) {
                    problems.push(format!("{name}: store {id} is not set up"));
                }
            }
            // What nobody may see is never looked at.
            for store in self.stores.iter().filter(|store| recipient.gets(store)) {
                let others = |other: &&Recipient| {
                    other.role == RecipientRole::LossPrevention
                        && other.gets(store)
                        && !other.operators.iter().any(|id| recipient.operators.contains(id))
                };
                if !recipient.operators.is_empty() && !recipients.iter().any(|other| others(&other)) {
                    problems.push(format!(
                        "{name} works at the tills of store {}, and what concerns them would reach nobody: add a recipient \
                         with role = \"loss_prevention\" for it",
                        store.id
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(more: &str) -> Vec<String> {
        let store = "[[store]]\ntenant = \"acme\"\nid = \"17\"\nname = \"Kiosk\"\ntz = \"UTC\"\ncurrency = \"USD\"\n";
        toml::from_str::<Config>(&format!("{store}{more}")).unwrap().problems()
    }

    const MARIA: &str = "[[report.recipient]]\nemail = \"maria@example.com\"\ntenant = \"acme\"\nstores = [\"17\"]\n\
                         role = \"manager\"\noperators = [\"1042\"]\n";

    #[test]
    fn mail_does_not_leave_the_machine_unprotected_unless_it_is_said() {
        let mail = |more: &str| problems(&format!("[mail]\nfrom = \"reports@example.com\"\n{more}"));
        assert!(mail("host = \"mail.example.com\"").is_empty());
        assert!(mail("host = \"127.0.0.1\"\ntls = \"none\"").is_empty());
        assert!(mail("host = \"192.0.2.1\"\ntls = \"none\"")[0].contains("allow_plain"));
        assert!(mail("host = \"192.0.2.1\"\ntls = \"none\"\nallow_plain = true").is_empty());
        assert!(mail("host = \"192.0.2.1\"\nusername = \"x\"")[0].contains("password_file"));
    }

    #[test]
    fn what_concerns_a_manager_must_reach_somebody() {
        let mail = "[mail]\nhost = \"127.0.0.1\"\nfrom = \"reports@example.com\"\n";
        assert!(problems(MARIA).iter().any(|problem| problem.contains("[mail]")));
        assert!(problems(&format!("{mail}{MARIA}"))[0].contains("loss_prevention"));
        let lena =
            "[[report.recipient]]\nemail = \"lena@example.com\"\ntenant = \"acme\"\nrole = \"loss_prevention\"\n";
        assert!(problems(&format!("{mail}{MARIA}{lena}")).is_empty());
        assert_eq!(problems(&format!("{mail}{MARIA}{MARIA}{lena}")).len(), 1);
    }
}
