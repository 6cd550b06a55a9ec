# The chores of edgevision. `make help` lists them.

CONFIG ?= configs/line3.yaml
ARGS ?=
MEDIA ?= $(or $(EDGEVISION_MEDIA),../shared/media)

.DEFAULT_GOAL := help
.PHONY: help setup build guests run test bench clean
export MAKECMDGOALS

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing (Debian packages, the wasm target); quick when nothing is
	@xtask/setup.sh

guests: setup ## build the WebAssembly modules from source into target/guests
	@cargo xtask guests

build: guests ## build the edgevision command (release)
	@cargo build --release --package edgevision

run: build ## watch the sample production line: RTSP with boxes, detections as JSON Lines (CONFIG=, ARGS=)
	@xtask/announce.sh $(CONFIG)
	@target/release/edgevision --config $(CONFIG) $(ARGS)

test: setup ## everything CI checks: format, lints, dependency tree, guests, all tests
	cargo fmt --all --check
	cargo xtask tree
	cargo xtask guests
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo build --workspace --quiet
	EDGEVISION_MEDIA="$(abspath $(MEDIA))" cargo nextest run --workspace
	cargo test --doc --workspace --quiet

bench: build ## what a frame costs: hand-over, letterbox against native, overlay, end to end; as ratios
	EDGEVISION_MEDIA="$(abspath $(MEDIA))" cargo xtask bench

clean: ## remove everything that was built
	@cargo clean
	@rm -rf .wasm-rust
