"""What adbc-driver-flightsql makes of the endpoint: each step prints a line, and the first that goes wrong ends it.

    flight.py PORT LOGIN SECRET OTHER_LOGIN OTHER_SECRET CORPUS

The second login sees store 17 only; CORPUS is a file of statements that must be refused.
"""

import pathlib
import sys
import threading
import time
import warnings

import pyarrow
from adbc_driver_flightsql import dbapi

LONG = "select count(*) as n from generate_series(1, 1000000) a, generate_series(1, 1000000) b where a.value <> b.value"
COUNT = "select count(*) as n from pos.transactions where store_id = $1"


def connect(port, login, secret):
    return dbapi.connect(f"grpc://127.0.0.1:{port}", db_kwargs={"username": login, "password": secret}, autocommit=True)


def ask(connection, sql, values=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def fails(connection, sql, *wanted):
    """The statement must fail, and the failure must say one of these."""
    try:
        rows = ask(connection, sql)
    except Exception as error:
        said = str(error)
        assert any(text in said for text in wanted), f"{sql}: {said}"
        return said
    raise AssertionError(f"{sql}: answered {rows}")


def main():
    port, login, secret, other_login, other_secret, corpus = sys.argv[1:]
    warnings.simplefilter("error")
    connection = connect(port, login, secret)
    about = connection.adbc_get_info()
    assert about["vendor_name"] == "Tillsight", about
    print("connect")

    catalogs = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
    assert [catalog["catalog_name"] for catalog in catalogs] == ["tillsight"], catalogs
    schemas = {schema["db_schema_name"]: schema["db_schema_tables"] for schema in catalogs[0]["catalog_db_schemas"]}
    assert set(schemas) == {"cam", "lake", "lp", "pos", "rec", "ref"}, set(schemas)
    tables = {table["table_name"]: table["table_type"] for table in schemas["pos"]}
    assert tables.get("transactions") == "TABLE" and "lines" in tables, tables
    found = connection.adbc_get_objects(depth="columns", db_schema_filter="pos", table_name_filter="trans%").read_all()
    columns = [table["table_columns"] for table in found.to_pylist()[0]["catalog_db_schemas"][0]["db_schema_tables"]]
    assert columns and all(any(column["column_name"] == "event_id" for column in each) for each in columns), columns
    assert connection.adbc_get_table_types() == ["TABLE"]
    print("list")

    described = connection.adbc_get_table_schema("transactions", db_schema_filter="pos")
    assert described.field("total").type == pyarrow.decimal128(18, 2), described
    assert described.field("business_day").type == pyarrow.date32(), described
    assert described.field("event_id").metadata[b"ARROW:FLIGHT:SQL:REMARKS"], described.field("event_id")
    print("describe")

    assert isinstance(ask(connection, COUNT, ["17"])[0][0], int)
    assert ask(connection, "select $1 + 1 as n, upper($2) as t", [41, "x"]) == [(42, "X")]
    assert ask(connection, "select cast($1 as date) as d", ["2026-11-14"])[0][0].isoformat() == "2026-11-14"
    since = "select count(*) as n from pos.lines where store_id = $1 and event_date >= $2"
    assert isinstance(ask(connection, since, ["17", "2026-11-01"])[0][0], int)
    with connection.cursor() as cursor:
        cursor.execute("select value, value * 2 as twice from generate_series(1, 200000)")
        table = cursor.fetch_arrow_table()
    assert table.num_rows == 200000 and max(table["twice"].to_pylist()) == 400000, table.schema
    print("ask")

    with connection.cursor() as cursor:
        began = time.monotonic()
        timer = threading.Timer(1.5, cursor.adbc_cancel)
        timer.start()
        try:
            cursor.execute(LONG)
            raise AssertionError(f"answered {cursor.fetchall()}")
        except Exception as error:
            assert "cancel" in str(error).lower(), error
        assert time.monotonic() - began < 5, "cancelled late"
    assert ask(connection, "select 1 as one") == [(1,)]
    print("cancel")

    began = time.monotonic()
    fails(connection, LONG, "statement timeout")
    assert time.monotonic() - began < 15
    fails(connection, "select nothing from pos.transactions", "42703")
    fails(connection, "select 1 as a; select 2 as b", "one statement at a time")
    for statement in pathlib.Path(corpus).read_text().splitlines():
        if statement and not statement.startswith("#"):
            fails(connection, statement, "[42501]", "[0A000]")
    for change in ("insert into pos.lines select * from pos.lines", "set statement_timeout = 0", "begin"):
        fails(connection, change, "[42501]", "[0A000]")
    with connection.cursor() as cursor:
        try:
            cursor.adbc_ingest("evil", pyarrow.table({"a": [1]}))
        except dbapi.Error:
            pass
        else:
            raise AssertionError("rows were taken")
    print("refused")

    try:
        connect(port, login, "not the secret").cursor().execute("select 1 as one")
        raise AssertionError("a wrong password was let in")
    except Exception as error:
        assert "password authentication failed" in str(error), error
    try:
        connect(port, "nobody.default", secret).cursor().execute("select 1 as one")
        raise AssertionError("nobody was let in")
    except Exception as error:
        assert "password authentication failed" in str(error), error
    header = {"adbc.flight.sql.authorization_header": f"Bearer {secret}"}
    with dbapi.connect(f"grpc://127.0.0.1:{port}", db_kwargs=header, autocommit=True) as bearer:
        assert ask(bearer, "select current_user as who") == ask(connection, "select current_user as who")
    print("log in")

    other = connect(port, other_login, other_secret)
    stores = "select store_id from ref.stores order by store_id"
    assert ask(connection, stores) == [("17",), ("42",)], ask(connection, stores)
    assert ask(other, stores) == [("17",)], ask(other, stores)
    print("scope", flush=True)

    # The token is revoked meanwhile: whoever is logged in with it is out.
    sys.stdin.readline()
    fails(other, stores, "revoked", "log in again")
    assert ask(connection, "select 1 as one") == [(1,)]
    print("revoked")


if __name__ == "__main__":
    main()
