"""How schemathesis writes the two media types of the HTTP surface that it does not know, and what stands in a table of cameras.

Loaded by it::fuzz (SCHEMATHESIS_HOOKS).
"""

import json

import schemathesis
from hypothesis import strategies as st

# Nobody answers there: a camera that is tried is refused at once.
WORDS = st.sampled_from(["17", "42", "", "till-1", "till-9", "127.0.0.1:9", "rtsp://127.0.0.1:9/x", "Till, 1", "ünï"])


def line(fields):
    return ",".join('"' + field.replace('"', '""') + '"' if set(field) & set(',"\n') else field for field in fields)


@schemathesis.serializer("text/csv")
def table(_, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.serializer("application/x-ndjson")
def lines(_, value):
    return "".join(f"{json.dumps(each)}\n" for each in (value if isinstance(value, list) else [value])).encode()


schemathesis.openapi.media_type(
    "text/csv",
    st.lists(st.lists(WORDS, min_size=1, max_size=7).map(line), max_size=4).map(lambda rows: "\n".join(rows).encode()),
)
