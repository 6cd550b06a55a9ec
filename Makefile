# The chores of edgevision. `make help` lists them.

CONFIG ?= configs/line3.yaml
ARGS ?=
PROFILE ?= release
PROGRAMS = target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
MEDIA ?= $(or $(EDGEVISION_MEDIA),../shared/media)

.DEFAULT_GOAL := help
.PHONY: help setup build guests engines run install-plugin uninstall-plugin test test-newer fidelity bench clean
export MAKECMDGOALS

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing (Debian packages, the wasm target); quick when nothing is
	@xtask/setup.sh

guests: setup ## build the WebAssembly modules from source into target/guests
	@cargo xtask guests

engines: ## fetch ONNX Runtime, OpenVINO and LiteRT from PyPI (105 MB) into target/engines (ENGINES=, DEST=)
	@xtask/engines.sh

# The whole workspace although only the command is wanted: with --package the shared dependencies get other features,
# and `make bench` would compile wasmtime a second time.
build: guests ## build the edgevision command (release)
	@cargo build --profile $(PROFILE) --workspace

run: build ## watch the sample production line: RTSP with boxes, detections as JSON Lines (CONFIG=, ARGS=)
	@xtask/announce.sh $(CONFIG)
	@$(PROGRAMS)/edgevision --config $(CONFIG) $(ARGS)

test: setup engines ## everything CI checks: format, lints, dependency tree, guests, all tests
	cargo fmt --all --check
	cargo xtask tree
	cargo xtask guests
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo build --workspace --quiet
	EDGEVISION_MEDIA="$(abspath $(MEDIA))" EDGEVISION_ENGINES="$(CURDIR)/target/engines" cargo nextest run --workspace
	cargo test --doc --workspace --quiet

test-newer: guests ## the elements' and the command's tests with a newer GStreamer, in a Debian 13 tree (root, debootstrap)
	@EDGEVISION_MEDIA="$(abspath $(MEDIA))" xtask/newer.sh

install-plugin: build ## install the GStreamer plugin and its modules for this user, or with PREFIX=/usr/local (DESTDIR=)
	@PROGRAMS=$(PROGRAMS) xtask/plugin.sh install

uninstall-plugin: ## remove them again (with the same PREFIX= and DESTDIR=)
	@xtask/plugin.sh uninstall

# With the same profile as the tests: what they have built is used again.
fidelity: guests engines ## models x engines x clips against independent references, as one table (needs the media folder)
	@cargo build --workspace --quiet
	@EDGEVISION_MEDIA="$(abspath $(MEDIA))" EDGEVISION_ENGINES="$(CURDIR)/target/engines" EDGEVISION_REQUIRE_ENGINES=1 \
		cargo test --workspace --quiet --test fidelity -- --table

bench: build engines ## what a frame costs against what it may cost, as one table; fails when a figure is over its limit
	@EDGEVISION_MEDIA="$(abspath $(MEDIA))" EDGEVISION_ENGINES="$(CURDIR)/target/engines" cargo xtask bench

clean: ## remove everything that was built
	@cargo clean
	@rm -rf .wasm-rust
