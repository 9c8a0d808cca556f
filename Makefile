# What one types. Everything heavy lies outside the clone, under $XDG_CACHE_HOME/tillsight (default ~/.cache/tillsight).
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/tillsight
export CARGO_TARGET_DIR ?= $(CACHE)/target
BIN := $(CARGO_TARGET_DIR)/debug/tillsight

.PHONY: help build test lint demo demo-clean fmt publish

help: ## what there is to type
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

build: ## build everything
	cargo build --workspace --all-targets --locked

test: ## set up, build, and run all tests
	deploy/setup.sh test
	$(MAKE) build
	cargo test --workspace --locked

lint: ## formatting, clippy, shell scripts
	deploy/setup.sh lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	shellcheck deploy/*.sh deploy/*/*.sh

fmt: ## format the Rust code
	cargo fmt --all

publish: ## write the published schemas anew from the declarations
	TILLSIGHT_PUBLISH=1 cargo test -q -p tillsight-schemas --lib published
