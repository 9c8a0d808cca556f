"""bytewax: a stateful operator written by hand, a key for each register, everything decoded and in memory."""

import importlib.metadata
import sys
from collections import deque
from datetime import timedelta

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

from common import REFUND, cannot, files, measure, tables

way, lake, _ = sys.argv[1:]
if way != "refund":
    cannot(f"no way {way}")
db, events = tables(lake, "RETURN", True, REFUND, live=True)
# What a register says, in the order of its arrival: when it is known, then a refund (what must be clear, and its id) or where
# somebody was or may have been.
rows = db.execute(
    f"""SELECT concat(store_id, '/', register_id) AS key, at_us, from_us, to_us, event_id FROM (
    SELECT store_id, register_id, event_us + 250000 AS at_us, NULL AS from_us, NULL AS to_us, NULL AS event_id FROM pos WHERE kind <> 'RETURN'
    UNION ALL SELECT store_id, register_id, event_us + 250000, camera_begin_us - 2000000 - clock_bound_us,
      camera_end_us + 2000000 + clock_bound_us, event_id FROM anchor
    UNION ALL SELECT store_id, register_id, epoch_us(end_at), CASE WHEN state <> 'absent' THEN epoch_us(start_at) END, epoch_us(end_at), NULL
      FROM {files(lake, 'cam_presence')}) ORDER BY at_us"""
).fetchall()
feed = [(key, tuple(row)) for key, *row in rows]


def look(state, row):
    """Remembers where somebody was, and decides refunds that the camera has passed."""
    seen, waiting = state or (deque(), deque())
    at_us, from_us, to_us, event_id = row
    found = []
    if event_id is not None:
        waiting.append((from_us, to_us, event_id))
    elif to_us is not None:
        if from_us is not None:
            seen.append((from_us, to_us))
        while seen and seen[0][1] < to_us - 120_000_000:
            seen.popleft()
        while waiting and waiting[0][1] <= to_us:
            begin, end, event_id = waiting.popleft()
            if not any(start < end and stop > begin for start, stop in seen):
                found.append(event_id)
    return (seen, waiting), found


def work():
    out = []
    flow = Dataflow("refunds")
    said = op.input("said", flow, TestingSource(feed, batch_size=1000))
    op.output("out", op.stateful_flat_map("look", said, look), TestingSink(out))
    run_main(flow, epoch_interval=timedelta(seconds=10))
    return [event_id for _, event_id in out]


measure(importlib.metadata.version("bytewax"), events, work)
