//! Whether reports can leave: the mail server lets us in, and every store has somebody who reads.

use std::time::Duration;

use tillsight_schemas::error::chain;
use tillsight_schemas::store::Store;

use super::line::Line;
use crate::config::{Config, Mail};
use crate::report::Mailer;

/// How long the mail server has.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is found of mail and who gets it.
pub(super) async fn mail(config: &Config, stores: &[Store]) -> Vec<Line> {
    let Some(mail) = &config.mail else {
        let said = "no [mail]: daily reports stand on the page Report, and nobody gets one by mail";
        return vec![Line::warn("mail", said, "name the mail server in [mail], if somebody should")];
    };
    let mut lines = vec![server(mail).await];
    let recipients = &config.report.recipients;
    let unread = stores.iter().filter(|store| !recipients.iter().any(|recipient| recipient.gets(store)));
    let unread: Vec<String> = unread.map(|store| store.key().to_string()).collect();
    lines.push(if unread.is_empty() {
        Line::ok("reports", format!("{} recipient(s), every store has one", recipients.len()))
    } else {
        Line::warn("reports", format!("nobody gets those of {}", unread.join(", ")), "add a [[report.recipient]]")
    });
    if config.http.public_url.is_none() {
        let said = format!("in mails they lead to {}, which is this machine only", config.http.address());
        lines.push(Line::warn("links", said, "set http.public_url"));
    }
    lines
}

async fn server(mail: &Mail) -> Line {
    let name = format!("{}:{}", mail.host, mail.port());
    let cure = "look at [mail]: host, port, tls, username and password_file";
    let mailer = match Mailer::new(mail) {
        Ok(mailer) => mailer,
        Err(error) => return Line::bad("mail", chain(&error), cure),
    };
    match tokio::time::timeout(PATIENCE, mailer.answers()).await {
        Ok(Ok(())) => Line::ok(
            "mail",
            match &mail.username {
                Some(user) => format!("{name} lets {user} in; mail comes from {}", mail.from),
                None => format!("{name} answers; mail comes from {}", mail.from),
            },
        ),
        Ok(Err(why)) => Line::bad("mail", format!("{name} does not take mail ({why})"), cure),
        Err(_) => Line::bad("mail", format!("{name} did not answer within {} s", PATIENCE.as_secs()), cure),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::super::line::Mark;
    use super::*;

    /// What is found of a mail server that answers a login with this.
    async fn found(login: &'static str) -> Vec<Line> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            let mut socket = BufReader::new(socket);
            let mut said = "220 mail.example\r\n";
            loop {
                let mut line = String::new();
                let wrote = socket.get_mut().write_all(said.as_bytes()).await;
                if wrote.is_err() || socket.read_line(&mut line).await.unwrap_or_default() == 0 {
                    return;
                }
                said = match line.get(..4).unwrap_or_default() {
                    "EHLO" => "250-mail.example\r\n250 AUTH PLAIN LOGIN\r\n",
                    "AUTH" => login,
                    _ => "250 fine\r\n",
                };
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "secret\n").unwrap();
        let text = format!(
            "[mail]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nusername = \"reports\"\npassword_file = {file:?}\n\
             from = \"Tillsight <reports@example.com>\"\n\
             [[report.recipient]]\nemail = \"maria@example.com\"\ntenant = \"acme\"\nstores = [\"17\"]\nrole = \"manager\"\n\
             [[store]]\nid = \"17\"\ntenant = \"acme\"\nname = \"Riga\"\ntz = \"Europe/Riga\"\ncurrency = \"EUR\"\n\
             [[store]]\nid = \"18\"\ntenant = \"acme\"\nname = \"Vilnius\"\ntz = \"Europe/Vilnius\"\ncurrency = \"EUR\"\n"
        );
        let config: Config = toml::from_str(&text).unwrap();
        mail(&config, &config.stores).await
    }

    #[tokio::test]
    async fn a_mail_server_lets_us_in_or_says_why_not() {
        let lines = found("235 welcome\r\n").await;
        assert_eq!(lines[0].mark, Mark::Ok, "{lines:?}");
        assert!(lines[0].said.contains("lets reports in; mail comes from Tillsight"), "{lines:?}");
        let refused = found("535 no such user\r\n").await;
        assert_eq!(refused[0].mark, Mark::Bad, "{refused:?}");
        assert!(refused[0].said.contains("no such user") && refused[0].cure.is_some(), "{refused:?}");
    }

    #[tokio::test]
    async fn stores_without_a_reader_and_links_that_lead_nowhere_are_named() {
        let lines = found("235 welcome\r\n").await;
        let said: Vec<(Mark, &str)> = lines[1..].iter().map(|line| (line.mark, line.said.as_str())).collect();
        assert_eq!(said[0], (Mark::Warn, "nobody gets those of acme/18"));
        assert!(said[1].0 == Mark::Warn && said[1].1.contains("this machine only"), "{said:?}");
    }
}
