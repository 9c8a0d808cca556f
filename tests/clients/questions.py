"""Runs every question of docs/questions-*.md in psql, psycopg and DuckDB, and compares the rows.

    questions.py DSN LAKE [--settled SECONDS] [--patience SECONDS]

DSN is a connection string of a login that sees every store, LAKE the folder of the Delta tables. psql and psycopg ask the
endpoint; DuckDB reads the tables on disk through docs/duckdb.sql. A question passes when all three give the same rows:
numbers are compared as numbers (to nine digits), times as instants, the order of rows not at all. Before the questions,
every table is counted in both places, and its columns are compared.

Where records keep coming the disk is some seconds behind: with --settled, rows whose time is younger than that are left
out on both sides. A difference is looked at again until --patience is over. The exit code is not 0 when a difference
stays, and neither when a question that its page does not allow to be empty has no row (not with --settled).
"""

import argparse
import csv
import datetime
import decimal
import importlib.resources
import io
import pathlib
import re
import subprocess
import sys
import time

import duckdb
import psycopg

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
# The time of a row, by table.
TIMES = {
    "pos.transactions": "event_time", "pos.transaction_revisions": "event_time", "pos.lines": "event_time",
    "pos.tenders": "event_time", "cam.presence": "start_at", "cam.events": "event_time", "lp.alerts": "raised_at", "lp.reviews": "reviewed_at",
    "lp.judgements": "judged_at", "rec.segments": "start_at", "rec.gaps": "start_at", "ref.clock": "valid_from",
}
NULL = "\x01null"


def questions():
    """Heading, whether it may be empty, SQL."""
    text = "".join((DOCS / page).read_text() for page in ("questions-tills.md", "questions-evidence.md"))
    found = re.findall(r"^## ([^\n]+)\n((?:(?!^## ).)*?)^```sql\n(.*?)^```", text, re.S | re.M)
    return [(title, "It is empty " in re.sub(r"\s+", " ", words), sql) for title, words, sql in found]


