# The build directory survives a fresh clone: RocksDB alone takes over ten minutes to compile on two cores.
CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)
export CARGO_TARGET_DIR ?= $(CACHE)/rejoin/target
export CARGO_TERM_PROGRESS_WHEN ?= auto

PREPARE := ./deploy/prepare.sh

# How many seeds `make simulate` runs, and the first of them.
SEEDS ?= 200
FIRST_SEED ?= 1

# How long `make fuzz` searches in each target, and which (none named: all of them).
SECONDS_EACH ?= 60
TARGETS ?=

.PHONY: help demo test check fix build fuzz simulate

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## two datacenters diverge, heal and lose nothing
	@$(PREPARE)
	@echo "building (the first time takes a quarter of an hour, most of it RocksDB)"
	@cargo build --locked --workspace --bins
	@$(CARGO_TARGET_DIR)/debug/demo

test: ## every test
	@$(PREPARE)
	@./deploy/prepare-chaos.sh
	cargo test --locked --workspace

check: ## format, lints, dependencies' licences and sources, unit tests
	@$(PREPARE) cargo-deny
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	cargo deny --locked check --hide-inclusion-graph bans licenses sources
	cargo test --locked --workspace --lib --quiet

fix: ## mend what can be mended by a program
	@$(PREPARE)
	cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged
	cargo fmt --all

simulate: ## whole clusters in one thread, by seeds, with simulated time and faults (SEEDS=200 FIRST_SEED=1)
	@$(PREPARE)
	@cargo build --locked --workspace --bins
	@$(CARGO_TARGET_DIR)/debug/simulate --seeds $(SEEDS) --first-seed $(FIRST_SEED)

fuzz: ## search inputs that break a decoder (SECONDS_EACH=60, TARGETS="patch names")
	@$(PREPARE)
	@./chaos-tests/fuzz/run.sh $(SECONDS_EACH) $(TARGETS)

build: ## the release binary, with rejoin-chaos beside it; its path is the last line
	@$(PREPARE)
	cargo build --locked --release --package rejoin-gateway --package rejoin-chaos --bin rejoin --bin rejoin-chaos
	@echo $(CARGO_TARGET_DIR)/release/rejoin
