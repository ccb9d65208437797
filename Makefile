# Holdfast: every everyday command. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BINARY     := bin/holdfast
MAX_BYTES  := 41943040
DATA       ?= ./holdfast-data
LISTEN     ?= 127.0.0.1:8080

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
BUILT   := $(shell git log -1 --format=%cI 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.built=$(BUILT)

GO := $(shell command -v go 2>/dev/null || echo /usr/local/go/bin/go)

.PHONY: help
help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: run
run: build ## start a server with the demo story on 127.0.0.1:8080 (DATA=, LISTEN=)
	@exec $(BINARY) serve --demo --listen $(LISTEN) --data $(DATA)

.PHONY: build
build: ## build the one static binary, bin/holdfast
	@CGO_ENABLED=0 $(GO) build -buildvcs=false -trimpath -ldflags '$(LDFLAGS)' -o $(BINARY) ./cmd/holdfast
	@size=$$(stat -c %s $(BINARY)); \
	if [ $$size -gt $(MAX_BYTES) ]; then \
		echo "$(BINARY) is $$size bytes, more than the $(MAX_BYTES) allowed" >&2; exit 1; fi

.PHONY: test
test: ## run all tests on SQLite and PostgreSQL (PKG=./internal/db/... RUN=Name RACE=0)
	@scripts/test

.PHONY: cover-backup
cover-backup: ## run the tests of the backup engine; fails when one of its packages reaches less than 95 %
	@ENGINE=1 scripts/test

.PHONY: pictures
pictures: build ## keep pictures of every page, in every width and theme, in build/pictures/index.html
	@HOLDFAST_TEST_SCREENSHOTS=$(CURDIR)/build/pictures HOLDFAST_TEST_BINARY=$(CURDIR)/$(BINARY) RACE=0 PKG=./e2e RUN=TestPagesFit GOTESTFLAGS=-count=1 scripts/test
	@echo build/pictures/index.html

.PHONY: check
check: ## run what else must hold: format, analysers, module files, architecture, licences
	@scripts/check

.PHONY: format
format: ## rewrite the Go files as gofumpt wants them
	@scripts/check format-write

.PHONY: licences
licences: ## list the licences of everything linked into the binary
	@scripts/check licences-list

.PHONY: vuln
vuln: ## look for known vulnerabilities (needs vuln.go.dev, so it is not part of check)
	@scripts/check vuln

.PHONY: bench
bench: build ## measure a real server on the promised figures, pages in Chromium too (DURATION=4, WORK_PACKAGES=10000)
	@$(GO) run ./bench -program $(BINARY) -seconds $(or $(DURATION),4) -work-packages $(or $(WORK_PACKAGES),10000)
	@$(GO) test ./internal/cli -count=1 -run TestStatementsPerRequest -v | sed -n 's/.*go:[0-9]*: \(.*\): \(.*\)/| \1 | \2 | a list at most 12 |/p'

.PHONY: bench-backup
bench-backup: build ## measure backup, restore and drill of a large instance (SCALE=1 for all of it)
	@$(GO) run ./bench -program $(BINARY) -backup $(or $(SCALE),1)

.PHONY: microbench
microbench: ## run the benchmarks of the packages (BENCH=Name, PKG=./internal/...)
	@$(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -timeout 60m $(or $(PKG),./...)

.PHONY: clean
clean: ## remove what was built (data directories stay)
	@rm -rf bin
