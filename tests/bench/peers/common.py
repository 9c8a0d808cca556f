"""What all peers share: the tables that a rule sees, made of a lake's Parquet files before anything is timed, and how a run
is told: one line of JSON with processor seconds (getrusage, all threads), a number each run, after one that warms up. The
answer goes to a file, a line each, in order.

    peer.py WAY LAKE ANSWER       (`bench --part lake RULE STORES MINUTES` prints a lake)
"""

import json
import os
import pathlib
import resource
import sys
import time

import duckdb

RULES = pathlib.Path(__file__).resolve().parents[3] / "correlate" / "rules"
QUESTIONS = pathlib.Path(__file__).resolve().parents[1] / "correlate"
CORES = int(os.environ.get("TILLSIGHT_CORES", "1"))
RUNS = 3


def files(lake, table):
    return f"read_parquet('{lake}/{table}/*/*/*.parquet', hive_partitioning = true)"


# A register's clock, as the engine finds it when every record arrives 250 ms after it was made: right, by a bound that becomes
# narrower with its third, fifth and eleventh record (correlate/src/engine/clock.rs; 250 ms are the camera's).
BOUND = """CASE WHEN nth < 3 THEN 30250000 WHEN nth < 5 THEN 2250000 WHEN nth < 11 THEN 1850000 ELSE 1522727 END"""


def pos(source):
    """Transactions as rules see them."""
    return f"""SELECT event_id, tenant_id, store_id, register_id, operator_id, kind, sequence_no, total_minor, training, test,
        epoch_us(coalesce(least(begin_time, event_time), event_time)) AS begin_us, epoch_us(event_time) AS event_us
        FROM {source}"""


def anchors(source, kind, video):
    """The anchors of a rule, with what is known of their clocks and zones."""
    return f"""SELECT * EXCLUDE nth, begin_us AS camera_begin_us, event_us AS camera_end_us,
        CAST({BOUND} AS BIGINT) AS clock_bound_us, CAST({int(video)} AS BIGINT) AS customer_zones
        FROM (SELECT *, row_number() OVER (PARTITION BY store_id, register_id ORDER BY event_us, event_id) AS nth FROM {source})
        WHERE kind = '{kind}'"""


def presence(source):
    """Tiles; those that follow each other in the same state are one."""
    return f"""SELECT tenant_id, store_id, register_id, zone_id, zone_kind, state, blind, min(start_us) AS start_us, max(end_us) AS end_us
        FROM (SELECT *, epoch_us(start_at) AS start_us, epoch_us(end_at) AS end_us,
                row_number() OVER (PARTITION BY store_id, zone_id ORDER BY start_at)
                - row_number() OVER (PARTITION BY store_id, zone_id, state, blind ORDER BY start_at) AS stretch FROM {source})
        GROUP BY tenant_id, store_id, register_id, zone_id, zone_kind, state, blind, stretch ORDER BY store_id, register_id, start_us"""


def tables(lake, kind, video, params, live=False):
    """A DuckDB in memory with the tables that a rule sees, and how many events they are (live: records with their items)."""
    db = duckdb.connect()
    db.execute(f"SET threads = {CORES}")
    db.execute(f"CREATE TABLE pos AS {pos(files(lake, 'pos_transactions'))} ORDER BY store_id, event_us")
    db.execute(f"CREATE TABLE anchor AS {anchors('pos', kind, video)}")
    db.execute(f"CREATE TABLE tenders AS SELECT event_id, tender_type, amount_minor FROM {files(lake, 'pos_tenders')}")
    columns = "".join(f", CAST({value} AS BIGINT) AS {name}" for name, value in params.items())
    db.execute(f"CREATE TABLE params AS SELECT DISTINCT tenant_id, store_id {columns} FROM pos")
    sources = ["pos", "tenders"] + ["presence"] * video
    if video:
        db.execute(f"CREATE TABLE presence AS {presence(files(lake, 'cam_presence'))}")
    if live:
        names = ["pos_transactions", "pos_lines", "pos_tenders"] + ["cam_presence"] * video
        sources = [files(lake, name) for name in names]
    return db, count(db, sources)


def count(db, sources):
    return sum(db.execute(f"SELECT count(*) FROM {source}").fetchone()[0] for source in sources)


REFUND = {"margin_ms": 2000, "critical_cash_minor": 5000}


def used():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(version, events, work, before=lambda: None):
    """Runs `work`, which returns what was found, and tells about it. `before` is not timed."""
    seconds, wall, found = [], [], []
    for run in range(RUNS + 1):
        before()
        began, start = time.monotonic(), used()
        found = work()
        if run:
            seconds.append(used() - start)
            wall.append(time.monotonic() - began)
    tell(version, events, seconds, wall, peak_mib(), found)


def tell(version, events, seconds, wall, peak, found):
    with open(sys.argv[-1], "w") as answer:
        answer.writelines(f"{line}\n" for line in sorted(set(map(str, found))))
    print(json.dumps({"version": version, "events": events, "seconds": seconds, "wall": wall, "peak_mib": peak}))


def cannot(why):
    print(json.dumps({"cannot": why}))
    sys.exit()
