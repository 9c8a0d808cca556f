"""The clients of matrix.py: each does the same steps in its own way. A step returns what it found, or raises."""

import asyncio
import importlib.resources
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import threading
import time

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


class Psql(Client):
    def run(self, *commands, variables=()):
        asked = ["psql", self.dsn, "-XAt", "-F", ".", "-v", "ON_ERROR_STOP=1"]
        for variable in variables:
            asked += ["-v", variable]
        done = subprocess.run(asked, input="\n".join(commands), capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.splitlines()

    def connect(self):
        version = subprocess.run(["psql", "--version"], capture_output=True, text=True).stdout.split()[2]
        return f"psql {version}", self.run("select version();")[0]

    def tables(self):
        return {".".join(line.split(".")[:2]) for line in self.run("\\dt *.*")}

    def columns(self):
        return [line.split(".")[0] for line in self.run("\\d pos.transactions")]

    def ask(self):
        # psql 15 puts a variable in as text; \bind came with 16.
        return int(self.run(COUNT.format(":'store'") + ";", variables=["store=17"])[0])

    def cancel(self):
        # At a terminal: a psql that reads from elsewhere ends when it is interrupted.
        ours, theirs = pty.openpty()
        psql = subprocess.Popen(["psql", self.dsn, "-XAtn", "-P", "pager=off"], stdin=theirs, stdout=theirs,
                                stderr=subprocess.PIPE, text=True, start_new_session=True)
        os.write(ours, f"{LONG};\n".encode())
        time.sleep(1.5)
        psql.send_signal(signal.SIGINT)
        time.sleep(0.5)
        os.write(ours, (COUNT.format("'17'") + ";\n\\q\n").encode())
        said = psql.communicate(timeout=30)[1]
        os.close(theirs)
        self.after = os.read(ours, 65536).decode()
        raise RuntimeError(said.strip())

    def again(self):
        return int(next(line for line in self.after.splitlines() if line.isdigit()))

    def more(self):
        every(**{command: lambda command=command: self.run(command) and None
                 for command in ("\\d+ pos.transactions", "\\dn+", "\\dv", "\\di", "\\du", "\\df", "\\dT", "\\l", "\\dp")})


class Pgcli(Client):
    def connect(self):
        import pgcli
        from pgcli.pgexecute import PGExecute
        at = self.at
        self.execute = PGExecute(at["dbname"], at["user"], at["password"], at["host"], at["port"])
        done = subprocess.run([sys.executable, "-m", "pgcli.main", self.uri, "--less-chatty", "-c", "select version()"],
                              capture_output=True, text=True, timeout=30)
        if done.returncode or "PostgreSQL 16" not in done.stdout:
            raise RuntimeError(done.stderr or done.stdout)
        return f"pgcli {pgcli.__version__}", re.search(r"PostgreSQL[^|]*", done.stdout)[0].strip()

    def tables(self):
        return names(self.execute.tables())

    def more(self):
        # Everything that its completion asks for.
        execute = self.execute
        every(search_path=execute.search_path, schemata=execute.schemata, views=execute.views, casing=execute.casing,
              databases=execute.databases, functions=execute.functions, datatypes=execute.datatypes,
              foreignkeys=execute.foreignkeys, view_columns=execute.view_columns)

    def columns(self):
        return [row[2] for row in self.execute.table_columns() if tuple(row[:2]) == ("pos", "transactions")]

    def ask(self):
        with self.execute.conn.cursor() as cursor:
            cursor.execute(COUNT.format("%s"), ["17"])
            return cursor.fetchone()[0]

    def cancel(self):
        later(self.execute.conn.cancel)
        with self.execute.conn.cursor() as cursor:
            cursor.execute(LONG)
            cursor.fetchall()


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


class Jdbc(Client):
    """pgJDBC, the driver of DBeaver and Metabase, in a Java machine within Python."""

    def connect(self):
        import jpype
        self.jpype = jpype
        if not jpype.isJVMStarted():
            jpype.startJVM("-Xmx128m", classpath=["/usr/share/java/postgresql.jar"])
        at = self.at
        self.connection = jpype.java.sql.DriverManager.getConnection(
            f"jdbc:postgresql://{at['host']}:{at['port']}/{at['dbname']}", at["user"], at["password"])
        about = self.connection.getMetaData()
        return f"pgJDBC {str(about.getDriverVersion()).split()[0]}", str(about.getDatabaseProductVersion())

    def tables(self):
        found = self.connection.getMetaData().getTables(None, None, "%", ["TABLE"])
        return {f"{found.getString('TABLE_SCHEM')}.{found.getString('TABLE_NAME')}" for _ in iter(found.next, False)}

    def columns(self):
        about = self.connection.getMetaData()
        found = about.getColumns(None, "pos", "transactions", "%")
        return [str(found.getString("COLUMN_NAME")) for _ in iter(found.next, False)]

    def ask(self):
        # More often than its threshold of five: from then on it keeps the statement on the server.
        for _ in range(7):
            statement = self.connection.prepareStatement(COUNT.format("?"))
            statement.setString(1, "17")
            found = statement.executeQuery()
            found.next()
            count = found.getLong(1)
            statement.close()
        return count

    def more(self):
        about, at = self.connection.getMetaData(), (None, "pos", "transactions")
        every(schemas=lambda: about.getSchemas().next(), primary_keys=lambda: about.getPrimaryKeys(*at).next(),
              imported_keys=lambda: about.getImportedKeys(*at).next(), types=lambda: about.getTypeInfo().next(),
              indexes=lambda: about.getIndexInfo(*at, False, False).next(),
              functions=lambda: about.getFunctions(None, "pos", "%").next(),
              procedures=lambda: about.getProcedures(None, "pos", "%").next())

    def cancel(self):
        statement = self.connection.createStatement()
        later(lambda: statement.cancel())
        statement.executeQuery(LONG)


class Adbc(Client):
    def connect(self):
        import adbc_driver_postgresql
        import adbc_driver_postgresql.dbapi as adbc
        self.connection = adbc.connect(self.uri, autocommit=True)
        return f"ADBC postgresql {adbc_driver_postgresql.__version__}", self.rows("select version()")[0][0]

    def rows(self, sql, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values) if values else cursor.execute(sql)
            return cursor.fetchall()

    def tables(self):
        found = self.connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        return {f"{schema['db_schema_name']}.{table['table_name']}" for catalog in found
                for schema in catalog["catalog_db_schemas"] or [] for table in schema["db_schema_tables"] or []}

    def columns(self):
        return self.connection.adbc_get_table_schema("transactions", db_schema_filter="pos").names

    def ask(self):
        return self.rows(COUNT.format("$1"), "17")[0][0]

    def cancel(self):
        cursor = self.connection.cursor()
        later(cursor.adbc_cancel)
        cursor.execute(LONG)
        cursor.fetchall()


class DuckDb(Client):
    def connect(self):
        import duckdb
        folder = importlib.resources.files("duckdb_extension_postgres_scanner") / "extensions" / f"v{duckdb.__version__}"
        self.db = duckdb.connect()
        self.db.execute(f"LOAD '{folder / 'postgres_scanner.duckdb_extension'}'")
        # For servers that are not PostgreSQL itself: no COPY, no row ids, a catalogue by the standard.
        self.db.execute("SET pg_use_text_protocol = true; SET pg_use_ctid_scan = false")
        self.db.execute("SET pg_use_information_schema_introspection = true")
        self.db.execute(f"ATTACH '{self.dsn}' AS office (TYPE postgres, READ_ONLY)")
        version = self.db.execute("SELECT * FROM postgres_query('office', 'select version() as v')").fetchone()[0]
        return f"DuckDB {duckdb.__version__} postgres", version

    def tables(self):
        found = self.db.execute("SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'office'")
        return names(found.fetchall())

    def columns(self):
        return [row[0] for row in self.db.execute("DESCRIBE office.pos.transactions").fetchall()]

    def ask(self):
        return self.db.execute(COUNT.format("?").replace("pos.", "office.pos."), ["17"]).fetchone()[0]

    def cancel(self):
        later(self.db.interrupt)
        self.db.execute(f"SELECT * FROM postgres_query('office', '{LONG}')").fetchall()


class NodePg(Client):
    """pg of npm, in matrix.mjs: all steps at once."""

    def connect(self):
        script = pathlib.Path(__file__).with_name("matrix.mjs")
        done = subprocess.run(["node", script, self.node_modules, self.uri, LONG, LIST, DESCRIBE, COUNT.format("$1"),
                               *RESETS], capture_output=True, text=True, timeout=60)
        self.told = json.loads(done.stdout or "{}")
        if done.returncode or not self.told:
            raise RuntimeError(done.stderr.strip()[-400:])
        return self.step("connect")

    def step(self, name):
        told = self.told[name]
        if "error" in told:
            raise RuntimeError(told["error"])
        return told["value"]

    def tables(self):
        return set(self.step("tables"))

    def columns(self):
        return self.step("columns")

    def ask(self):
        return int(self.step("ask"))

    def cancel(self):
        self.step("cancel")

    def again(self):
        return int(self.step("again"))

    def reset(self):
        return int(self.step("reset"))


CLIENTS = {"psql": Psql, "pgcli": Pgcli, "psycopg": Psycopg, "psycopg2": Psycopg2, "asyncpg": Asyncpg,
           "sqlalchemy": SqlAlchemy, "sqlalchemy-psycopg": SqlAlchemy3, "jdbc": Jdbc, "odbc": Odbc, "node-pg": NodePg, "adbc": Adbc, "duckdb": DuckDb}
