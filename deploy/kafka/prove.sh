#!/usr/bin/env bash
# Proves that the Kafka artefacts which setup.sh put in place start, keep a message over a restart, and stop.
#
#   deploy/kafka/prove.sh [LIB_DIR]               the proof; needs java >= 17 and kcat, takes about 15 s
#   deploy/kafka/prove.sh --archive FILE LIB_DIR  one start and stop that writes the JVM's class archive (setup.sh)
#
# It starts a broker on free ports of 127.0.0.1 in a temporary directory, with the same java command line, properties
# and logging as Tillsight's supervisor, and removes everything again. LIB_DIR is by default what setup.sh installed.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VERSION=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$HERE/pom.xml")
READY_LIMIT_MS=15000
WORK=
BROKER=

die() { printf 'kafka/prove.sh: %s\n' "$*" >&2; exit 1; }

now_ms() { date +%s%3N; }

cleanup() {
  if [[ -n $BROKER ]]; then kill -KILL "$BROKER" 2>/dev/null || true; fi
  if [[ -n $WORK ]]; then rm -rf "$WORK"; fi
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local port
  for _ in {1..50}; do
    port=$((20000 + RANDOM % 10000))
    port_answers "$port" || { echo "$port"; return; }
  done
  die "found no free port on 127.0.0.1 between 20000 and 29999"
}

# Becomes the JVM, so call it in a subshell: a signal to that process is then a signal to the broker.
# -Xlog:disable: a class archive that does not fit this JVM is ignored without a word, as it should be.
become_java() {
  exec java -Xms32m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError \
    -Xlog:disable "${ARCHIVE_FLAGS[@]}" -Dlog4j2.configurationFile="$HERE/log4j2.properties" -cp "$LIB/*" "$@"
}

write_properties() {
  PORT=$(free_port)
  CONTROLLER_PORT=$(free_port)
  while [[ $CONTROLLER_PORT == "$PORT" ]]; do CONTROLLER_PORT=$(free_port); done
  sed -e "s|@PORT@|$PORT|g" -e "s|@CONTROLLER_PORT@|$CONTROLLER_PORT|g" -e "s|@LOG_DIR@|$WORK/data|g" \
    "$HERE/server.properties.template" >"$WORK/server.properties"
  # kcat cannot create a topic any other way.
  echo auto.create.topics.enable=true >>"$WORK/server.properties"
}

format() {
  local id
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '=')
  (become_java kafka.tools.StorageTool format --cluster-id "$id" --config "$WORK/server.properties" \
    --feature share.version=0) >"$WORK/format.log" 2>&1 || { cat "$WORK/format.log" >&2; die "formatting failed"; }
}

start() {
  local began
  began=$(now_ms)
  become_java kafka.Kafka "$WORK/server.properties" >"$WORK/broker.log" 2>&1 &
  BROKER=$!
  until port_answers "$PORT"; do
    kill -0 "$BROKER" 2>/dev/null || { cat "$WORK/broker.log" >&2; die "the broker ended while starting"; }
    (($(now_ms) - began < READY_LIMIT_MS)) ||
      { cat "$WORK/broker.log" >&2; die "the broker was not ready in $((READY_LIMIT_MS / 1000)) s"; }
    sleep 0.02
  done
  READY_MS=$(($(now_ms) - began))
}

stop() {
  local began status=0
  began=$(now_ms)
  kill -TERM "$BROKER"
  wait "$BROKER" || status=$?
  BROKER=
  # 143 is how a JVM ends on SIGTERM; the marker is what the broker writes as its last act.
  [[ $status == 143 || $status == 0 ]] || { cat "$WORK/broker.log" >&2; die "the broker ended with status $status"; }
  [[ -e $WORK/data/.kafka_cleanshutdown ]] || die "the broker left no mark of a clean shutdown"
  STOP_MS=$(($(now_ms) - began))
}

rss_mb() { awk '/^VmRSS/ { printf "%d", $2 / 1024 }' "/proc/$BROKER/status" 2>/dev/null || echo '?'; }

consumed() { timeout 20 kcat -C -b "127.0.0.1:$PORT" -t proof -p 0 -o beginning -e -q; }

prove() {
  local message
  message="kept over a restart $(date +%s)"
  command -v kcat >/dev/null || die "kcat is missing: apt-get install kcat"

  write_properties
  local began format_ms
  began=$(now_ms)
  format
  format_ms=$(($(now_ms) - began))

  start
  echo "$message" | timeout 20 kcat -P -b "127.0.0.1:$PORT" -t proof -p 0 -X acks=all 2>"$WORK/kcat.log" ||
    { cat "$WORK/kcat.log" "$WORK/broker.log" >&2; die "the broker did not take a message"; }
  [[ $(consumed) == "$message" ]] || die "the message did not come back"
  local first_ready=$READY_MS first_rss
  first_rss=$(rss_mb)
  stop
  cat "$WORK/broker.log"
  printf 'Kafka %s: formatted in %d ms, ready in %d ms, %s MB resident, stopped in %d ms\n' \
    "$VERSION" "$format_ms" "$first_ready" "$first_rss" "$STOP_MS"

  # Other ports this time: the data must not depend on them.
  write_properties
  start
  [[ $(consumed) == "$message" ]] || die "the message was gone after a restart"
  first_rss=$(rss_mb)
  stop
  cat "$WORK/broker.log"
  printf 'again on the same data, other ports: ready in %d ms, %s MB resident, stopped in %d ms, message kept\n' \
    "$READY_MS" "$first_rss" "$STOP_MS"
}

# The JVM dumps the classes it loaded when it ends; they are the same set at every start.
write_archive() {
  write_properties
  format
  ARCHIVE_FLAGS=("-XX:ArchiveClassesAtExit=$1")
  start
  stop
  [[ -s $1 ]] || { cat "$WORK/broker.log" >&2; die "the JVM wrote no class archive"; }
}

main() {
  local archive=
  if [[ ${1:-} == --archive ]]; then archive=${2:?--archive FILE LIB_DIR}; shift 2; fi
  case ${1:-} in -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit ;; esac
  local home=${XDG_CACHE_HOME:-$HOME/.cache}/tillsight/kafka/$VERSION
  LIB=${1:-$home/lib}
  [[ -d $LIB ]] || die "there is no $LIB: run deploy/setup.sh"
  command -v java >/dev/null || die "java is missing: apt-get install openjdk-17-jre-headless"
  ARCHIVE_FLAGS=()
  if [[ -z $archive && -e $LIB/../broker.jsa ]]; then ARCHIVE_FLAGS=("-XX:SharedArchiveFile=$LIB/../broker.jsa"); fi

  trap cleanup EXIT
  trap 'exit 130' INT TERM
  WORK=$(mktemp -d)
  if [[ -n $archive ]]; then write_archive "$archive"; else prove; fi
}

main "$@"
