"""What the SQL clients of other people make of the endpoint.

    matrix.py DSN [--only CLIENT ...] [--node-modules FOLDER]

DSN is a connection string with host, port, user, password and dbname. Each client does the same in a process of its own:

    connect    log in and ask for the version
    tables     list the tables, as the client itself finds them
    columns    describe pos.transactions
    ask        count the transactions of store 17, which travels as a parameter
    cancel     break off a statement that would take minutes
    again      ask once more on the same connection

`more` is what else a client asks of a catalogue: keys, types, functions, all of its completion; `reset` does what pools of
connections do when they take one back (DISCARD ALL and its relatives). A table is printed, and the reasons below it; the
exit code is not 0 when a cell differs from what KNOWN says: the endpoint got worse, or better.
"""

import argparse
import json
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from drivers import COLUMNS, TABLES, first_line
from programs import CLIENTS

STEPS = ("connect", "tables", "columns", "ask", "cancel", "again", "more", "reset")
# Cells that fail, by what the failure says; docs/sql-clients.md tells the same in words.
KNOWN = {
    # It does not pass an interruption on: the endpoint's own limit ends the statement.
    ("duckdb", "cancel"): "statement timeout",
}


def judge(step, found):
    """What is wrong with what a step found; empty when nothing is."""
    if step == "tables" and not TABLES <= found:
        return f"not listed: {sorted(TABLES - found)}; listed: {sorted(found)[:8]}"
    if step == "columns" and not COLUMNS <= set(found):
        return f"not described: {sorted(COLUMNS - set(found))}"
    if step in ("ask", "again") and not isinstance(found, int):
        return f"{found!r} is no count"
    return ""


def one(name, dsn, node_modules):
    """Runs the steps of a client and prints a line of JSON for each."""
    client = CLIENTS[name](dsn, node_modules)
    for step in STEPS:
        began = time.monotonic()
        about = ""
        try:
            found = getattr(client, step)()
            wrong = judge(step, found)
            if step == "connect":
                about, version = found
                wrong = "" if str(version).startswith(("PostgreSQL 16", "16")) else f"the version is {version!r}"
            if step == "cancel":
                wrong = "it was answered"
        except Exception as error:
            wrong = first_line(error)
            if step == "cancel" and re.search("cancel|interrupt", wrong, re.I):
                seconds = time.monotonic() - began
                wrong = "" if seconds < 5 else f"only after {seconds:.0f} s: {wrong}"
        print(json.dumps([step, wrong, about, round(time.monotonic() - began, 2)]), flush=True)
        if step == "connect" and wrong:
            return


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dsn")
    parser.add_argument("--only", nargs="*", choices=CLIENTS, default=list(CLIENTS))
    parser.add_argument("--node-modules", default="node_modules")
    parser.add_argument("--one", choices=CLIENTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options.one, options.dsn, options.node_modules)
    surprises, reasons = 0, []
    print(f"{'client':34}" + "".join(f"{step:>9}" for step in STEPS))
    for name in options.only:
        asked = [sys.executable, __file__, options.dsn, "--node-modules", options.node_modules, "--one", name]
        try:
            done = subprocess.run(asked, capture_output=True, text=True, timeout=180)
            out, broke = done.stdout, first_line(done.stderr) if done.returncode else ""
        except subprocess.TimeoutExpired as error:
            out, broke = (error.stdout or b"").decode(), "nothing for three minutes"
        told = {step: (wrong, about, took) for step, wrong, about, took in map(json.loads, out.splitlines())}
        cells = []
        for step in STEPS:
            wrong = told[step][0] if step in told else broke or "not reached"
            known = KNOWN.get((name, step), "not reached")
            if wrong == "not reached" and told:
                # Its first failure is judged, not what that leaves undone.
                cells.append("-")
                continue
            surprises += (known not in wrong) if wrong else (name, step) in KNOWN
            cells.append(("known" if known in wrong else "FAIL") if wrong else "BETTER" if (name, step) in KNOWN else "ok")
            if wrong:
                reasons.append(f"{name} {step}: {wrong}")
        print(f"{told.get('connect', ('', '', 0))[1] or name:34}" + "".join(f"{cell:>9}" for cell in cells), flush=True)
    print("\n".join(reasons))
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
