# Everything is done from here. Set-up (Debian packages, interpreters, pinned environments) is part of what needs it, is
# done once, and lives below target/.
#
# Variables:
#   PYTHON=python3        the Python that runs the set-up scripts and the build's tools (3.10 or later)
#   PYTHONS="3.12 3.14"   test only these (labels of target/pythons.json); default: all
#   JOBS=2                how many processors to keep busy with environments and with tests
#   GLOWPLUG_TESTS=all    run all tests with every Python, also those usually run with the newest, or the oldest and it
#   ARGS="-k truncated"   further arguments for pytest, the demo or the benchmarks
#   FUZZ_SECONDS=60       how long `make fuzz` runs
#   BENCH_PYTHON=3.13     the Python of the benchmarks (default: 3.12, or the next that could be had)
#   DENY=advisories       what `make deny` checks; the advisories' database is fetched from the internet

PYTHON ?= python3
PYTHONS ?=
JOBS ?= 2
ARGS ?=
FUZZ_SECONDS ?= 60
DENY ?= licenses bans sources
BENCH_PYTHON ?=
GLOWPLUG_TESTS ?=
export PYTHONS JOBS GLOWPLUG_TESTS

SETUP := tests/setup
TOOLS := target/venvs/tools/bin
RUFF := $(TOOLS)/ruff
RUFF_CONFIG := --config tests/ruff.toml --cache-dir target/ruff-cache
PYTHON_FOLDERS := $(wildcard layer benchmarks snapshotter extension tests)

# As a user runs it: the suite is in the wheel, which is installed with each Python that could be had.
BENCH_VENV = $(shell for minor in $(BENCH_PYTHON) 3.12 3.13 3.11 3.14 3.10; do \
	if [ -x target/venvs/$$minor/bin/python ]; then echo target/venvs/$$minor; break; fi; done)
BENCH = $(BENCH_VENV)/bin/glowplug bench
CRIU := target/sid-criu/usr/sbin/criu
BENCH_OPTIONS = --python $(BENCH_VENV)/bin/python --glowplug $(BENCH_VENV)/bin/glowplug \
	--pip $(TOOLS)/pip --criu $(CRIU) --work target/bench/suite -o target/bench/report

# The crates' tests are made of the dependencies that the wheel's command is made of, compiled once for both: in its
# folder and profile, with the same packages named (features of what they share are united). Features and flags that
# differ would have all of that compiled again; `layer/packaging/binaries.py` has the same.
AS_TESTED := --locked --config tests/rust.toml --profile command --target-dir target/wheel/command
TESTED := --workspace --exclude glowplug-auditor --lib --tests

# Tests unwind, and so must what they are linked with: with this `make lint` checks it once, not for programs and again
# for tests. Programs without a standard library cannot unwind.
UNWIND := CARGO_PROFILE_DEV_PANIC=unwind
ABORTING := --config 'profile.command.panic="abort"'
FREESTANDING := --package glowplug-wrapper --package glowplug-auditor
HOSTED := --workspace --exclude glowplug-wrapper --exclude glowplug-auditor

# `cargo clippy` checks all dependencies, of which tests can use nothing: they compile them once more. Its driver is the
# compiler with further lints, so what it has compiled can be tested. These two variables are what `cargo clippy -- -D
# warnings` sets.
LINTING := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__

# What CI compiles is not compiled again after a change.
ifdef CI
export CARGO_INCREMENTAL := 0
endif

# Crates that are extension modules take the interpreter's symbols at run time; no libpython is linked.
export PYO3_BUILD_EXTENSION_MODULE := 1
export PYO3_NO_PYTHON := 1

.DEFAULT_GOAL := help
.PHONY: help setup system-packages tools programs pythons wheel demo test bench bench-quick bench-sections bench-check bench-repeats readme-table lint style rust-tests linted-rust-tests wheel-check recipes-tools recipes-check python-tests cpython-tests installed-tests image-endurance threads-check threads-endurance threads-parked arm64 deny fuzz clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@sed -n '/^# Variables:/,/^$$/s/^# \{0,1\}//p' $(MAKEFILE_LIST)

