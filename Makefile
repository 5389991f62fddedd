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
	@oxfmt --check . && tsc && oxlint --deny-warnings && node scripts/generate.ts --check

.PHONY: format
format: $(SETUP) ## format the sources
	@oxfmt .

.PHONY: test
test: $(SETUP) ## unit, golden, feature and (with Go or KUBEBUILDER_ASSETS) kube tests
	@vitest run --project local --project kube

.PHONY: soak
soak: $(SETUP) ## long runs: a million requests under chaos
	@vitest run --project soak

.PHONY: golden
golden: $(SETUP) ## rewrite the expected snapshots in test/golden; read the diff
	@UPDATE_GOLDEN=1 vitest run test/golden

.PHONY: clean
clean: ## remove what the targets made
	@rm -rf node_modules dist .cache
