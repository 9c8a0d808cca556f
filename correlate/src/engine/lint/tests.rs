//! What a rule's author is told.

use crate::engine::plan::{Compiled, Room};
use crate::rule::{Rule, RuleError};

const HEAD: &str = "SELECT a.event_id AS anchor_id, 'fired' AS outcome, 'x' AS why, count(c.event_id) AS n \
                    FROM anchor a JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id ";

/// `cancel_burst` looks 14,400 s back and none ahead; its parameter `within_seconds` is at most that.
async fn told(sql: &str) -> Result<(), RuleError> {
    let library = Rule::library().unwrap();
    let mut rule = library.into_iter().find(|rule| rule.header.id.as_str() == "cancel_burst").unwrap();
    rule.header.reads.push("lines".to_owned());
    Compiled::new(Rule { sql: sql.to_owned(), ..rule }, &Room::default()).await.map(drop)
}

async fn refused(sql: &str, because: &str) {
    let error = told(sql).await.expect_err(sql).to_string();
    assert!(error.contains(because), "{error}\nwhere this was expected: {because}\n{sql}");
}

const STORE: &str = "c.tenant_id = a.tenant_id AND c.store_id = a.store_id";
const TIME: &str = "c.event_us > a.event_us - p.within_seconds * 1000000 AND c.event_us <= a.event_us";

#[tokio::test]
async fn what_is_tied_to_the_anchor_is_let_through() {
    told(&format!("{HEAD} JOIN pos c ON {STORE} AND {TIME} GROUP BY a.event_id")).await.unwrap();
    told(&format!("{HEAD} LEFT JOIN pos c ON {STORE} AND {TIME} GROUP BY a.event_id")).await.unwrap();
    // Bounded by a row that is bounded itself, and by either of two conditions.
    let chain = format!(
        "{HEAD} JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id \
                AND s.event_us BETWEEN a.event_us - 3600000000 AND a.event_us \
         JOIN pos c ON {STORE} AND c.event_us >= s.event_us \
                AND (c.event_us < a.event_us OR (c.event_us = a.event_us AND c.event_id <= a.event_id)) \
         GROUP BY a.event_id"
    );
    told(&chain).await.unwrap();
    let absent = format!(
        "SELECT a.event_id AS anchor_id, 'fired' AS outcome, 'x' AS why FROM anchor a WHERE NOT EXISTS \
         (SELECT 1 FROM pos c WHERE {STORE} AND c.event_us BETWEEN a.event_us - 60000000 AND a.event_us)"
    );
    told(&absent).await.unwrap();
}

#[tokio::test]
async fn a_table_that_is_not_tied_to_the_anchor_is_named() {
    let all = |on: &str| format!("{HEAD} JOIN pos c ON {on} GROUP BY a.event_id");
    refused(&all(TIME), "`pos` (c) is read across stores").await;
    refused(&all(&format!("c.store_id = a.store_id AND {TIME}")), "c.tenant_id = a.tenant_id").await;
    refused(&all(&format!("{STORE} AND c.event_us <= a.event_us")), "read without a beginning").await;
    refused(&all(&format!("{STORE} AND c.event_us > a.event_us - 60000000")), "read without an end").await;
    let long = format!("{STORE} AND c.event_us BETWEEN a.event_us - 2 * p.within_seconds * 1000000 AND a.event_us");
    refused(&all(&long), "looks back 28800 s where lookback_seconds is 14400").await;
    let ahead = format!("{STORE} AND c.event_us BETWEEN a.event_us AND a.event_us + 5000000");
    refused(&all(&ahead), "looks ahead 5 s where lookahead_seconds is 0").await;
    // A left join keeps the anchor's row whatever the condition says of it, and binds the other side only.
    let backwards = format!(
        "SELECT c.event_id AS anchor_id, 'fired' AS outcome, 'x' AS why FROM pos c LEFT JOIN anchor a ON {STORE} \
         AND c.event_us BETWEEN a.event_us - 60000000 AND a.event_us"
    );
    refused(&backwards, "`pos` (c) is read across stores").await;
    let either = format!("{STORE} AND c.event_us <= a.event_us AND (c.event_us > a.event_us - 60000000 OR c.training)");
    refused(&all(&either), "read without a beginning").await;
}

/// The same with the history of thirty days.
async fn told_of_weeks(on: &str) -> Result<(), RuleError> {
    let shelf = Rule::shelf().unwrap();
    let rule = shelf.into_iter().find(|rule| rule.header.id.as_str() == "refund_same_card").unwrap();
    let sql = format!("{HEAD} JOIN history c ON {on} GROUP BY a.event_id");
    Compiled::new(Rule { sql, ..rule }, &Room::default()).await.map(drop)
}

