//! A shop that other machines reach: TLS on every surface, certificates that are renewed while it runs, and nothing without.

use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

use tillsight_tests::Shop;
use tillsight_tests::certificates::Certificates;
use tillsight_tests::outside::{becomes, cache, eventually, output, python, run};

#[test]
fn a_shop_that_leaves_the_machine_speaks_tls_on_every_surface() {
    let certificates = Certificates::new();
    let shop = Shop::over_tls(&certificates);
    browsers(&shop, &certificates);
    let login = shop.head_office("anna", "");
    postgresql_clients(&shop, &certificates, &login);
    flight_clients(&shop, &certificates, &login);
    strangers(&shop);
    let said = shop.tillsight(&["check"]);
    assert!(said.contains("TLS of http, sql, flight") && said.contains("localhost, 127.0.0.1, until"), "{said}");
    renewal(&shop, &certificates);
    assert!(!shop.log().contains("panicked") && !shop.log().contains("handshake"), "{}", shop.log());
}

fn browsers(shop: &Shop, certificates: &Certificates) {
    let lena = ["user", "add", "lena", "--role", "analyst", "--password-stdin"];
    shop.tillsight_with(&lena, "correct horse battery\n");
    let mut curl = Command::new("curl");
    curl.args(["-s", "-i", "-H", "x-tillsight: 1", "-H", "content-type: application/json"]);
    curl.args(["-d", r#"{"name": "lena", "password": "correct horse battery"}"#, "--cacert"]);
    let said = run(curl.arg(certificates.authority()).arg(shop.url("/api/v1/session")), b"").to_lowercase();
    assert!(said.starts_with("http/2 200"), "{said}");
    assert!(said.contains("strict-transport-security: max-age=31536000"), "{said}");
    let cookie = said.lines().find(|line| line.starts_with("set-cookie:")).unwrap();
    for part in ["; secure", "; httponly", "; samesite=strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    // Without the authority nobody believes it.
    let untrusting = output(Command::new("curl").args(["-s", &shop.url("/livez")]), b"");
    assert_eq!(untrusting.status.code(), Some(60));
    // Who forgets the s is told.
    let plain = format!("http://127.0.0.1:{}/livez", shop.http);
    let said = run(Command::new("curl").args(["-s", "-i", &plain]), b"");
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("https://"), "{said}");
}

fn psql(shop: &Shop, (login, secret): &(String, String), more: &str) -> Result<String, String> {
    let asked = format!("host=localhost port={} dbname=tillsight user={login} {more}", shop.sql);
    let said = output(Command::new("psql").env("PGPASSWORD", secret).args([&asked, "-XAtc", "select 1"]), b"");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if said.status.success() { Ok(text(&said.stdout)) } else { Err(text(&said.stderr)) }
}

fn postgresql_clients(shop: &Shop, certificates: &Certificates, login: &(String, String)) {
    let verified = format!("sslmode=verify-full sslrootcert={}", certificates.authority().display());
    assert_eq!(psql(shop, login, &verified), Ok("1".to_owned()));
    assert_eq!(psql(shop, login, "sslmode=require"), Ok("1".to_owned()));
    let plain = psql(shop, login, "sslmode=disable").unwrap_err();
    assert!(plain.contains("must be encrypted"), "{plain}");
    // An authority that did not sign it.
    let other = Certificates::new();
    let strange = format!("sslmode=verify-full sslrootcert={}", other.authority().display());
    let strange = psql(shop, login, &strange).unwrap_err();
    assert!(strange.contains("certificate verify failed"), "{strange}");
    const DRIVER: &str = r#"
import sys, psycopg
dsn, authority = sys.argv[1:]
for more in ({"sslmode": "require"}, {"sslmode": "verify-full", "sslrootcert": authority}):
    with psycopg.connect(dsn, **more) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("select %s::int", [7]).fetchone() == (7,)
try:
    psycopg.connect(dsn, sslmode="disable")
    print("let in")
except psycopg.OperationalError as error:
    print("must be encrypted" in str(error))
"#;
    let authority = certificates.authority().display().to_string();
    assert_eq!(python(DRIVER, &[&shop.dsn(login), &authority]).trim(), "True");
}

fn flight_clients(shop: &Shop, certificates: &Certificates, (login, secret): &(String, String)) {
    const DRIVER: &str = r#"
import sys, pathlib
from adbc_driver_flightsql import DatabaseOptions, dbapi
port, login, secret, authority = sys.argv[1:]
who = {"username": login, "password": secret}
trusted = {DatabaseOptions.TLS_ROOT_CERTS.value: pathlib.Path(authority).read_text()}
with dbapi.connect(f"grpc+tls://localhost:{port}", db_kwargs=who | trusted, autocommit=True) as connection:
    with connection.cursor() as cursor:
        cursor.execute("select 1 as one")
        assert cursor.fetchall() == [(1,)]
for uri, more in ((f"grpc+tls://localhost:{port}", {}), (f"grpc://localhost:{port}", {})):
    try:
        dbapi.connect(uri, db_kwargs=who | more, autocommit=True).cursor().execute("select 1 as one")
        print("let in", uri)
    except Exception:
        pass
"#;
    let mut client = Command::new(cache().join("clients/bin/python"));
    client.args(["-c", DRIVER, &shop.flight.to_string(), login, secret]).arg(certificates.authority());
    assert_eq!(run(&mut client, b""), "");
}

/// Those who connect and say nothing keep nobody waiting.
fn strangers(shop: &Shop) {
    let silent: Vec<TcpStream> =
        (0..40).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, shop.http)).unwrap()).collect();
    assert_eq!(shop.get("/livez", None).0, 200);
    drop(silent);
    let (_, secret) = shop.token(&["--metrics", "--name", "collector"]);
    eventually("handshakes are counted", || {
        let metrics = shop.get("/metrics", Some(&secret)).1;
        let counted = |surface: &str, outcome: &str| {
            metrics.lines().any(|line| {
                line.starts_with("lp_tls_handshakes_total")
                    && line.contains(&format!("surface=\"{surface}\""))
                    && line.contains(&format!("outcome=\"{outcome}\""))
            })
        };
        let all = [("http", "ok"), ("http", "plain"), ("sql", "ok"), ("sql", "plain"), ("flight", "ok")];
        let missing: Vec<_> = all.iter().filter(|(surface, outcome)| !counted(surface, outcome)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} in\n{metrics}")) }
    });
}

fn renewal(shop: &Shop, certificates: &Certificates) {
    let served = |port: u16, more: &[&str]| {
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).args(more);
        let said = output(&mut client, b"").stdout;
        let serial = output(Command::new("openssl").args(["x509", "-noout", "-serial"]), &said).stdout;
        String::from_utf8_lossy(&serial).trim().trim_start_matches("serial=").to_owned()
    };
    let everywhere =
        || [served(shop.http, &[]), served(shop.sql, &["-starttls", "postgres"]), served(shop.flight, &[])].join(" ");
    let serial = certificates.renew();
    becomes("the renewed certificate", &[&*serial; 3].join(" "), everywhere);
    // Half of a renewal changes nothing but the log.
    certificates.renew_by_half();
    eventually("the half is noticed", || {
        if shop.log().contains("the new certificate is not used") { Ok(()) } else { Err(shop.log()) }
    });
    assert_eq!(everywhere(), [&*serial; 3].join(" "));
    let serial = certificates.renew();
    becomes("the next certificate", &[&*serial; 3].join(" "), everywhere);
}
