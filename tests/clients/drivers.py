"""The drivers of Python among the clients of matrix.py, and what all clients have in common. Each does the same steps in
its own way; a step returns what it found, or raises."""

import asyncio
import pathlib
import threading

LONG = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b where a.value <> b.value"
TABLES = {"pos.transactions", "pos.lines", "lp.alerts", "rec.segments", "ref.stores"}
COLUMNS = {"event_id", "event_time", "store_id", "total", "business_day"}
LIST = "select table_schema, table_name from information_schema.tables where table_schema not like 'pg_%'"
DESCRIBE = ("select column_name, data_type from information_schema.columns "
            "where table_schema = 'pos' and table_name = 'transactions' order by ordinal_position")
COUNT = "select count(*) from pos.transactions where store_id = {}"
RESETS = ("DISCARD ALL", "RESET ALL", "CLOSE ALL", "UNLISTEN *", "DEALLOCATE ALL", "SELECT pg_advisory_unlock_all()",
          "DISCARD TEMP", "DISCARD SEQUENCES")

NPGSQL = "SET SESSION AUTHORIZATION DEFAULT"


def first_line(error):
    text = " ".join((str(error).strip() or repr(error)).split())
    return text if len(text) < 500 else f"{text[:200]} ... {text[-280:]}"


def later(action, seconds=1.5):
    """Does something while the client waits for its answer."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
    return timer


def names(rows):
    return {f"{schema}.{table}" for schema, table in rows}


class Client:
    """What all have in common."""

    def __init__(self, dsn, node_modules):
        self.dsn, self.node_modules = dsn, node_modules
        self.at = dict(part.split("=", 1) for part in dsn.split())
        self.uri = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**self.at)

    def again(self):
        return self.ask()

    def more(self):
        return None

    def reset(self):
        return None


def every(**asked):
    """Does all of it, and raises what went wrong together."""
    wrong = []
    for name, ask in asked.items():
        try:
            found = ask()
            if hasattr(found, "__next__"):
                list(found)
        except Exception as error:
            wrong.append(f"{name}: {first_line(error)[:240]}")
    if wrong:
        raise RuntimeError("; ".join(wrong))


class DbApi(Client):
    """What all drivers of Python's database interface have in common."""

    mark = "%s"

    def rows(self, sql, *values):
        cursor = self.connection.cursor()
        cursor.execute(sql, values) if values else cursor.execute(sql)
        return cursor.fetchall()

    def tables(self):
        return names(self.rows(LIST))

    def columns(self):
        return [row[0] for row in self.rows(DESCRIBE)]

    def ask(self):
        return self.rows(COUNT.format(self.mark), "17")[0][0]

    def cancel(self):
        later(self.connection.cancel)
        self.rows(LONG)

    def reset(self):
        every(**{statement: lambda statement=statement: self.connection.cursor().execute(statement) and None
                 for statement in RESETS})
        return self.ask()


class Psycopg(DbApi):
    def connect(self):
        import psycopg
        self.connection = psycopg.connect(self.dsn, autocommit=True)
        return f"psycopg {psycopg.__version__}", self.rows("select version()")[0][0]

    def more(self):
        # What Npgsql (.NET, Power BI) sends besides RESETS when its pool takes a connection back.
        every(**{NPGSQL: lambda: self.connection.execute(NPGSQL) and None})


class Psycopg2(DbApi):
    def connect(self):
        import psycopg2
        self.connection = psycopg2.connect(self.dsn)
        self.connection.autocommit = True
        return f"psycopg2 {psycopg2.__version__.split()[0]}", self.rows("select version()")[0][0]


