"""Flink SQL: compiles FlinkPeer.java beside the jars that the set-up script fetched, hands it the events as files, and tells what it
says."""

import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

from common import REFUND, cannot, files, tables, tell

way, source, _ = sys.argv[1:]
HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("TILLSIGHT_CACHE") or pathlib.Path.home() / ".cache" / "tillsight")
JARS = CACHE / "flink"
# What Flink's own scripts open for Java 17.
OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.lang", "java.net", "java.io", "java.nio", "java.util", "java.time")]


def export(folder):
    """Tills and cameras as lines, in the order of their arrival; how many events they are."""
    video = way == "refund"
    db, events = tables(source, "RETURN" if video else "POST_VOID", video, REFUND, live=True)
    db.execute(
        f"""COPY (SELECT concat(p.store_id, '/', p.register_id), p.store_id, p.operator_id, p.event_id, p.kind, p.event_us // 1000,
            c.event_id IS NOT NULL, a.camera_begin_us - 2000000 - a.clock_bound_us, a.camera_end_us + 2000000 + a.clock_bound_us
        FROM pos p LEFT JOIN anchor a ON a.event_id = p.event_id
        LEFT JOIN (SELECT DISTINCT event_id FROM tenders WHERE tender_type = 'CASH') c ON c.event_id = p.event_id
        ORDER BY p.event_us, p.event_id) TO '{folder / "tills.csv"}' (HEADER false)"""
    )
    if video:
        db.execute(
            f"""COPY (SELECT concat(store_id, '/', register_id), epoch_us(start_at) // 1000, epoch_us(start_at), epoch_us(end_at), state
            FROM {files(source, 'cam_presence')} ORDER BY start_at) TO '{folder / "cameras.csv"}' (HEADER false)"""
        )
    return events


lib = max(JARS.glob("*/lib"), default=None)
if lib is None:
    cannot(f"no jars in {JARS}: run deploy/setup.sh bench")
if shutil.which("javac") is None:
    cannot("no javac: install a JDK (Debian: default-jdk-headless), then run again")
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    paths = f"{lib}/*:{folder}"
    built = subprocess.run(["javac", "-d", folder, "-cp", f"{lib}/*", HERE / "FlinkPeer.java"], capture_output=True, text=True)
    if built.returncode:
        cannot(f"FlinkPeer.java does not compile: {built.stderr.splitlines()[0]}")
    if way == "decode":
        import duckdb

        events = duckdb.execute(f"SELECT sum(len(lines)) FROM read_json('{source}', format = 'newline_delimited')").fetchone()[0]
        of = source
    else:
        events, of = export(folder), folder
    ran = subprocess.run(["java", "-Xmx4g", "-XX:+UseSerialGC", *OPENS, "-cp", paths, "FlinkPeer", way, of], capture_output=True, text=True)
    if ran.returncode:
        told = [line for line in ran.stderr.splitlines() if "Exception" in line or "Error" in line]
        cannot(" / ".join(told[-1:] or ran.stderr.splitlines()[-1:])[:300])
    runs = [line.split()[1:] for line in ran.stdout.splitlines() if line.startswith("run ")]
    found = [line.removeprefix("found ") for line in ran.stdout.splitlines() if line.startswith("found ")]
    version = next(iter(lib.glob("flink-core-[0-9]*.jar"))).stem.removeprefix("flink-core-")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    tell(version, events, [float(run[0]) for run in runs], [float(run[1]) for run in runs], peak, found)
