# What one types. Always the whole workspace: building one crate alone would choose other features and compile
# DataFusion once more. Everything heavy lies outside the clone, under $XDG_CACHE_HOME/tillsight (default ~/.cache/tillsight).
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/tillsight
export CARGO_TARGET_DIR ?= $(CACHE)/target
BIN := $(CARGO_TARGET_DIR)/debug/tillsight

SEED ?= 1
# DRAWS=n: n windows before the same film, each with a seed of its own (SEED, SEED + 1, ...).
DRAWS ?= 1
# DAYS=n: days of history before the live part.
DAYS ?= 28
# VIDEO=file ZONES=file [TRUTH=file]: somebody else's video in the place of the demo's film (tillsight demo --help).
# MODEL=file: another detector of people (docs/contributing/add-a-model.md).
OWN := $(if $(MODEL),--model $(MODEL)) $(if $(VIDEO),--video $(VIDEO) --zones $(ZONES) $(if $(TRUTH),--truth $(TRUTH)))
DEMO ?= $(CACHE)/demo-$(SEED)$(if $(filter-out 1,$(DRAWS)),-$(DRAWS))$(if $(VIDEO),-own)
# HEADLESS=1: ring live for six minutes, write target/demo/summary.json, end; not 0 when an alert is missing or too many.
DEMO_FLAGS := --draws $(DRAWS) --days $(DAYS) $(OWN) $(if $(HEADLESS),--headless-seconds 360 --summary target/demo/summary.json)

.PHONY: help build test fuzz pages superset mutants lint ui demo demo-clean bench bench-check fmt publish this-clone

# Clones share the target directory, and cargo tells their crates apart by age only: after another clone was built, every
# crate of this one is built anew.
this-clone:
	@mkdir -p $(CARGO_TARGET_DIR)
	@test "$$(cat $(CARGO_TARGET_DIR)/built-from 2>/dev/null)" = "$(CURDIR)" || \
	  { touch */src/lib.rs api/src/main.rs tests/it/main.rs && echo "$(CURDIR)" > $(CARGO_TARGET_DIR)/built-from; }

help: ## what there is to type
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

ui: ## the web app, into ui/dist (only when its sources have changed)
	deploy/setup.sh ui

build: this-clone ui ## build everything
	cargo build --workspace --all-targets --locked

test: ## set up, build, and run all tests
	deploy/setup.sh test
	$(MAKE) build
	npm --prefix ui run -s test
	cargo test --workspace --locked

fuzz: ## schemathesis on everything that the OpenAPI document says (FUZZ_SEED, FUZZ_EXAMPLES, FUZZ_PHASES)
	deploy/setup.sh test
	$(MAKE) build
	cargo test --workspace --locked --test it -- --exact fuzz::schemathesis_finds_no_failure_whoever_asks --nocapture

pages: ## every page for each of its people, on a desk and a phone, light and dark (TILLSIGHT_SCREENSHOTS=folder)
	deploy/setup.sh test
	$(MAKE) build
	cargo test --workspace --locked --test it -- pages:: --nocapture

superset: ## Apache Superset on the SQL endpoint, in a real browser; installs 0.8 GB, so it is no part of `make test`
	deploy/setup.sh test
	deploy/setup.sh superset
	$(MAKE) build
	cargo test --workspace --locked --test it -- --ignored --exact superset::superset_lists_asks_and_draws --nocapture

mutants: ## make mistakes in the engine, one by one, and see that a test finds each; builds it once more for each
	deploy/setup.sh test
	$(MAKE) build
	cargo test --workspace --locked --test it -- --ignored --exact mutants::every_mistake_is_found --nocapture

demo: this-clone ## two stores on real baskets, from nothing to a running system (SEED=n, DRAWS=n, HEADLESS=1, VIDEO=file ZONES=file, MODEL=file)
	deploy/setup.sh demo
	cargo build --workspace --locked
	$(BIN) demo --dir $(DEMO) --seed $(SEED) $(DEMO_FLAGS)

bench: this-clone ## measure (AREA=name: only that), as a table and as target/bench/<area>.json; builds with optimisation
	deploy/setup.sh bench
	cargo build --workspace --bin tillsight --profile measure --locked
	cargo bench --workspace --bench bench --profile measure --locked -- $(AREA)

bench-check: this-clone ## whether what was measured is newer than the last commit and says what it should
	cargo bench --workspace --bench bench --profile measure --locked -- --check

demo-clean: ## remove what the demo made
	rm -rf $(CACHE)/demo-* target/demo

lint: this-clone ## formatting, clippy, shell scripts, container file
	deploy/setup.sh lint
	npm --prefix ui run -s check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	shellcheck deploy/*.sh deploy/*/*.sh
	$${XDG_CACHE_HOME:-$$HOME/.cache}/tillsight/hadolint/bin/hadolint deploy/container/Containerfile

fmt: ## format the Rust code
	cargo fmt --all

publish: this-clone ## write the published schemas anew from the declarations
	TILLSIGHT_PUBLISH=1 cargo test -q --workspace --lib published