#[tokio::test]
async fn the_history_is_bounded_by_its_own_number_of_days() {
    let weeks = "c.event_us > a.event_us - p.within_days * 86400000000 AND c.event_us <= a.event_us";
    told_of_weeks(&format!("{STORE} AND {weeks}")).await.unwrap();
    // What it says of the anchor itself needs no other bound.
    told_of_weeks("c.event_id = a.event_id AND c.entity_kind = 'card'").await.unwrap();
    let refused = async |on: String, because: &str| {
        let error = told_of_weeks(&on).await.expect_err(&on).to_string();
        assert!(error.contains(because), "{error}\nwhere this was expected: {because}\n{on}");
    };
    refused(weeks.to_owned(), "`history` (c) is read across stores").await;
    refused(format!("{STORE} AND c.event_us <= a.event_us"), "read without a beginning").await;
    refused(format!("{STORE} AND c.event_us > a.event_us - 86400000000"), "read without an end").await;
    let long = format!("{STORE} AND c.event_us BETWEEN a.event_us - 31 * 86400000000 AND a.event_us");
    refused(long, "where history_days is 30").await;
}

#[tokio::test]
async fn what_takes_anchors_together_is_refused() {
    let rest = format!("JOIN pos c ON {STORE} AND {TIME}");
    let by_operator = "SELECT max(a.event_id) AS anchor_id, 'fired' AS outcome, 'x' AS why FROM anchor a \
                       GROUP BY a.operator_id";
    refused(by_operator, "rows of several anchors together").await;
    let numbered = format!(
        "SELECT a.event_id AS anchor_id, 'fired' AS outcome, 'x' AS why, \
         row_number() OVER (PARTITION BY a.operator_id ORDER BY c.event_us, c.event_id) AS n FROM anchor a \
         JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id {rest}"
    );
    refused(&numbered, "numbers rows of several anchors together").await;
    refused(
        "SELECT a.event_id AS anchor_id, 'fired' AS outcome, 'x' AS why FROM anchor a JOIN anchor b \
         ON b.operator_id = a.operator_id",
        "`anchor` (b) is read twice",
    )
    .await;
    refused(
        "SELECT event_id AS anchor_id, 'fired' AS outcome, 'x' AS why FROM anchor \
         WHERE total_minor > (SELECT avg(total_minor) FROM anchor)",
        "anchors",
    )
    .await;
    refused(&format!("{HEAD} {rest} GROUP BY a.event_id ORDER BY n LIMIT 1"), "LIMIT").await;
}

#[tokio::test]
async fn an_order_without_a_last_word_is_refused() {
    let listed = format!(
        "SELECT a.event_id AS anchor_id, 'fired' AS outcome, 'x' AS why, string_agg(c.event_id, ',' ORDER BY c.event_us) \
         AS members FROM anchor a JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id \
         JOIN pos c ON {STORE} AND {TIME} GROUP BY a.event_id"
    );
    refused(&listed, "string_agg without a last word").await;
    let ends = listed.replace("ORDER BY c.event_us)", "ORDER BY c.event_us, c.event_id)");
    told(&ends).await.unwrap();
    let lines = |id: &str| {
        format!(
            "SELECT event_id AS anchor_id, 'fired' AS outcome, 'x' AS why FROM (SELECT a.event_id, row_number() OVER \
             (PARTITION BY a.event_id ORDER BY l.extended_minor DESC, l.line_no) AS place FROM anchor a \
             JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id JOIN pos c ON {STORE} AND {TIME} \
             JOIN lines l ON l.event_id = {id}.event_id) WHERE place = 1"
        )
    };
    told(&lines("a")).await.unwrap();
    // The second line of this event, or of that.
    refused(&lines("c"), "row_number without a last word").await;
}

#[tokio::test]
async fn a_function_of_the_clock_on_the_wall_is_refused() {
    let now = "SELECT event_id AS anchor_id, 'fired' AS outcome, 'x' AS why FROM anchor \
               WHERE to_timestamp_micros(event_us) > now()";
    refused(now, "now() answers otherwise").await;
    let chance = "SELECT event_id AS anchor_id, 'fired' AS outcome, 'x' AS why FROM anchor WHERE random() < 0.5";
    refused(chance, "random() answers otherwise").await;
}

/// What follows a cancelled sale at its register: around each anchor, or anywhere in a store.
fn near(sequence: &str) -> String {
    format!(
        "WITH near AS (SELECT a.event_id AS anchor_id, p.within_seconds, c.event_id, c.event_us, c.kind FROM anchor a \
         JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id JOIN pos c ON {STORE} AND {TIME}) \
         SELECT anchor_id, 'fired' AS outcome, 'x' AS why FROM near MATCH_RECOGNIZE ({sequence}) AS m"
    )
}

