"""DuckDB: the text of the rule as it is, and other formulations of the same question."""

import sys

import duckdb

from common import QUESTIONS, REFUND, RULES, anchors, cannot, count, files, measure, pos, presence, tables

way, source, _ = sys.argv[1:]

# Refunds, when somebody must not be there, and stretches in which somebody was or may have been.
LOOKED = """SELECT event_id, store_id, register_id, camera_begin_us - 2000000 - clock_bound_us AS from_us,
    camera_end_us + 2000000 + clock_bound_us AS to_us FROM anchor WHERE NOT training AND NOT test"""
SOMEBODY = "SELECT store_id, register_id, start_us, end_us FROM presence WHERE zone_kind = 'customer' AND state <> 'absent'"
REFUNDS = {
    "refund-not-exists": f"""SELECT l.event_id FROM ({LOOKED}) l WHERE NOT EXISTS (
        SELECT 1 FROM ({SOMEBODY}) s WHERE s.store_id = l.store_id AND s.register_id = l.register_id
        AND s.start_us < l.to_us AND s.end_us > l.from_us)""",
    # Both sides are cut at whole minutes: the join is one of equal numbers.
    "refund-buckets": f"""WITH l AS (SELECT *, unnest(range(from_us // 60000000, to_us // 60000000 + 1)) AS bucket FROM ({LOOKED})),
        s AS (SELECT *, unnest(range(start_us // 60000000, end_us // 60000000 + 1)) AS bucket FROM ({SOMEBODY}))
        SELECT event_id FROM ({LOOKED}) WHERE event_id NOT IN (
        SELECT l.event_id FROM l JOIN s ON s.store_id = l.store_id AND s.register_id = l.register_id AND s.bucket = l.bucket
        WHERE s.start_us < l.to_us AND s.end_us > l.from_us)""",
    # Stretches do not overlap: the last that began before the end is the last that ended.
    "refund-asof": f"""SELECT l.event_id FROM ({LOOKED}) l ASOF LEFT JOIN ({SOMEBODY}) s
        ON s.store_id = l.store_id AND s.register_id = l.register_id AND s.start_us < l.to_us
        WHERE s.end_us IS NULL OR s.end_us <= l.from_us""",
}
LAG = """SELECT event_id FROM (
    SELECT p.event_id, kind, event_us, lag(kind) OVER w AS before, lag(event_us) OVER w AS before_us, lag(c.event_id) OVER w AS cash
    FROM pos p LEFT JOIN (SELECT DISTINCT event_id FROM tenders WHERE tender_type = 'CASH') c ON c.event_id = p.event_id
    WINDOW w AS (PARTITION BY store_id, register_id ORDER BY event_us, p.event_id))
    WHERE kind = 'POST_VOID' AND before = 'SALE' AND before_us > event_us - 60000000 AND cash IS NOT NULL"""
SLIDING = """SELECT event_id FROM (
    SELECT event_id, kind, count(*) FILTER (kind = 'POST_VOID') OVER own AS voids, count(*) FILTER (kind = 'SALE') OVER own AS sales,
           count(*) FILTER (kind = 'POST_VOID') OVER everybody AS all_voids, count(*) FILTER (kind = 'SALE') OVER everybody AS all_sales
    FROM pos WHERE kind IN ('POST_VOID', 'SALE')
    WINDOW own AS (PARTITION BY store_id, operator_id ORDER BY event_us RANGE BETWEEN {us} PRECEDING AND CURRENT ROW),
           everybody AS (PARTITION BY store_id ORDER BY event_us RANGE BETWEEN {us} PRECEDING AND CURRENT ROW))
    WHERE kind = 'POST_VOID' AND voids > 3 AND voids * (all_sales - sales) > 3 * (all_voids - voids) * sales"""
# For each operator and minute: what a hopping window says.
HOP = """WITH counted AS (
      SELECT store_id, operator_id, event_us // 60000000 AS minute, count(*) FILTER (kind = 'POST_VOID') AS voids,
             count(*) FILTER (kind = 'SALE') AS sales FROM pos WHERE kind IN ('POST_VOID', 'SALE') GROUP BY ALL),
    ends AS (SELECT unnest(range(min(minute), max(minute) + {minutes})) + 1 AS ends FROM counted),
    own AS (SELECT store_id, operator_id, ends, sum(voids) AS voids, sum(sales) AS sales
      FROM counted JOIN ends ON minute < ends AND minute >= ends - {minutes} GROUP BY ALL),
    everybody AS (SELECT store_id, ends, sum(voids) AS voids, sum(sales) AS sales FROM own GROUP BY ALL)
    SELECT concat_ws(' ', o.store_id, o.operator_id, o.ends) FROM own o JOIN everybody e ON e.store_id = o.store_id AND e.ends = o.ends
    WHERE o.voids > 3 AND o.voids * (e.sales - o.sales) > 3 * (e.voids - o.voids) * o.sales"""


def ask(db, text):
    return lambda: [row[0] for row in db.execute(text).fetchall()]


def fired(text):
    return f"SELECT anchor_id FROM ({text}) WHERE outcome = 'fired'"


name, _, hours = way.rpartition("-")
if way == "decode":
    db = duckdb.connect()
    db.execute("SET threads = 1")
    read = f"read_json('{source}', format = 'newline_delimited')"
    lines = db.execute(f"SELECT sum(len(lines)) FROM {read}").fetchone()[0]

    def work():
        db.execute(f"CREATE OR REPLACE TABLE landed AS FROM {read}")
        return [f"{db.execute('SELECT count(*) FROM landed').fetchone()[0]} transactions"]

    measure(duckdb.__version__, lines, work)
elif way == "refund-files":
    db = duckdb.connect()
    db.execute("SET threads = 1")
    events = count(db, [files(source, table) for table in ("pos_transactions", "pos_tenders", "cam_presence")])
    numbers = "".join(f", CAST({value} AS BIGINT) AS {name}" for name, value in REFUND.items())
    text = f"""WITH pos AS ({pos(files(source, 'pos_transactions'))}), anchor AS ({anchors('pos', 'RETURN', True)}),
        tenders AS (FROM {files(source, 'pos_tenders')}), presence AS ({presence(files(source, 'cam_presence'))}),
        params AS (SELECT DISTINCT tenant_id, store_id {numbers} FROM pos),
        {(RULES / 'refund_no_customer' / 'rule.sql').read_text().removeprefix('WITH ')}"""
    measure(duckdb.__version__, events, ask(db, fired(text)))
elif way.startswith("refund"):
    db, events = tables(source, "RETURN", True, REFUND)
    text = REFUNDS.get(way) or fired((RULES / "refund_no_customer" / "rule.sql").read_text())
    measure(duckdb.__version__, events, ask(db, text))
elif way.startswith("sequence"):
    db, events = tables(source, "POST_VOID", False, {})
    text = LAG if way == "sequence-lag" else fired((QUESTIONS / "sequence.sql").read_text())
    measure(duckdb.__version__, events, ask(db, text))
elif name in ("sliding", "hop"):
    db, events = tables(source, "POST_VOID", False, {}, live=True)
    text = SLIDING if name == "sliding" else HOP
    text = text.replace("{us}", str(int(hours) * 3_600_000_000)).replace("{minutes}", str(int(hours) * 60))
    measure(duckdb.__version__, events, ask(db, text))
else:
    cannot(f"no way {way}")
