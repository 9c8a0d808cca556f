//! What other people's clients ask of the catalogue, as they asked PostgreSQL itself; and what they are told.

use super::*;

const ASKED: &str = include_str!("../../../../tests/clients/catalogue.sql");

/// A statement of a client.
struct Asked {
    client: String,
    text: String,
    parameters: Vec<String>,
}

/// The statements of the recording, for a table with this object id.
fn asked(id: &str) -> Vec<Asked> {
    let recorded = ASKED.replace("{transactions}", id);
    let mut client = String::new();
    let mut all = Vec::new();
    for part in recorded.split("\n=====").skip(1) {
        let (heading, text) = part.split_once('\n').unwrap();
        if !heading.trim().is_empty() {
            heading.trim().clone_into(&mut client);
        }
        let (text, parameters) = text.split_once("\n-- parameters: ").unwrap_or((text, ""));
        let values = parameters.split("', $").filter(|part| !part.is_empty()).map(|part| {
            let value = part.split_once(" = '").unwrap().1;
            value.trim_end().trim_end_matches('\'').to_owned()
        });
        all.push(Asked { client: client.clone(), text: text.to_owned(), parameters: values.collect() });
    }
    all
}

impl Desk {
    /// Runs every query of a text to its end.
    async fn ask_each(&self, sql: &str) -> Result<(), Failure> {
        let text: Arc<str> = sql.into();
        for act in self.connection.0.acts(&text, &[])? {
            let Act::Query(statement) = act else { continue };
            let mut running = self.connection.0.begin(&text)?;
            let rows = running.query(&self.connection.0.bound()?.session, &statement, None, false).await?;
            let mut answer = run::answer(running, rows, &Format::UnifiedText, FormatOptions::default()).unwrap();
            while let Some(row) = answer.data_rows().next().await {
                if let Err(error) = row {
                    return Err(Failure::new("XX000", error.to_string()));
                }
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_ask_of_the_catalogue_is_answered() {
    let desk = desk(Duration::from_secs(60)).await;
    let id = desk.ask("SELECT 'pos.transactions'::regclass::oid").await.unwrap();
    let all = asked(&id);
    assert!(all.len() > 80, "{} statements", all.len());
    let mut wrong = Vec::new();
    for Asked { client, text, parameters } in all {
        let mut plain = text.clone();
        for (place, value) in parameters.iter().enumerate().rev() {
            plain = plain.replace(&format!("${}", place + 1), &format!("'{value}'"));
        }
        if let Err(failure) = desk.ask_each(&plain).await {
            wrong.push(format!("{client}: {} {}\n{plain}", failure.sqlstate, failure.message));
        } else if !parameters.is_empty() {
            match desk.connection.0.prepare(&text, &[]).await {
                Ok(Some(prepared)) if prepared.parameters.len() == parameters.len() => {}
                other => wrong.push(format!("{client}: prepared: {other:?}\n{text}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of the statements:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[tokio::test]
async fn columns_are_called_and_typed_as_in_postgresql() {
    let desk = desk(Duration::from_secs(60)).await;
    let types = "SELECT column_name, data_type, numeric_scale FROM information_schema.columns \
                 WHERE table_schema = 'pos' AND table_name = 'transactions' \
                 AND column_name IN ('business_day', 'event_time', 'store_id', 'total') ORDER BY 1";
    assert_eq!(
        desk.ask(types).await.unwrap(),
        "business_day date \nevent_time timestamp with time zone \nstore_id text \ntotal numeric 2"
    );
    let shown = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute \
                 WHERE attrelid = 'pos.transactions'::regclass AND attname = 'total'";
    assert_eq!(desk.ask(shown).await.unwrap(), "numeric(18,2)");
    let twice = "SELECT count(*), count(*), 1, 1, store_id FROM pos.transactions GROUP BY store_id ORDER BY count(*)";
    assert_eq!(desk.ask(twice).await.unwrap(), "5 5 1 1 17");
    let prepared = desk.connection.0.prepare(twice, &[]).await.unwrap().unwrap();
    let columns = prepared.columns.unwrap();
    let names: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["count", "count", "?column?", "?column?", "store_id"]);
}

#[tokio::test]
async fn what_postgresql_says_in_other_words_is_understood() {
    let desk = desk(Duration::from_secs(60)).await;
    for (sql, expected) in [
        ("SELECT 'pos.transactions'::regclass", "transactions"),
        ("SELECT 'lp.alerts'::regclass::text", "lp.alerts"),
        ("SELECT to_regclass('nothing'), to_regtype('hstore')", " "),
        ("SELECT to_regtype('text')::oid, 'int4'::regtype", "25 integer"),
        ("SELECT EXISTS (SELECT 1 FROM pos.lines), NOT EXISTS (SELECT 1 FROM pos.lines)", "t f"),
        (
            "SELECT bool_and(e) FROM (SELECT EXISTS (SELECT 1 FROM pos.lines l WHERE l.event_id = t.event_id) AS e \
             FROM pos.transactions t) AS x",
            "t",
        ),
        ("SELECT count(*) FROM ref.stores WHERE store_id LIKE '1/7' ESCAPE '/'", "1"),
        ("SELECT count(*) FROM ref.stores WHERE store_id LIKE '/%%' ESCAPE '/'", "0"),
        ("SELECT count(*) > 0 FROM pg_type WHERE typreceive != 0 AND typreceive::TEXT != 'array_recv'", "t"),
        ("SELECT typname FROM pg_type WHERE typinput = 'pg_catalog.array_in'::regproc AND oid = 1009", "_text"),
        ("SELECT current_setting('max_index_keys'), current_setting('nothing', true)", "32 "),
        ("SELECT array_to_string(current_schemas(true), ',')", "pg_catalog,pos"),
        ("SELECT nspname FROM pg_namespace WHERE oid = 'lp'::regnamespace", "lp"),
        ("SELECT count(*) FROM pg_indexes", "0"),
    ] {
        let said = desk.ask(sql).await;
        assert!(said.as_deref().is_ok_and(|said| said == expected), "{sql}: {said:?}");
    }
    assert_eq!(desk.ask("SELECT 'nothing'::regclass").await.unwrap_err().sqlstate, "22000");
}

#[tokio::test]
async fn types_are_found_by_the_functions_that_receive_them() {
    let desk = desk(Duration::from_secs(60)).await;
    // The first question of Npgsql (.NET, Power BI): which types are arrays or ranges, and of what.
    let types = "SELECT ns.nspname, t.oid, t.typname, t.kind, t.item FROM (\
                 SELECT typ.oid, typnamespace, typ.typname, relkind, \
                 CASE WHEN proc.proname = 'array_recv' THEN 'a' ELSE typ.typtype END AS kind, \
                 CASE WHEN proc.proname = 'array_recv' THEN typ.typelem WHEN typ.typtype = 'r' THEN rngsubtype \
                 WHEN typ.typtype = 'm' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = typ.oid) \
                 WHEN typ.typtype = 'd' THEN typ.typbasetype END AS item \
                 FROM pg_type AS typ LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid) \
                 LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive \
                 LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)) AS t \
                 LEFT JOIN pg_type AS elem ON elem.oid = t.item LEFT JOIN pg_proc AS reads ON reads.oid = elem.typreceive \
                 JOIN pg_namespace AS ns ON (ns.oid = t.typnamespace) \
                 WHERE t.typname IN ('int4', '_int4', 'int4range', 'int4multirange') \
                 ORDER BY CASE WHEN kind = 'b' THEN 0 WHEN kind = 'a' THEN 2 ELSE 1 END, t.typname; \
                 SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid \
                 ORDER BY oid, enumsortorder;";
    desk.ask_each(types).await.unwrap();
    assert_eq!(
        desk.ask(types).await.unwrap(),
        "pg_catalog 23 int4 b \npg_catalog 4451 int4multirange m 3904\npg_catalog 3904 int4range r 23\n\
         pg_catalog 1007 _int4 a 23"
    );
}

#[tokio::test]
async fn a_copy_to_the_client_is_a_query() {
    let desk = desk(Duration::from_secs(60)).await;
    for sql in [
        "COPY (SELECT store_id FROM pos.transactions) TO STDOUT",
        "COPY pos.transactions TO STDOUT (FORMAT binary)",
        "COPY pos.transactions (store_id, total) TO STDOUT WITH (FORMAT csv, HEADER)",
        "COPY (SELECT \"v\" FROM (select version() as v) AS __unnamed_subquery ) TO STDOUT (FORMAT \"binary\")",
    ] {
        let prepared = desk.connection.0.prepare(sql, &[]).await.unwrap().unwrap();
        assert!(matches!(prepared.act, Act::Copy { .. }) && prepared.columns.is_none(), "{sql}");
    }
    let alone = desk.connection.0.acts(&"SELECT 1; COPY (SELECT 1) TO STDOUT".into(), &[]).unwrap_err();
    assert_eq!(alone.sqlstate, "0A000");
}
