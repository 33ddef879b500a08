# The verbs. CI calls the same ones (.ci/run).
.DEFAULT_GOAL := help
.PHONY: help setup build test test-variants sim mutants demo bench bench-queue fmt lint

# An import that Package.swift does not declare is an error: the boundaries of docs/internals/architecture.md hold.
SWIFT_BUILD := swift build --explicit-target-dependency-import-check error
RELEASE := -c release --static-swift-stdlib
# The two products alone: the rest is for tests, and wants Lua.
PRODUCTS := $(SWIFT_BUILD) $(RELEASE) --product berth && $(SWIFT_BUILD) $(RELEASE) --product loadtest
SIMULATOR := $(SWIFT_BUILD) -c release --product sim
QUEUE_TESTS := swift test --disable-xctest --no-parallel --skip-build --filter ^QueueTests
# What costs the same or is the same on any server is told once, by Debian's Redis.
TOLD_ONCE := CostTests|StoreDifferenceTests|ShrinkerTests|LinkerTests|TornScriptTests
SWIFT_DIRS := Sources Tests loadtest Package.swift
SHELL_FILES := scripts/setup scripts/lint-lua .ci/run
PYTHON := .venv/bin/python
# Swift tests run one after the other: many keep real deadlines with real processes, and two cores are few.

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: ## install what is missing (apt and .venv)
	@scripts/setup

build: ## release binaries: .build/release/berth and loadtest
	@scripts/setup build
	$(PRODUCTS)

test: ## everything: Swift tests, beside them the fleet in simulated time, then Redis, processes and real browsers
	@scripts/setup build run python
	$(SWIFT_BUILD)
	$(SIMULATOR)
	nice -n 19 sh -c '.build/release/sim && .build/release/sim --replay' > .build/sim.txt 2>&1 & sim=$$!; \
	swift test --disable-xctest --no-parallel \
	  && BERTH_REDIS=valkey BERTH_MODEL_STEPS=400 $(QUEUE_TESTS) --skip '$(TOLD_ONCE)' || { kill $$sim; exit 1; }; \
	wait $$sim; code=$$?; cat .build/sim.txt; exit $$code
	$(PYTHON) -m pytest Tests

test-variants: ## the queue's tests on Valkey, on a cluster, and as a user with few rights
	@scripts/setup build run python
	swift build --build-tests
	for one in valkey cluster acl; do BERTH_REDIS=$$one $(QUEUE_TESTS) || exit 1; done

# One seed or scenario with its trace, or so many seeds: make sim SEED=7, SCENARIO=capHolds, SEEDS=10000 FROM=1.
SIM := $(if $(SEED),--seed $(SEED),$(if $(SCENARIO),--scenario $(SCENARIO),--seeds $(or $(SEEDS),2000) --from $(or $(FROM),1)))

sim: ## the fleet in simulated time with faults: regressions, scenarios, 2,000 seeds (SEED=n replays one)
	@scripts/setup build
	$(SIMULATOR)
	.build/release/sim $(SIM)

mutants: ## planted bugs, each found by the simulator within 1,000 seeds (REPLAY=1: by the seeds known to find them)
	@scripts/setup build
	$(SIMULATOR)
	.build/release/sim $(if $(REPLAY),--replay,--mutants)

demo: ## 8 Playwright clients of two tenants share 2 browsers, checked
	@scripts/setup build run python
	$(PRODUCTS)
	$(PYTHON) loadtest/demo/demo.py

bench: ## relay against HAProxy, memory of parked connections, time of a dispatch, a flood (6 min at most)
	@scripts/setup build bench
	$(PRODUCTS)
	python3 loadtest/bench/bench.py

bench-queue: ## the queue's scripts by 100 to 990,000 waiters, cycles a second, memory, other designs (15 min at most)
	@scripts/setup build bench
	$(SWIFT_BUILD) $(RELEASE) --product loadtest
	python3 loadtest/bench/queue/bench.py

fmt: ## format the Swift files in place
	swift format -i -r $(SWIFT_DIRS)

lint: ## formatting, Lua, shell, declared imports
	@scripts/setup build lint
	swift format lint --strict -r $(SWIFT_DIRS)
	scripts/lint-lua
	shellcheck $(SHELL_FILES)
	$(SWIFT_BUILD)