def plain(value):
    """The same text for the same value, whoever gives it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, decimal.Decimal)):
        number = float(value)
        return f"{0.0 if number == 0 else number:.9g}"
    if isinstance(value, datetime.datetime):
        if value.tzinfo:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return value.isoformat(sep=" ", timespec="microseconds")
    return str(value)


def from_text(text, oid):
    """What psql prints, as the value it means."""
    if text == NULL:
        return None
    if oid == 16:
        return text == "t"
    if oid in (20, 21, 23, 700, 701, 1700):
        return decimal.Decimal(text)
    if oid in (1114, 1184):
        return datetime.datetime.fromisoformat(re.sub(r"\+00$", "+00:00", text))
    return text


def by_psycopg(connection, sql):
    cursor = connection.execute(sql)
    return cursor.fetchall(), [column.type_code for column in cursor.description]


def by_psql(dsn, sql, oids):
    asked = ["psql", dsn, "-X", "-q", "--csv", "-P", f"null={NULL}", "-v", "ON_ERROR_STOP=1", "-c", sql]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    rows = list(csv.reader(io.StringIO(done.stdout)))[1:]
    return [[from_text(cell, oid) for cell, oid in zip(row, oids, strict=True)] for row in rows]


def by_duckdb(db, sql):
    # Instants reach Python without a zone: it would want the package pytz for them.
    columns = db.sql(sql.rstrip().rstrip(";")).description
    names = ", ".join(
        f'CAST("{name}" AS TIMESTAMP) AS "{name}"' if "TIME ZONE" in str(kind).upper() else f'"{name}"'
        for name, kind, *_ in columns
    )
    return db.execute(f"SELECT {names} FROM ({sql}) AS asked").fetchall()


def over_lake(lake):
    folder = importlib.resources.files("duckdb_extension_delta") / "extensions" / f"v{duckdb.__version__}"
    db = duckdb.connect()
    db.execute(f"LOAD '{folder / 'delta.duckdb_extension'}'")
    db.execute("SET VARIABLE lake = '" + str(lake).replace("'", "''") + "'")
    db.execute((DOCS / "duckdb.sql").read_text())
    return db


def settled(sql, until):
    """The question on rows that are older than `until`."""
    if until is None:
        return sql
    names = "|".join(re.escape(name) for name in TIMES)
    return re.sub(
        rf"\b({names})(?=[\s)])",
        lambda m: f"(select * from {m[1]} where {TIMES[m[1]]} < timestamp with time zone '{until}')",
        sql,
    )


def difference(there, here):
    """What one has and the other has not; empty when they are the same."""
    there, here = ([tuple(plain(value) for value in row) for row in rows] for rows in (there, here))
    key = lambda row: tuple((value is not None, value or "") for value in row)
    there, here = sorted(there, key=key), sorted(here, key=key)
    if there == here:
        return ""
    only = lambda a, b: [row for row in a if row not in b][:3]
    return f"{len(there)} rows and {len(here)}; only the first has {only(there, here)}, only the second {only(here, there)}"


def compare(options, connection, sql):
    """How many rows, seconds by engine, and what differs."""
    until = None
    if options.settled:
        now = datetime.datetime.now(datetime.timezone.utc)
        until = (now - datetime.timedelta(seconds=options.settled)).strftime("%Y-%m-%d %H:%M:%S+00")
    sql = settled(sql, until)
    took, clock = [], time.monotonic()

    def lap():
        nonlocal clock
        took.append(time.monotonic() - clock)
        clock = time.monotonic()

    driver, oids = by_psycopg(connection, sql)
    lap()
    shell = by_psql(options.dsn, sql, oids)
    lap()
    # A connection of its own: DuckDB would keep the version of a table that it saw first.
    db = over_lake(options.lake)
    clock = time.monotonic()
    disk = by_duckdb(db, sql)
    lap()
    db.close()
    for name, rows in (("psql", shell), ("DuckDB", disk)):
        wrong = difference(driver, rows)
        if wrong:
            return len(driver), took, f"psycopg and {name}: {wrong}"
    return len(driver), took, ""


def patiently(options, connection, sql):
    deadline = time.monotonic() + options.patience
    while True:
        try:
            answer = compare(options, connection, sql)
        except (psycopg.Error, duckdb.Error, RuntimeError) as error:
            answer = (0, [], f"{type(error).__name__}: {error}")
        if not answer[2] or time.monotonic() > deadline:
            return answer
        time.sleep(2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dsn")
    parser.add_argument("lake", type=pathlib.Path)
    parser.add_argument("--settled", type=float, default=0, metavar="SECONDS")
    parser.add_argument("--patience", type=float, default=30, metavar="SECONDS")
    options = parser.parse_args()
    asked = questions()
    failed = 0
    if len(asked) < 20:
        print(f"FAIL docs/questions-*.md have {len(asked)} questions, not 20")
        failed += 1
    with psycopg.connect(options.dsn, autocommit=True) as connection:
        db = over_lake(options.lake)
        for table in TIMES:
            _, _, wrong = patiently(options, connection, f"select count(*) as n from {table} ")
            schema, name = table.split(".")
            which = f"where table_schema = '{schema}' and table_name = '{name}'"
            sql = f"select column_name from information_schema.columns {which}"
            there, here = ({row[0] for row in rows} for rows in (by_psycopg(connection, sql)[0], by_duckdb(db, sql)))
            if not wrong and there != here:
                wrong = f"columns that only one has: {sorted(there ^ here)}"
            failed += bool(wrong)
            print(f"{'FAIL' if wrong else 'ok  '} {table}{': ' + wrong if wrong else ''}")
        for title, may_be_empty, sql in asked:
            rows, took, wrong = patiently(options, connection, sql)
            if not (wrong or rows or may_be_empty or options.settled):
                wrong = "it has no row, and its page does not say why"
            failed += bool(wrong)
            times = " ".join(f"{seconds:.1f}" for seconds in took)
            print(f"{'FAIL' if wrong else 'ok  '} {rows:4} rows  {times} s  {title}{': ' + wrong if wrong else ''}")
    print(f"{len(asked)} questions, {failed} failed (seconds: psycopg, psql, DuckDB)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