wheel: tools ## Build dist/glowplug-*.whl for this platform
	@$(TOOLS)/python layer/packaging/build_wheel.py

demo: wheel pythons ## Build, snapshot the demo function, start it plain, from its archive and from its image, print a table
	@$(PYTHON) $(SETUP)/install_wheel.py
	@$(PYTHON) tests/demo/demo.py $(ARGS)

test: system-packages ## Everything that CI runs
	@$(PYTHON) $(SETUP)/side_by_side.py "programs style wheel-check" "pythons recipes-tools"
	@$(PYTHON) $(SETUP)/install_wheel.py
	@$(PYTHON) $(SETUP)/side_by_side.py "linted-rust-tests" "installed-tests"

# What `make test` runs when wheel and environments are there: nothing is built, so that cargo need not be waited for.
installed-tests:
	@$(PYTHON) $(SETUP)/each_python.py --recipes $(ARGS)

bench: wheel pythons ## Measure cold starts in the local sandbox, with every function; the report is in target/bench/report
	@$(PYTHON) $(SETUP)/install_wheel.py
	@$(PYTHON) $(SETUP)/criu.py
	@$(BENCH) $(BENCH_OPTIONS) $(ARGS)

bench-quick: wheel pythons ## The same with two functions and few runs, in under five minutes
	@$(PYTHON) $(SETUP)/install_wheel.py
	@$(BENCH) $(BENCH_OPTIONS) --quick $(ARGS)

bench-sections: wheel pythons ## Compare whole processes without a sandbox: plain Python, code-data-share, Glowplug
	@$(PYTHON) $(SETUP)/venvs.py twins
	@$(PYTHON) $(SETUP)/install_wheel.py
	@$(PYTHON) $(SETUP)/criu.py
	@$(BENCH) sections $(ARGS)

readme-table: ## Write the README's table anew from the committed results of `make bench`
	@$(PYTHON) tests/bench/readme_table.py --write $(BENCH)

bench-check: wheel pythons recipes-tools ## Check the benchmarks' report in headless Chromium, and the recipe for Lambda as recipes-check does
	@$(PYTHON) $(SETUP)/install_wheel.py
	@$(PYTHON) tests/bench/prepare.py
	@mkdir -p target/pytest-tmp
	@GLOWPLUG_BENCH="$(BENCH)" target/venvs/bench/bin/python -m pytest -c tests/pytest.ini \
		-o cache_dir=$(CURDIR)/target/pytest-cache/bench --basetemp target/pytest-tmp/bench tests/bench/browser $(ARGS)
	@target/venvs/recipes/bin/python -m pytest -c tests/pytest.ini -o cache_dir=$(CURDIR)/target/pytest-cache/bench \
		--basetemp target/pytest-tmp/bench tests/bench/cloud $(ARGS)

bench-repeats: wheel pythons ## Compare runs of the same twenty times, and starts with 5 % added (15 minutes, on a quiet machine)
	@$(PYTHON) $(SETUP)/install_wheel.py
	@$(PYTHON) tests/bench/repeats.py $(ARGS) $(BENCH) --runtime $(BENCH_VENV)/bin/python \
		--work target/bench/repeats

lint: style ## Formatting and lints of Rust and Python
	$(UNWIND) cargo clippy $(HOSTED) --all-targets --locked --quiet -- -D warnings
	cargo clippy $(FREESTANDING) --all-targets --locked --quiet -- -D warnings

style: tools
	cargo fmt --all --check
	$(RUFF) check $(RUFF_CONFIG) $(PYTHON_FOLDERS)
	$(RUFF) format --check $(RUFF_CONFIG) $(PYTHON_FOLDERS)

rust-tests: tools ## Unit and property tests of the crates
	cargo test $(TESTED) $(AS_TESTED)

