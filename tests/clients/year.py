"""Asks the questions of docs/questions-*.md about a year, of Tillsight and of DuckDB over the same Parquet files.

    year.py DSN LAKE TODAY DAYS PID RUNS THREADS

DSN is a connection string of a login that sees every store, LAKE the folder of the Delta tables, whose last day is the one
before TODAY, PID the process that answers, which does nothing else. A question's 28 days become DAYS. Each is asked once
to compare the rows, then RUNS times of each in turn; what counts are the processor seconds of the process that answers, and
of this one for DuckDB, which keeps its answer in a table of its own: rows are not made Python's within the time. DuckDB
reads the files that the tables consist of at this moment, without their log, keeps their footers, and knows the stores as
Tillsight does: each can only make it faster. Prints JSON; the exit code is not 0 when rows differ.
"""

import datetime
import json
import pathlib
import re
import sys
import time

import deltalake
import duckdb
import psycopg
from questions import DOCS, by_duckdb, by_psycopg, difference, over_lake, questions


def over_files(lake, stores, threads):
    """As questions.over_lake, but over the files alone; tables without rows stay as they are."""
    db = over_lake(lake)
    db.execute(f"SET threads = {threads}")
    db.execute("SET parquet_metadata_cache = true")
    views = re.findall(r"CREATE OR REPLACE VIEW lake\.\w+ AS SELECT \* FROM delta_scan\([^;]*;", (DOCS / "duckdb.sql").read_text())
    for view in views:
        name = re.search(r"lake\.(\w+)", view)[1]
        files = deltalake.DeltaTable(str(lake / name)).file_uris()
        if files:
            listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
            types = "hive_types = {'event_month': DATE, 'store_bucket': INTEGER}"
            db.execute(f"CREATE OR REPLACE VIEW lake.{name} AS SELECT * FROM read_parquet([{listed}], hive_partitioning = true, {types})")
    db.execute("DROP VIEW ref.stores")
    db.execute("CREATE TABLE ref.stores (tenant_id VARCHAR, store_id VARCHAR, tz VARCHAR, currency VARCHAR)")
    db.executemany("INSERT INTO ref.stores VALUES (?, ?, ?, ?)", stores)
    return db


def widened(sql, today, days):
    """The question about so many days that end before `today`."""
    longer = lambda ago: f"date '{today - datetime.timedelta(days=int(ago[1]) + days - 28)}'"
    return re.sub(r"current_date - (\d+)", longer, sql).replace("current_date", f"date '{today}'")


def main():
    dsn, lake, today, days, pid, runs, threads = sys.argv[1:]
    lake, today, days = pathlib.Path(lake), datetime.date.fromisoformat(today), int(days)
    # The processor clock of another process (clock_getcpuclockid(3)).
    theirs = (~int(pid) << 3) | 2
    answers, differ = [], False
    with psycopg.connect(dsn, autocommit=True) as connection:
        stores = by_psycopg(connection, "select tenant_id, store_id, tz, currency from ref.stores")[0]
        db = over_files(lake, stores, threads)
        for title, may_be_empty, sql in questions():
            sql = widened(sql, today, days)
            took = {"tillsight": [], "duckdb": [], "tillsight_wall": [], "duckdb_wall": []}

            def ask_tillsight():
                began, used = time.monotonic(), time.clock_gettime(theirs)
                rows = connection.execute(sql).fetchall()
                took["tillsight"].append(time.clock_gettime(theirs) - used)
                took["tillsight_wall"].append(time.monotonic() - began)
                return rows

            def ask_duckdb():
                db.execute("DROP TABLE IF EXISTS answer")
                began, used = time.monotonic(), time.process_time()
                db.execute(f"CREATE TEMP TABLE answer AS {sql}")
                took["duckdb"].append(time.process_time() - used)
                took["duckdb_wall"].append(time.monotonic() - began)

            rows = ask_tillsight()
            ask_duckdb()
            wrong = difference(rows, by_duckdb(db, "from answer"))
            if not (rows or may_be_empty):
                wrong = "it has no row, and its page does not say why"
            for seconds in took.values():
                seconds.clear()
            for _ in range(int(runs)):
                ask_tillsight()
                ask_duckdb()
            differ |= bool(wrong)
            answers.append({"title": title, "rows": len(rows), "wrong": wrong, **took})
            of = lambda who: " ".join(f"{seconds:.2f}" for seconds in took[who])
            print(f"  {title} {len(rows)} rows, {of('tillsight')} and {of('duckdb')} s {wrong}", file=sys.stderr, flush=True)
    print(json.dumps(answers))
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
