# make run    plays a day of webinars on this machine, through the synthesized stack; VENDOR=zoom or gotowebinar another vendor's
# make query  asks the lake that it leaves, by SQL
# make forget erases a simulated person, EMAIL=mia.stone@example.com, from that lake
# make verify looks at the report that it ends with in a real browser, and writes a picture of it
# make report makes the same report of a deployed lake, by Athena
# make test   runs the tests
# make soak   goes on breaking a simulated pipeline for as long as told, SOAK=10m
# make bench  measures what the functions cost, and fails where a bound is broken
# make fuzz   gives each fuzz target FUZZ=30s to find bytes from outside that break it
# make synth  writes and checks the CloudFormation templates of the deployed environments
# make cost   prints what they are expected to cost, line by line
# make sizes  says what each memory size of the functions would cost, from a day that is replayed
# make diff   shows what the templates of this checkout change against those of BASE=v1.2.0
# Each needs Go and Node alone and does its own set-up.
# make lint   checks the templates with cfn-lint too, which needs Python

SHELL        := /bin/bash
.SHELLFLAGS  := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The ON24 client id that `make synth` writes into the templates it checks.
CLIENT_ID    ?= 90001
# Arguments of `make run`, `make report`, `make bench` and `make sizes`, for example ARGS="-seed 7 -attendees 20000"; see make run ARGS=-help
ARGS         ?=
# Whose API `make run` and `make sizes` play: on24, zoom or gotowebinar
VENDOR       ?= on24
# Whom `make forget` erases.
EMAIL        ?=
# How long `make soak` goes on, in Go's text form.
SOAK         ?= 10m
# How long `make fuzz` gives each target.
FUZZ         ?= 30s
ENVIRONMENTS := dev staging prod
# What `make synth` answers where an environment wants to be told where it goes and who answers for it.
ANSWERS      ?= -c account=111122223333 -c region=eu-west-1 -c owner=marketing-data -c costCenter=4711 -c alarmEmail=oncall@example.com -c anomalies=true
# The template of another team's app, which a test keeps up to date.
CONSUMER     := constructs/testdata/consumer/template.json
# Where `make verify` writes its picture: SCREENSHOT=docs/report.png for the one that the documents show.
SCREENSHOT   ?= .local/report.png
# What `make verify` looks with.
BROWSER      := infra/local/report/browser
# What `make diff` compares with: a tag, a branch or a commit.
BASE         ?= HEAD

export CDK_DISABLE_CLI_TELEMETRY := 1
export CDK_DISABLE_VERSION_CHECK := 1
# The tools that run under Node print a banner for each version they will not support for long.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := $(shell node -p 'process.versions.node.split(".")[0]' 2>/dev/null)

.PHONY: help
help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: needs node_modules ## Play a day of webinars on this machine (VENDOR=zoom; ARGS=-help lists the flags)
	@go run ./infra/local -c vendor=$(VENDOR) $(ARGS)

.PHONY: query
query: needs node_modules ## Ask the lake of the last run, SQL="select ..."
	@node infra/local/query.mjs "$${SQL:-}"

.PHONY: forget
forget: needs ## Erase a simulated person from the lake of the last run, EMAIL=...
	@go run ./infra/local forget -email "$${EMAIL:-}"
.PHONY: verify
verify: needs node_modules $(BROWSER)/node_modules ## Look at the report of the last run in a real browser (CHROME=/usr/bin/chromium takes another)
	@test -e .local/report.html || go run ./infra/local -c vendor=$(VENDOR) -attendees 2000
	@go run ./infra/local report -data infra/local/report/testdata/data.json -page .local/verify/known.html
	@RUN_PAGE=.local/report.html KNOWN_PAGE=.local/verify/known.html SCREENSHOT=$(SCREENSHOT) node --test --test-reporter=spec $(BROWSER)/report.test.mjs
	@echo "$(SCREENSHOT) shows how it begins"

.PHONY: report
report: needs node_modules ## Make the report of a deployed lake by Athena, WORKGROUP=... (ARGS=-help lists the flags)
	@go run ./infra/report $(if $(WORKGROUP),-workgroup "$(WORKGROUP)") $(if $(DATABASE),-database "$(DATABASE)") $(ARGS)