const FOLLOWED: &str = "PARTITION BY anchor_id ORDER BY event_us, event_id MEASURES LAST(d.event_id) AS members \
                        PATTERN (c x*? d) DEFINE c AS kind = 'CANCEL', d AS kind = 'NO_SALE' AND PREV(kind) <> 'SALE', \
                        within AS within_seconds * 1000000";

fn anywhere(sequence: &str, on: &str) -> String {
    format!(
        "SELECT a.event_id AS anchor_id, 'fired' AS outcome, 'x' AS why FROM anchor a \
         JOIN pos MATCH_RECOGNIZE ({sequence}) AS m ON m.tenant_id = a.tenant_id AND m.store_id = a.store_id AND {on}"
    )
}

const OF_A_STORE: &str = "PARTITION BY tenant_id, store_id, register_id ORDER BY event_us, event_id \
                          MEASURES FIRST(c.event_id) AS cancel_id, LAST(d.event_us) AS drawer_us \
                          AFTER MATCH SKIP TO NEXT ROW PATTERN (c x*? d) \
                          DEFINE c AS kind = 'CANCEL', d AS kind = 'NO_SALE', within AS INTERVAL '60' SECOND";

#[tokio::test]
async fn a_sequence_around_an_anchor_is_let_through() {
    told(&near(FOLLOWED)).await.unwrap();
    refused(&near(&FOLLOWED.replace(", event_id MEASURES", " MEASURES")), "MATCH_RECOGNIZE without a last word").await;
    refused(&near(&FOLLOWED.replace("within_seconds * 1000000", "event_us")), "no limit that is known").await;
    let by_kind = FOLLOWED.replace("PARTITION BY anchor_id", "PARTITION BY kind");
    let by_kind = by_kind.replace("MEASURES", "MEASURES LAST(anchor_id) AS anchor_id,");
    refused(&near(&by_kind), "several anchors together").await;
    let without = FOLLOWED.replace(", within AS within_seconds * 1000000", "");
    refused(&near(&without), "within AS INTERVAL '60' SECOND").await;
}

#[tokio::test]
async fn a_sequence_of_a_store_is_let_through_where_nothing_is_chance() {
    // Within 60 s of the cancel, which is not the anchor: the last row of the match is, or is near it.
    let before = "m.drawer_us BETWEEN a.event_us - 14000000000 AND a.event_us - 60000000";
    told(&anywhere(OF_A_STORE, before)).await.unwrap();
    let until_now = "m.drawer_us BETWEEN a.event_us - 14000000000 AND a.event_us";
    refused(&anywhere(OF_A_STORE, until_now), "looks ahead 60 s where lookahead_seconds is 0").await;
    let by_id = "m.cancel_id = a.event_id";
    refused(&anywhere(OF_A_STORE, by_id), "looks ahead 60 s").await;
    refused(&anywhere(OF_A_STORE, "m.drawer_us <= a.event_us"), "read without a beginning").await;
    let with = |from: &str, to: &str| anywhere(&OF_A_STORE.replace(from, to), before);
    refused(&with("TO NEXT ROW", "PAST LAST ROW"), "AFTER MATCH SKIP TO NEXT ROW").await;
    refused(&with("d AS kind = 'NO_SALE'", "d AS PREV(kind) = 'SALE'"), "without PREV").await;
    let names = "SELECT a.event_id AS anchor_id, 'fired' AS outcome, 'x' AS why FROM anchor a JOIN pos \
                 MATCH_RECOGNIZE (PARTITION BY register_id ORDER BY event_us, event_id MEASURES LAST(d.event_us) AS at_us \
                 AFTER MATCH SKIP TO NEXT ROW PATTERN (d) DEFINE d AS kind = 'NO_SALE', within AS 0) AS m \
                 ON m.register_id = a.register_id AND m.at_us = a.event_us";
    refused(names, "looks across stores").await;
}

#[tokio::test]
async fn sessions_are_numbered_around_an_anchor() {
    let sessions = |order: &str| {
        format!(
            "SELECT anchor_id, 'fired' AS outcome, 'x' AS why, max(number) AS n FROM (SELECT a.event_id AS anchor_id, \
             session_id(c.event_us, 60000000) OVER (PARTITION BY a.event_id ORDER BY {order}) AS number FROM anchor a \
             JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id JOIN pos c ON {STORE} AND {TIME}) \
             GROUP BY anchor_id"
        )
    };
    told(&sessions("c.event_us, c.event_id")).await.unwrap();
    refused(&sessions("c.event_us"), "session_id without a last word").await;
}