linted-rust-tests: style ## What lint and rust-tests do, with one compilation: longer than lint, shorter than both
	$(LINTING) cargo test $(TESTED) $(AS_TESTED)
	cargo clippy --workspace --bin exec $(AS_TESTED) $(ABORTING) --quiet -- -D warnings
	cargo clippy --package glowplug-auditor --all-targets --locked --quiet -- -D warnings

wheel-check: wheel ## Check that the wheel's platform tag says what its binaries need
	@$(TOOLS)/python layer/packaging/check_wheel.py

recipes-check: wheel pythons recipes-tools ## Check layer/recipes with the deployment tools' own checks, publish to a stand-in for Lambda
	@$(PYTHON) $(SETUP)/install_wheel.py
	@mkdir -p target/pytest-tmp
	@target/venvs/recipes/bin/python -m pytest -c tests/pytest.ini -o cache_dir=$(CURDIR)/target/pytest-cache/recipes \
		--basetemp target/pytest-tmp/recipes -n $(JOBS) --dist loadfile tests/recipes $(ARGS)

python-tests: wheel pythons ## End-to-end tests, with every Python
	@$(PYTHON) $(SETUP)/install_wheel.py
	@$(PYTHON) $(SETUP)/each_python.py $(ARGS)

cpython-tests: wheel pythons ## Many more of CPython's own tests than `make test` runs, from an archive (an hour)
	@$(PYTHON) $(SETUP)/install_wheel.py
	@GLOWPLUG_CPYTHON_TESTS=all $(PYTHON) $(SETUP)/each_python.py tests/cpython $(ARGS)

image-endurance: wheel pythons ## 10,000 restores of three functions, 2,000 in search of values that repeat (half an hour)
	@$(PYTHON) $(SETUP)/install_wheel.py
	@target/venvs/3.12/bin/python tests/image/endurance.py $(ARGS)

threads-check: wheel pythons ## Threads in process images, with all libraries and Pythons (large environments of their own; half an hour)
	@$(PYTHON) $(SETUP)/threads.py check $(ARGS)

threads-endurance: wheel pythons ## Thousands of restores with threads, one after the other, six at once, in motion (an hour)
	@$(PYTHON) $(SETUP)/threads.py endurance $(ARGS)

threads-parked: wheel pythons ## What parked threads add to a restore
	@$(PYTHON) $(SETUP)/threads.py parked $(ARGS)

arm64: tools ## Build everything for arm64 and try it under emulation (Debian's compiler and Pythons; half an hour)
	@$(PYTHON) tests/arm64/try_arm64.py $(ARGS)

deny: ## Licences and sources of the dependencies (builds cargo-deny the first time: 4 minutes)
	@test -x target/tools/bin/cargo-deny || cargo install --locked --root target/tools cargo-deny
	target/tools/bin/cargo-deny --locked check $(DENY)

fuzz: wheel pythons ## Fuzz the archive reader for FUZZ_SECONDS (needs a nightly toolchain; builds cargo-fuzz the first time)
	@test -x target/tools/bin/cargo-fuzz || cargo install --locked --root target/tools cargo-fuzz
	@$(PYTHON) $(SETUP)/install_wheel.py
	@$(PYTHON) archive/fuzz/seed.py
	cd archive && PATH="$(CURDIR)/target/tools/bin:$$PATH" cargo +nightly fuzz run --target-dir $(CURDIR)/target/fuzz read $(CURDIR)/target/fuzz/corpus -- -max_total_time=$(FUZZ_SECONDS) -max_len=4000000

setup: pythons ## Only the set-up: system packages, tools, interpreters, environments

system-packages:
	@$(PYTHON) $(SETUP)/system_packages.py

tools: system-packages
	@$(PYTHON) $(SETUP)/tools.py

programs: system-packages
	@$(PYTHON) layer/packaging/programs.py

pythons: tools
	@$(PYTHON) $(SETUP)/pythons.py
	@$(PYTHON) $(SETUP)/venvs.py

recipes-tools: tools
	@$(PYTHON) $(SETUP)/recipes.py

clean: ## Remove everything that was built or installed below target/ and dist/
	rm -rf target dist
