# vodfleet: `make` alone lists the targets.

GO      ?= go
BIN     := $(CURDIR)/bin
LOCAL   := internal/localcloud
COMPOSE := deploy/composetest
# Checks run from their modules' own versions, so that they never enter go.mod.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Packages whose tests need no service, browser or binary of ours.
UNIT = $$($(GO) list ./... | grep -v /internal/e2e)

.DEFAULT_GOAL := help
.PHONY: help setup setup-test build demo test unit e2e lint bench bench-rates bench-failures bench-replace simulation chaos fuzz compose-check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what the demo needs and is missing here (ffmpeg, redis-server, node)
	@sh deploy/setup.sh demo
	@sh enqueuer/players/vendor.sh

setup-test: setup ## and what the tests need (browser, GStreamer, AWS CLI)
	@sh deploy/setup.sh test

build: ## build worker, enqueuer and localcloud into bin/
	@mkdir -p $(BIN)
	$(GO) build -trimpath -o $(BIN)/ ./worker ./enqueuer
	cd $(LOCAL) && $(GO) build -trimpath -o $(BIN)/localcloud .

demo: setup build ## a sample library becomes streams, from report to player; ONCE=1 ends by itself, LIBRARY=/folder takes your videos
	@$(GO) run ./deploy/demo

test: setup-test build lint unit e2e ## everything that must hold: lint, unit tests with the race detector, end-to-end runs

unit: ## unit tests of both modules, with the race detector
	$(GO) test -race -timeout 10m $(UNIT)
	cd $(LOCAL) && $(GO) test -race -timeout 10m ./...

TABLES = $(CURDIR)/.run/tables

e2e: export VODFLEET_TEST_TABLES = $(TABLES)
e2e: ## the real binaries with real Redis, ffmpeg and players, and what deploy/ holds; shows tables of what was found
	@rm -rf $(TABLES) && mkdir -p $(TABLES)
	cd $(COMPOSE) && $(GO) test -count 1 ./...
	$(GO) test -p 1 -parallel 4 -timeout 20m -count 1 $$($(GO) list ./internal/e2e/... | grep -v -e /sim$$ -e /storm$$)
	$(GO) test -p 2 -timeout 20m -count 1 ./internal/e2e/sim ./internal/e2e/storm
	@cat $(TABLES)/*.txt

lint: ## gofmt, vet, staticcheck and go fix of both modules
	@sh deploy/lint.sh $(GO) $(STATICCHECK) . $(LOCAL) $(COMPOSE)

bench: build ## benchmarks, as ratios within one run
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 30m ./internal/e2e/bench

bench-rates: build ## what a fleet asks of MediaConvert and how soon it publishes, beside naive polling (about forty minutes)
	$(GO) test ./internal/e2e/bench -run TestRates -rates polls,events,naive -rates.out $(CURDIR)/docs/rates.md -count 1 -v -timeout 4h

simulation: ## every crash point, every meeting of two runs and 2,000 random histories, in memory (about an hour); writes docs/simulation.md
	$(GO) test ./internal/e2e/sim -run TestSimulation -full -histories 2000 -table $(CURDIR)/docs/simulation.md -count 1 -timeout 3h

chaos: ## the storm: 200 workers killed over 5,000 assets, in about 35 minutes; DIR=folder keeps its state and goes on there, SEED=n
	$(GO) test -count 1 -v -timeout 90m -run '^TestChaos$$' ./internal/e2e/storm -chaos $(or $(DIR),.run/chaos) $(if $(SEED),-seed $(SEED))

bench-failures: build ## 12,000 assets that fail of four classes are counted, and one class of them is sent again
	$(GO) test ./internal/e2e -run TestFailuresStay -failures 12000 -count 1 -v -timeout 3h

bench-replace: build ## 5,000 simulated assets are replaced at once: invalidations, paths in progress, how soon all are live
	$(GO) test ./internal/e2e -run TestReplacedLibrary -replaced 5000 -replaced.invalidation 60s -replaced.workers 2 -count 1 -v -timeout 2h

fuzz: ## every fuzz test for FUZZTIME (10s each)
	@sh deploy/fuzz.sh $(GO) $${FUZZTIME:-10s} . $(LOCAL)

compose-check: ## run docker-compose.yml in a Docker daemon of its own (root; installs nothing)
	@sh deploy/compose/check.sh

clean: ## remove what was built and what the demo left
	rm -rf $(BIN) .run enqueuer/players/node_modules enqueuer/web/vendor/*.js enqueuer/web/vendor/licenses enqueuer/web/vendor/.lock
