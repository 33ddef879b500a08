# The verbs. CI calls the same ones (.ci/run).
.DEFAULT_GOAL := help
.PHONY: help setup build test test-long sim mutants chart images demo bench bench-quick bench-queue fuzz man fmt lint

# An import that Package.swift does not declare is an error: the boundaries of docs/internals/architecture.md hold. With
# colours the flags would depend on the terminal, and other flags build everything again.
SWIFT_BUILD := swift build --no-color-diagnostics --explicit-target-dependency-import-check error
RELEASE := -c release --static-swift-stdlib
# The two products alone: the rest is for tests, and wants Lua.
PRODUCTS := $(SWIFT_BUILD) $(RELEASE) --product berth && $(SWIFT_BUILD) $(RELEASE) --product loadtest
SIMULATOR := $(SWIFT_BUILD) --product sim
SWIFT_DIRS := Sources Tests loadtest Package.swift
SHELL_FILES := scripts/setup scripts/lint-lua scripts/fuzz scripts/images .ci/run
PYTHON := .venv/bin/python

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: ## install what is missing (apt and .venv)
	@scripts/setup

build: ## release binaries: .build/release/berth and loadtest
	@scripts/setup build
	$(PRODUCTS)

test: ## everything, with samples of what is long: Swift, Redis, Valkey, simulated time, processes, real browsers
	@scripts/setup build run python puppeteer k6 charts metrics
	@python3 scripts/run_tests.py

test-long: ## the same with nothing sampled, and the queue on a cluster and as a user with few rights (2 hours)
	@scripts/setup build run python puppeteer k6 charts metrics
	@[ "$$(id -u)" -ne 0 ] || $(MAKE) images
	@python3 scripts/run_tests.py --long

# One seed or scenario with its trace, or so many seeds: make sim SEED=7, SCENARIO=capHolds, SEEDS=10000 FROM=1.
SIM := $(if $(SEED),--seed $(SEED),$(if $(SCENARIO),--scenario $(SCENARIO),--seeds $(or $(SEEDS),2000) --from $(or $(FROM),1)))

sim: ## the fleet in simulated time with faults: regressions, scenarios, 2,000 seeds (SEED=n replays one)
	@scripts/setup build
	$(SIMULATOR)
	.build/debug/sim $(SIM)

mutants: ## planted bugs, each found by the simulator within 1,000 seeds (REPLAY=1: by the seeds known to find them)
	@scripts/setup build
	$(SIMULATOR)
	.build/debug/sim $(if $(REPLAY),--replay,--mutants)

fuzz: ## the readers of strangers' bytes, 20 s each (SECONDS=n, TARGET=name)
	@scripts/setup build
	scripts/fuzz $(or $(SECONDS),20) $(TARGET)

chart: ## the Helm chart: lint, schemas, objects, and its files in real processes (BERTH_GOLDEN=write renews golden files)
	@scripts/setup build run python charts
	@python3 scripts/run_tests.py build charts

images: ## the images of gateway and worker, from the finished program, as root (5 min the first time)
	@scripts/setup build images
	$(PRODUCTS)
	scripts/images

demo: ## 8 Playwright clients of two tenants share 2 browsers, checked
	@scripts/setup build run python
	$(PRODUCTS)
	$(PYTHON) loadtest/demo/demo.py

bench: ## relay beside HAProxy, nginx, Envoy, Traefik and Caddy, memory, hand-off, crowds, disruptions (20 min at most)
	@scripts/setup build bench proxies run python
	$(PRODUCTS)
	python3 loadtest/bench/bench.py

bench-quick: ## the same with few rounds and without the longest parts, for a first look (3 min)
	@scripts/setup build bench proxies run python
	$(PRODUCTS)
	python3 loadtest/bench/bench.py --quick

bench-queue: ## a session's cost to Redis, scripts by 100 to 990,000 waiters, memory, other designs (20 min at most)
	@scripts/setup build bench
	$(SWIFT_BUILD) $(RELEASE) --product loadtest
	python3 loadtest/bench/queue/bench.py

man: ## manual pages of the release binary: .build/man
	@scripts/setup build
	$(SWIFT_BUILD) $(RELEASE) --product berth
	scripts/manpages .build/release/berth .build/man

fmt: ## format the Swift files in place
	swift format -i -r $(SWIFT_DIRS)

lint: ## formatting, Lua, shell, declared imports
	@scripts/setup build lint
	swift format lint --strict -r $(SWIFT_DIRS)
	scripts/lint-lua
	shellcheck $(SHELL_FILES)
	$(SWIFT_BUILD)
