# leadstream. `make` prints this help; README's two commands are run and test.
SHELL := /bin/sh
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN := bin/leadstream
GOFLAGS_BUILD := -trimpath -ldflags "-X main.version=$(VERSION)"
# Flags for the server: make run ARGS="--ingest-listen 127.0.0.1:8081"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run demo test test-kafka check build generate unit browser clients race whole cover bench bench-ingest bench-score bench-sink test-kafka soak soak-score fuzz fmt vet lint clean node_modules

help: ## this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/leadstream
	@deploy/need go git
	@echo "build: Go modules and $(BIN) ..."
	@go build $(GOFLAGS_BUILD) -o $(BIN) ./cmd/leadstream

run: build ## everything on this machine, until Ctrl-C
	@deploy/need npm
	@exec $(BIN) all $(ARGS)

demo: build ## run, play a seeded day of traffic, print hot list, funnel and forecast, keep serving
	@deploy/need npm
	@exec $(BIN) all --demo $(ARGS)

test: fmt vet lint whole race ## everything a fresh machine needs, then all tests
	@deploy/need chromium
	@$(MAKE) --no-print-directory -j2 clients browser

# One package after the other: each starts brokers of its own, and kills them.
test-kafka: ## the same path on a real Apache Kafka cluster (fetches its jars once)
	@deploy/need java mvn npm
	@echo "test-kafka: three real brokers, killed and restarted under every stage ..."
	@go test -tags kafka -count=1 -p 1 -timeout 40m -run OnApacheKafka \
	./internal/embedded/apachekafka ./ingest ./scoring ./sink ./cmd/leadstream

check: fmt vet lint unit ## format, vet, lint, walls, unit tests: under a minute

fmt:
	@echo "check: format ..."
	@out=$$(gofmt -l cmd ingest insight internal leads schemas scoring sink tracker); \
	if [ -n "$$out" ]; then echo "not formatted (run gofmt -w):"; echo "$$out"; exit 1; fi

vet:
	@echo "check: vet ..."
	@go vet ./...

lint:
	@echo "check: staticcheck ..."
	@go tool staticcheck ./...

# Without the packages whose tests kill processes and wait for them: make test runs those.
unit: ## Go tests that need no store, no browser and no killing
	@echo "check: unit tests and walls ..."
	@go test -short $$(go list ./... | grep -v -e internal/embedded -e ingest/spool -e '/scoring$$')

# -parallel: the tests that say so mostly wait.
whole:
	@deploy/need npm
	@echo "test: all Go tests (real ClickHouse, the broker on the wire, kill -9) ..."
	@go test -count=1 -parallel 4 -timeout 40m ./...

# The longest package first, so that it does not end alone.
race: ## the Go tests that need no ClickHouse, with the race detector
	@deploy/need gcc
	@echo "test: the race detector ..."
	@CGO_ENABLED=1 go test -race -short -count=1 -parallel 4 -timeout 40m ./scoring ./...

browser: build node_modules ## the tracker in headless Chromium
	@deploy/need chromium
	@echo "test: the tracker in a real browser ..."
	@LEADSTREAM_BIN=$(CURDIR)/$(BIN) node --test --test-reporter=spec tracker/browser/*.test.mjs leads/browser/*.test.mjs

clients: ingest/clients/node_modules node_modules ## other tools' clients from npm, against the collectors
	@deploy/need chromium
	@echo "test: real clients of other tools, in Node and in Chromium ..."
	@go test -tags clients -count=1 -run RealClients ./ingest/ ./ingest/agent/crawlers/

ingest/clients/node_modules: ingest/clients/package-lock.json
	@deploy/need node npm
	@echo "test: npm packages of other tools' clients ..."
	@cd ingest/clients && npm ci --silent --omit=optional --ignore-scripts --no-audit --no-fund && touch node_modules

node_modules:
	@deploy/need node npm
	@[ -d node_modules/playwright-core ] || { echo "test: npm packages for the browser tests ..."; npm ci --silent --omit=optional --ignore-scripts --no-audit --no-fund; }

generate: ## schemas/pb, tracker/dist and the list of robots from their sources
	@go generate ./...

cover: ## coverage over all packages
	@go test -coverprofile=cover.out -coverpkg=./... ./... && go tool cover -func=cover.out | tail -n 1

bench: ## the whole path: freshness, sustained rate, second start (docs/performance.md)
	@go test -run '^$$' -bench 'Freshness|Sustained|SecondStart' -benchtime 1x -count $${COUNT:-5} -timeout 30m ./cmd/leadstream

bench-ingest: ## collectors against bare handlers, in turns, LEADSTREAM_BENCH_ROUNDS=5; then decoding and spool
	@go test -run '^$$' -bench 'Peers|Dedup' -benchtime 1x -timeout 30m ./ingest
	@go test -run '^$$' -bench 'Decode|Deliver' -benchtime 3s -count $${COUNT:-5} -timeout 30m ./ingest
	@go test -run '^$$' -bench . -benchtime 3s -count $${COUNT:-5} -timeout 30m ./ingest/spool

bench-score: ## the model; the worker against consume-only, no output, at-least-once; latency, restore, memory
	@go test -run '^$$' -bench 'Worker|Latency|Restore|Collector' -benchtime 3x -count $${COUNT:-5} -timeout 60m ./scoring
	@go test -run '^$$' -bench 'Fold$$' -benchtime 400000x -count $${COUNT:-5} -timeout 30m ./scoring
	@go test -run '^$$' -bench . -count $${COUNT:-5} -timeout 30m ./scoring/model

bench-sink: ## sink, Kafka engine and raw blocks on one topic (EVENTS), encoding, hot list (LEADS), timeline and funnel (ROWS)
	@go test -run '^$$' -bench Topic -benchtime 1x -count 1 -timeout 60m ./sink
	@go test -run '^$$' -bench 'Encode|Insert' -benchtime 3x -count $${COUNT:-5} -timeout 30m ./sink
	@go test -run '^$$' -bench HotList -benchtime 20x -timeout 30m ./leads
	@EVENTS=$${ROWS:-20000000} go test -run '^$$' -bench 'Timeline|Funnel' -benchtime 100x -timeout 60m ./leads

soak: ## collectors killed at random moments while the broker comes and goes, for SOAK (5m); then the spool alone
	@LEADSTREAM_SOAK=$${SOAK:-5m} go test -count=1 -timeout 60m -run TestSoak -v ./ingest
	@go test -count=1 -timeout 60m -run TestKilledAtAnyMoment -v ./ingest/spool -kill-for $${SOAK:-5m}

soak-score: ## workers, sinks, ClickHouse and their broker killed, frozen, cut off at random for SOAK (5m), twice; topics, then tables, against one fold
	@deploy/need npm
	@LEADSTREAM_SOAK=$${SOAK:-5m} go test -count=1 -timeout 60m -run TestSoak -v ./scoring
	@LEADSTREAM_SOAK=$${SOAK:-5m} go test -count=1 -timeout 60m -run TestSoak -v ./cmd/leadstream

fuzz: ## each fuzz target for FUZZTIME (30s)
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	echo "fuzz: $$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-30s} $$p || exit 1; done; done

clean: ## built files; never ./data
	@rm -rf bin cover.out