.PHONY: test
test: needs node_modules ## Run the tests
	go vet ./...
	go test ./...

.PHONY: soak
soak: needs ## Look for a fault that loses or doubles a record, for SOAK=10m
	go test ./functions/simulation -run '^TestSoak$$' -soak=$(SOAK) -timeout=0 -count=1 -v

.PHONY: bench
bench: needs ## Measure what the functions cost (ARGS=-quick in three minutes; ARGS=-help lists the flags)
	@go run ./infra/local bench $(ARGS)

.PHONY: fuzz
fuzz: needs ## Give each fuzz target FUZZ=30s; what it finds is kept in testdata/fuzz
	@for package in curated jsonscan rawzone vendorapi; do \
		for target in $$(go test ./functions/$$package -list '^Fuzz' | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test ./functions/$$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ); \
		done; \
	done

.PHONY: synth
synth: needs node_modules ## Write and check the templates of dev, staging and prod in cdk.out
	@for env in $(ENVIRONMENTS); do \
		npx --no-install cdk synth --quiet -c env=$$env -c clientId=$(CLIENT_ID) $(ANSWERS) -o cdk.out/$$env; \
	done
	@npm run --silent check -- $(addprefix cdk.out/,$(ENVIRONMENTS)) $(CONSUMER)

.PHONY: cost
cost: needs ## Print what the pipelines are expected to cost, line by line
	@go run ./infra cost

.PHONY: sizes
sizes: needs ## Say what each memory size would cost (ARGS=-help lists the flags)
	@go run ./infra/local sizes -c vendor=$(VENDOR) $(ARGS)

.PHONY: diff
diff: needs node_modules ## Show what the templates change against those of BASE=v1.2.0
	@git rev-parse --verify --quiet '$(BASE)^{commit}' >/dev/null || { echo "BASE=$(BASE): there is no such tag, branch or commit here" >&2; exit 1; }
	@rm -rf .local/diff && mkdir -p .local/diff
	@for template in infra/testdata/templates/*.json; do \
		stack=$$(basename $$template .json); \
		if git cat-file -e '$(BASE)':$$template 2>/dev/null; then \
			node infra/checks/assembly.mjs $$template .local/diff/$$stack; \
			git show '$(BASE)':$$template > .local/diff/$$stack.base.json; \
			npx --no-install cdk diff --app .local/diff/$$stack --template .local/diff/$$stack.base.json $$stack; \
		else \
			echo "Stack $$stack"; echo "$(BASE) has no such stack"; \
		fi; \
	done
	@for template in $$(git ls-tree --name-only '$(BASE)' infra/testdata/templates/); do \
		test -e $$template || { echo "Stack $$(basename $$template .json)"; echo "$(BASE) has it, this checkout no more"; }; \
	done

.PHONY: lint
lint: synth ## Check the templates with cfn-lint, which needs Python
	@command -v python3 >/dev/null || { echo "Python is missing: cfn-lint needs Python 3.10 or later from https://www.python.org/" >&2; exit 1; }
	@test -x .local/cfn-lint/bin/cfn-lint || { python3 -m venv .local/cfn-lint && .local/cfn-lint/bin/pip install --quiet --disable-pip-version-check -r infra/checks/requirements.txt; }
	@.local/cfn-lint/bin/cfn-lint --ignore-checks W3005 -- $(foreach env,$(ENVIRONMENTS),cdk.out/$(env)/*.template.json) $(CONSUMER)
	@echo "cfn-lint: nothing to say"

.PHONY: clean
clean: ## Remove what the other targets have made here
	rm -rf .local cdk.out node_modules $(BROWSER)/node_modules

.PHONY: needs
needs:
	@command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or later from https://go.dev/dl/" >&2; exit 1; }
	@command -v node >/dev/null || { echo "Node is missing: install Node 22 or 24 from https://nodejs.org/" >&2; exit 1; }
	@node -e 'if (+process.versions.node.split(".")[0] < 20) { console.error("Node " + process.versions.node + " is too old: install Node 22 or 24 from https://nodejs.org/"); process.exit(1) }'

node_modules: package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch node_modules

$(BROWSER)/node_modules: $(BROWSER)/package-lock.json
	cd $(BROWSER) && npm ci --no-audit --no-fund --loglevel=error
	@touch $(BROWSER)/node_modules
