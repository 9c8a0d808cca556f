"""Shells, programs of other languages and engines among the clients of matrix.py, and the list of all of them."""

import importlib.resources
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time

from drivers import (COUNT, DESCRIBE, LIST, LONG, RESETS, Asyncpg, Client, Odbc, Psycopg, Psycopg2, SqlAlchemy,
                     SqlAlchemy3, every, later, names)


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
        with tempfile.NamedTemporaryFile("r") as answers:
            psql = subprocess.Popen(["psql", self.dsn, "-XAtqn", "-o", answers.name], stdin=theirs, stdout=theirs,
                                    stderr=subprocess.PIPE, text=True, start_new_session=True)
            os.write(ours, f"\\warn ready\n{LONG};\n".encode())
            next(line for line in psql.stderr if "ready" in line)
            time.sleep(1.5)
            psql.send_signal(signal.SIGINT)
            said = next(line for line in psql.stderr if "ERROR" in line)
            os.write(ours, (COUNT.format("'17'") + ";\n\\q\n").encode())
            psql.communicate(timeout=30)
            self.after = answers.read()
        os.close(theirs)
        raise RuntimeError(said.strip())

    def again(self):
        return int(self.after)

    def more(self):
        every(**{command: lambda command=command: self.run(command) and None
                 for command in ("\\d+ pos.transactions", "\\dn+", "\\dv", "\\di", "\\du", "\\df", "\\dT", "\\l", "\\dp")})


class Pgcli(Client):
    def connect(self):
        import pgcli
        from pgcli.pgexecute import PGExecute
        at = self.at
        self.execute = PGExecute(at["dbname"], at["user"], at["password"], at["host"], at["port"])
        # It writes a configuration and a history.
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(
                [sys.executable, "-m", "pgcli.main", self.uri, "--less-chatty", "-c", "select version()"],
                capture_output=True, text=True, timeout=30, env={**os.environ, "XDG_CONFIG_HOME": home, "HOME": home})
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


CLIENTS = {
    "psql": Psql, "pgcli": Pgcli, "psycopg": Psycopg, "psycopg2": Psycopg2, "asyncpg": Asyncpg, "sqlalchemy": SqlAlchemy,
    "sqlalchemy-psycopg": SqlAlchemy3, "jdbc": Jdbc, "odbc": Odbc, "node-pg": NodePg, "adbc": Adbc, "duckdb": DuckDb,
}
