# Siaga. `make run` sets up, builds and starts the demo; `make test` sets up and checks everything CI checks.
TAGS       := sqlite_fts5
GO         := go
GOFLAGS    += -trimpath
TOOLS      := .tools
STATICCHECK_VERSION := v0.7.0
GOFUMPT_VERSION     := v0.9.2
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS    := -s -w -X main.version=$(VERSION)
APT_RUN    := ffmpeg mosquitto-clients
APT_TEST   := chromium mosquitto gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
              gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav python3-gi \
              vlc-bin vlc-plugin-base vlc-plugin-access-extra iproute2 procps

export CGO_ENABLED := 1

.PHONY: help
help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: setup build ## set up, build and start the demo site
	bin/siaga demo --dir demo-data

.PHONY: setup
setup: ## install what building and running needs (Debian packages, npm packages)
	@.ci/setup.sh $(APT_RUN)
	@cd dashboard && [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund

.PHONY: setup-test
setup-test: setup
	@.ci/setup.sh $(APT_TEST)
	@mkdir -p $(TOOLS)
	@[ -x $(TOOLS)/staticcheck ] || GOBIN=$(CURDIR)/$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@[ -x $(TOOLS)/gofumpt ] || GOBIN=$(CURDIR)/$(TOOLS) $(GO) install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)

.PHONY: dashboard
dashboard: ## build the dashboard into dashboard/dist
	@cd dashboard && npm run --silent build

.PHONY: build
build: dashboard ## build bin/siaga
	$(GO) build $(GOFLAGS) -tags $(TAGS) -ldflags '$(LDFLAGS)' -o bin/siaga ./cmd/siaga

.PHONY: lint
lint: ## vet, staticcheck, gofumpt, and the dashboard's checks
	$(GO) vet -tags $(TAGS) ./...
	$(TOOLS)/staticcheck -tags $(TAGS) ./...
	@out=$$($(TOOLS)/gofumpt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofumpt would change:"; echo "$$out"; exit 1; }
	cd dashboard && npm run --silent check

.PHONY: test
test: setup-test build lint ## everything CI checks
	$(GO) test -p 4 -tags $(TAGS) -timeout 10m ./...
	cd dashboard && npm test --silent && npm run --silent e2e

.PHONY: race
race: ## the Go tests under the race detector
	$(GO) test -race -tags $(TAGS) -timeout 20m ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s)
	@.ci/fuzz.sh $(or $(FUZZTIME),30s)

.PHONY: size
size: ## the five longest files and functions
	@git ls-files '*.go' '*.ts' '*.svelte' | grep -v -E '_test\.go$$|\.gen\.' | xargs wc -l | sort -rn | sed -n '2,6p'

.PHONY: clean
clean: ## remove what was built; data stays
	rm -rf bin dashboard/dist/assets dashboard/dist/index.html

.PHONY: fault
fault: setup-test ## break disk, power, network, broker and program; on loopback and in namespaces of its own (long)
	.ci/fault.sh $(TAGS)

.PHONY: soak
soak: setup-test ## work a whole site with random faults for SIAGA_SOAK (10m; 8h overnight), on loopback only
	SIAGA_SOAK=$(or $(SIAGA_SOAK),10m) $(GO) test -tags $(TAGS) -count=1 -timeout 0 -run Soak -v ./cmd/siaga

.PHONY: bench
bench: setup-test build ## every figure beside its peer, into docs/benchmarks.md (BENCH=record one group, QUICK=1 rehearses, PROFILE=dir, MEDIAMTX=file)
	@QUICK="$(QUICK)" PROFILE="$(PROFILE)" MEDIAMTX="$(MEDIAMTX)" CAMERAS="$(CAMERAS)" .ci/bench.sh $(BENCH)
