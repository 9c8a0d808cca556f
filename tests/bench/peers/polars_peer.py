"""Polars: `join_asof` where a question is about the last stretch before, `shift` where it is about the row before."""

import sys

import polars as pl

from common import REFUND, cannot, measure, tables

way, lake, _ = sys.argv[1:]
KEYS = ["store_id", "register_id"]

if way == "refund":
    db, events = tables(lake, "RETURN", True, REFUND)
    anchor = pl.from_arrow(db.execute("FROM anchor").to_arrow_table())
    presence = pl.from_arrow(db.execute("FROM presence ORDER BY start_us").to_arrow_table())

    def work():
        looked = (
            anchor.lazy()
            .filter(~pl.col("training") & ~pl.col("test"))
            .select(
                "event_id",
                *KEYS,
                from_us=pl.col("camera_begin_us") - 2_000_000 - pl.col("clock_bound_us"),
                to_us=pl.col("camera_end_us") + 2_000_000 + pl.col("clock_bound_us"),
            )
            .sort("to_us")
        )
        somebody = presence.lazy().filter(pl.col("state") != "absent").select(*KEYS, "start_us", "end_us").set_sorted("start_us")
        found = looked.join_asof(
            somebody, left_on="to_us", right_on="start_us", by=KEYS, strategy="backward", allow_exact_matches=False, check_sortedness=False
        ).filter(pl.col("end_us").is_null() | (pl.col("end_us") <= pl.col("from_us")))
        return found.select("event_id").collect()["event_id"].to_list()

elif way == "sequence":
    db, events = tables(lake, "POST_VOID", False, {})
    pos = pl.from_arrow(db.execute("FROM pos ORDER BY store_id, register_id, event_us, event_id").to_arrow_table())
    tenders = pl.from_arrow(db.execute("FROM tenders").to_arrow_table())

    def work():
        cash = tenders.lazy().filter(pl.col("tender_type") == "CASH").select("event_id").unique()
        kinds = pos.lazy().select("event_id", *KEYS, "kind", "event_us")
        before = kinds.select("event_id", "kind", "event_us", *(pl.col(c).shift(1).name.suffix("_before") for c in ("event_id", "kind", "event_us", *KEYS)), *KEYS)
        voids = before.filter(
            (pl.col("kind") == "POST_VOID")
            & (pl.col("kind_before") == "SALE")
            & (pl.col("event_us_before") > pl.col("event_us") - 60_000_000)
            & (pl.col("store_id") == pl.col("store_id_before"))
            & (pl.col("register_id") == pl.col("register_id_before"))
        )
        found = voids.join(cash, left_on="event_id_before", right_on="event_id", how="semi")
        return found.select("event_id").collect()["event_id"].to_list()

else:
    cannot(f"no way {way}")

measure(pl.__version__, events, work)
