# Everything a person types here. The work is in scripts/; each script says what it does and how far it is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test test-heavy lint bench fuzz screenshot clean

PROJECT ?= assets/demo
FUZZ_SECONDS ?= 60

help: ## What there is
	@echo 'Signalbox. Two commands are enough:'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build what is missing and open the window on the demo, or on PROJECT=folder
	@scripts/run.sh '$(PROJECT)'

test: ## Build what is missing and run every test, those in the real window included
	@scripts/test.sh

test-heavy: ## Promotions to Ray Serve and to KServe on a real Kubernetes API server, counts on Spark: minutes and gigabytes more
	@scripts/test.sh heavy

lint: ## Formatting, clippy and svelte-check only
	@scripts/test.sh lint

bench: ## Measure beside TensorBoard's and MLflow's own readers and by-hand promotion; writes target/bench/results.json
	@scripts/bench.sh

fuzz: ## Fuzz every reader of run formats, each for FUZZ_SECONDS=60
	@scripts/fuzz.sh '$(FUZZ_SECONDS)'

screenshot: ## Draw assets/screenshot.png anew, from the real window on the demo
	@scripts/screenshot.sh

clean: ## Remove what was built here and the development cache
	@scripts/clean.sh
