#!/usr/bin/env bash
# make.sh TILLSIGHT FOLDER: a small data directory, made by that binary in a minute of its real work, for the test that later
# versions read what earlier ones wrote (tests/it/upgrade.rs).
#
# A store with a camera and three people; a cash sale that is voided, six cancelled sales, a no-sale that no camera saw, a
# repetition and a wrong record; one alert is decided, one clip is fetched. A zone is drawn and drawn again, an operator is
# left out of the rules, a case is opened with the alert, its receipt and a note, a search is kept, and a token is made and
# revoked: all over HTTP. Then the system is stopped, and database, audit, lake and recordings are packed: not the broker's log, which is a copy's own business (docs/install.md), and not
# the search index, which is made again. Needs what `deploy/setup.sh test` puts in place.
set -euo pipefail

TILLSIGHT=$(realpath "$1")
OUT=$2
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PY=/usr/bin/python3
TMP=$(mktemp -d)
CAMERA=
SYSTEM=
finish() {
  for process in $CAMERA $SYSTEM; do kill "$process" 2>/dev/null || true; done
  wait
  rm -rf "$TMP"
}
trap finish EXIT

port() { $PY -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
HTTP=$(port)
CONFIG=$TMP/tillsight.toml
DATA=$TMP/data

$PY "$HERE/../../servers/rtsp_server.py" --width 160 --height 90 --kbps 16 --fps 5 --gop 10 >"$TMP/camera" &
CAMERA=$!
until grep -q url "$TMP/camera"; do sleep 0.1; done
URL=$($PY -c 'import json, sys; print(json.loads(open(sys.argv[1]).readline())["url"])' "$TMP/camera")

cat >"$CONFIG" <<TOML
[kafka]
port = $(port)
partitions = 1
[http]
listen = "127.0.0.1:$HTTP"
[sql]
listen = "127.0.0.1:$(port)"
[lake]
commit_seconds = 1
[[store]]
tenant = "demo"
id = "17"
name = "Kiosk 1"
tz = "America/Chicago"
currency = "USD"
[[integrator]]
id = "kiosk"
tenant = "demo"
[[camera]]
id = "till-1"
tenant = "demo"
store = "17"
url = "$URL"
TOML

"$TILLSIGHT" --config "$CONFIG" run >"$TMP/log" 2>&1 &
SYSTEM=$!
until curl -sf "http://127.0.0.1:$HTTP/readyz" >/dev/null; do
  kill -0 $SYSTEM || { cat "$TMP/log"; exit 1; }
  sleep 0.2
done

ts() { "$TILLSIGHT" --config "$CONFIG" "$@"; }
secret() { ts token create "$@" | sed -n 's/^secret: //p'; }
ts user add lena --role analyst --stores 17
ts user add hanna --role head_office
ts user add ida --role admin
echo 'correct horse battery' | ts user password lena
PERSON=$(secret --http lena --name page)
secret --user hanna --name bi >/dev/null
ADMIN=$(secret --http ida --name setup)
KIOSK=$(secret --integrator kiosk --name till)
ts token revoke hanna.bi
secret --user hanna --name dax >/dev/null

$PY - "$HTTP" "$KIOSK" "$PERSON" "$ADMIN" "$DATA" "$TMP/expected.json" <<'PYTHON'
import datetime, json, pathlib, sqlite3, sys, time, urllib.parse, urllib.request

http, kiosk, person, admin, data, expected = sys.argv[1:]
begun = datetime.datetime.now(datetime.timezone.utc)


def ask(path, token, body=None, method=None):
    url, headers = f"http://127.0.0.1:{http}/api/v1/{path}", {"authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, headers=headers, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def done(path, token, body=None, method=None):
    status, answer = ask(path, token, body, method)
    assert status in (200, 201, 204), (path, status, answer)
    return json.loads(answer or b"null")


def until(what, condition):
    deadline = time.monotonic() + 90
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return found


def rung(kind, number, **more):
    record = {
        "store_id": "17", "register_id": "1", "kind": kind, "sequence_no": number, "operator_id": "7",
        "event_time_raw": datetime.datetime.now(datetime.timezone.utc).isoformat(), "receipt_no": f"R-{number}",
    }
    status, answer = ask("pos/transactions", kiosk, record | more)
    return status, json.loads(answer)["records"][0], record | more


item = {"line_no": 1, "action": "SALE", "description": "HEADPHONES", "qty_milli": 1000, "extended_minor": 2599}
cash = {"tender_no": 1, "tender_type": "CASH", "amount_minor": 2599, "direction": "IN"}
_, _, sale = rung("SALE", 1, total_minor=2599, lines=[item], tenders=[cash])
day = begun.astimezone().date()
rung("POST_VOID", 2, total_minor=2599, reference={"register_id": "1", "receipt_no": "R-1"})
for number in range(3, 9):
    rung("CANCEL", number, total_minor=500)
rung("NO_SALE", 9)
assert ask("pos/transactions", kiosk, sale)[0] == 202, "a repetition"
assert rung("SALE", 10, total_minor=-1)[0] == 422, "a wrong record"

alerts = until("two alerts", lambda: (found := json.loads(ask("alerts", person)[1])["items"]) and len(found) >= 2 and found)
void = next(alert for alert in alerts if alert["rule_id"] == "post_void")
decision = {"disposition": "confirmed", "note": "the money was not there", "revision": void["revision"]}
assert ask(f"alerts/{void['alert_id']}/review", person, decision)[0] == 200


def clip():
    now = datetime.datetime.now(datetime.timezone.utc)
    span = {"from": now - datetime.timedelta(seconds=8), "to": now - datetime.timedelta(seconds=3)}
    asked = urllib.parse.urlencode({name: at.isoformat() for name, at in span.items()})
    return ask(f"clips/till-1.mp4?{asked}", person)[0] == 200


until("a clip", clip)

zone = {"camera_id": "till-1", "kind": "customer", "register_id": "1", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}
drawn = done("setup/zones/17/till-1-customer", admin, zone | {"version": None}, "PUT")
zone["polygon"].append([0.25, 0.75])
drawn = done("setup/zones/17/till-1-customer", admin, zone | {"version": drawn["version"]}, "PUT")
month = (begun + datetime.timedelta(days=30)).isoformat()
adjusted = done("setup/adjustments", admin, {"store_id": "17", "operator_id": "99", "note": "trains others", "until": month})
receipt = done(f"alerts/{void['alert_id']}", person)["transaction"]["event_id"]
opening = {"title": "Voids at till 1", "alerts": [void["alert_id"]], "receipts": [receipt], "note": "He was alone."}
case = done("cases", person, opening)
edit = {"revision": case["revision"], "status": "in_progress", "loss_minor": 2599, "currency": "USD"}
case = done(f"cases/{case['case_id']}", person, edit, "PATCH")
kept = done("searches", person, {"name": "Headphones", "q": "headphones", "shared": True})
revoked = done("setup/tokens", admin, {"kind": "person", "owner": "lena", "name": "old"})
done(f"setup/tokens/{revoked['token']['login']}", admin, method="DELETE")
assert ask("alerts", revoked["secret"])[0] == 401
until("the hold of the case", pathlib.Path(data, "recordings/holds.jsonl").exists)
lake = pathlib.Path(data, "lake")
tables = ["pos_transactions", "pos_lines", "pos_tenders", "lp_alerts", "lp_judgements", "lp_reviews"]
until("the archive", lambda: all(any(lake.glob(f"{table}/**/*.parquet")) for table in tables))
time.sleep(3)  # the last commit
database = sqlite3.connect(pathlib.Path(data, "tillsight.sqlite"))
count = lambda table: database.execute(f"select count(*) from {table}").fetchone()[0]
json.dump(
    {
        "transactions": 9, "lines": 1, "tenders": 1, "alerts": count("alerts"), "judgements": count("judgements"),
        "reviews": 1, "identities": count("pos_identity"), "users": ["hanna", "ida", "lena"],
        "tokens": ["hanna.dax", "ida.http.setup", "kiosk.till", "lena.http.page"], "token": kiosk,
        "password": "correct horse battery", "decided": void["alert_id"],
        "zone": {"id": drawn["zone_id"], "version": drawn["version"], "polygon": drawn["polygon"]},
        "adjustment": {"operator": adjusted["operator_id"], "until": adjusted["until"]},
        "case": {
            "id": case["case_id"], "title": case["title"], "status": case["status"], "loss_minor": case["loss_minor"],
            "receipt": receipt, "history": len(case["history"]),
        },
        "search": {"id": kept["search_id"], "name": kept["name"], "q": kept["q"]},
        "revoked": {"login": revoked["token"]["login"], "secret": revoked["secret"]},
    },
    open(expected, "w"), indent=2,
)
PYTHON

kill -TERM $SYSTEM
wait $SYSTEM || true
SYSTEM=
mkdir -p "$OUT"
tar -C "$DATA" --exclude=kafka --exclude=search --exclude=run --exclude='*.lock' --sort=name --owner=0 --group=0 -czf "$OUT/data.tar.gz" .
$PY - "$TMP/expected.json" "$OUT/expected.json" "$DATA" <<'PYTHON'
import json, pathlib, sqlite3, sys

expected = json.load(open(sys.argv[1]))
data = pathlib.Path(sys.argv[3])
expected["audit"] = sqlite3.connect(data / "audit.sqlite").execute("select count(*) from audit").fetchone()[0]
index = sqlite3.connect(next(data.glob("recordings/*.sqlite")))
expected["segments"] = index.execute("select count(*) from segment").fetchone()[0]
json.dump(expected, open(sys.argv[2], "w"), indent=2)
PYTHON
echo >>"$OUT/expected.json"
"$TILLSIGHT" --version
ls -l "$OUT"