class Odbc(DbApi):
    mark = "?"

    def connect(self):
        import pyodbc
        driver = next(pathlib.Path("/usr/lib").glob("*/odbc/psqlodbcw.so"))
        at = self.at
        self.connection = pyodbc.connect(
            f"Driver={driver};Server={at['host']};Port={at['port']};Database={at['dbname']};Uid={at['user']};"
            f"Pwd={at['password']}", autocommit=True)
        version = self.connection.getinfo(pyodbc.SQL_DRIVER_VER)
        return f"psqlODBC {version} (pyodbc {pyodbc.version})", self.rows("select version()")[0][0]

    def tables(self):
        return names((row.table_schem, row.table_name) for row in self.connection.cursor().tables(tableType="TABLE"))

    def columns(self):
        found = self.connection.cursor().columns(table="transactions", schema="pos")
        return [row.column_name for row in found]

    def cancel(self):
        cursor = self.connection.cursor()
        later(cursor.cancel)
        cursor.execute(LONG).fetchall()


class Asyncpg(Client):
    def wait(self, work):
        return self.loop.run_until_complete(work)

    def connect(self):
        import asyncpg
        self.loop = asyncio.new_event_loop()
        self.connection = self.wait(asyncpg.connect(self.uri))
        return f"asyncpg {asyncpg.__version__}", self.wait(self.connection.fetchval("select version()"))

    def tables(self):
        return names(self.wait(self.connection.fetch(LIST)))

    def columns(self):
        prepared = self.wait(self.connection.prepare("select * from pos.transactions"))
        return [attribute.name for attribute in prepared.get_attributes()]

    def ask(self):
        return self.wait(self.connection.fetchval(COUNT.format("$1"), "17"))

    def cancel(self):
        try:
            self.wait(asyncio.wait_for(self.connection.fetch(LONG), 1.5))
        except asyncio.TimeoutError:
            raise RuntimeError("canceled by its timeout") from None

    def reset(self):
        self.wait(self.connection.reset())
        return self.ask()


class SqlAlchemy(Client):
    driver = "psycopg2"

    def connect(self):
        import sqlalchemy
        self.sql = sqlalchemy
        self.engine = sqlalchemy.create_engine(self.uri.replace("postgresql:", f"postgresql+{self.driver}:"), pool_size=1)
        self.connection = self.engine.connect()
        version = self.connection.execute(sqlalchemy.text("select version()")).scalar()
        return f"SQLAlchemy {sqlalchemy.__version__} ({self.driver})", version

    def tables(self):
        look = self.sql.inspect(self.engine)
        return {f"{schema}.{table}" for schema in look.get_schema_names() for table in look.get_table_names(schema)}

    def columns(self):
        described = self.sql.inspect(self.engine).get_columns("transactions", "pos")
        kinds = {column["name"]: str(column["type"]) for column in described}
        if kinds.get("total") != "NUMERIC(18, 2)" or kinds.get("business_day") != "DATE":
            raise RuntimeError(f"reflected as {kinds.get('total')}, {kinds.get('business_day')}")
        return list(kinds)

    def ask(self):
        return self.connection.execute(self.sql.text(COUNT.format(":store")), {"store": "17"}).scalar()

    def more(self):
        look, at = self.sql.inspect(self.engine), ("transactions", "pos")
        every(primary_key=lambda: look.get_pk_constraint(*at), foreign_keys=lambda: look.get_foreign_keys(*at),
              indexes=lambda: look.get_indexes(*at), unique=lambda: look.get_unique_constraints(*at),
              table_comment=lambda: look.get_table_comment(*at), views=lambda: look.get_view_names("pos"),
              reflect=lambda: self.sql.Table("transactions", self.sql.MetaData(), schema="pos", autoload_with=self.engine))

    def cancel(self):
        later(self.connection.connection.driver_connection.cancel)
        try:
            self.connection.execute(self.sql.text(LONG)).all()
        finally:
            self.connection.rollback()

    def reset(self):
        # A connection that goes back to its pool and comes out again.
        self.connection.close()
        self.connection = self.engine.connect()
        return self.ask()


class SqlAlchemy3(SqlAlchemy):
    driver = "psycopg"
