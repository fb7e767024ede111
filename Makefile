# Everything that is done with MeetsMatch on one machine. `make` alone lists it.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
export PORT EDGE
# Every process would compile all modules again: a tenth of its start.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help run test bench drills check types rules messages lock screenshots base dev browser edge

help: ## list what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

run: base $(if $(EDGE),edge) ## everything from a fresh clone, on http://localhost:8000 (make run PORT=9000; with the edge worker: make run EDGE=1)
	@exec $(BIN)/python -m meetsmatch.run

test: dev browser edge ## everything the tests need, then all of them (some of them: make test ARGS=tests/users)
	@$(if $(ARGS),,cd edge_worker && $(NPM_QUIET) npm test)
	@exec $(BIN)/python -m pytest -n 3 $(ARGS)

bench: dev edge ## the benchmarks, as tables and in var/bench (one of them: make bench NAME=flags)
	@for script in benchmarks/$(or $(NAME),*).py; do \
	  echo "== $$script"; $(BIN)/python $$script || exit; \
	done

drills: export DJANGO_SETTINGS_MODULE = meetsmatch.settings.test
drills: dev ## every fault against the real processes, as a table and in var/drills.json (some: make drills NAME="kill-web clock")
	@$(BIN)/python -m tests.drills $(NAME)

check: export DJANGO_SETTINGS_MODULE = meetsmatch.settings.test
check: dev edge ## style, types, layers, migrations, production settings, the edge worker's types and bundle
	@$(MAKE) --no-print-directory -j2 --output-sync types rules

types:
	$(BIN)/mypy

rules:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	@$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	@cd edge_worker && $(NPM_QUIET) npm run check

PYBABEL = $(BIN)/python -m babel.messages.frontend --quiet
messages: dev ## the code's texts → locale/*/LC_MESSAGES/django.po → .mo (again after translating)
	@mkdir -p var
	$(PYBABEL) extract -F locale/babel.cfg --no-location --width 120 --add-comments Translators: \
	  -k gettext_lazy -k ngettext_lazy:1,2 -k pgettext_lazy:1c,2 -k npgettext_lazy:1c,2,3 \
	  -o var/django.pot apps meetsmatch templates
	$(PYBABEL) update -D django -i var/django.pot -d locale --width 120 \
	  --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(PYBABEL) compile -D django -d locale

screenshots: export DJANGO_SETTINGS_MODULE = meetsmatch.settings.test
screenshots: dev browser ## the README's pictures, from the running simulator and admin
	@$(BIN)/python -m tests.e2e.screenshots

lock: ## requirements/*.in → hash-locked requirements/*.txt (needs uv)
	@for name in base dev prod; do \
	  uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --custom-compile-command "make lock" requirements/$$name.in -o requirements/$$name.txt || exit; \
	done

# Secrets made for one run of `check --deploy`: the production settings have no defaults for them.
PRODUCTION = DJANGO_SETTINGS_MODULE=meetsmatch.settings.prod \
  DJANGO_SECRET_KEY=$$(openssl rand -hex 32) FIELD_ENCRYPTION_KEYS=$$(openssl rand -base64 32 | tr +/ -_) \
  TELEGRAM_BOT_TOKEN=1:$$(openssl rand -hex 16) TELEGRAM_WEBHOOK_SECRET=$$(openssl rand -hex 16) \
  DJANGO_ALLOWED_HOSTS=check.invalid PUBLIC_URL=https://check.invalid \
  DATABASE_URL=postgresql://check.invalid/check REDIS_URL=redis://check.invalid

# The virtual environment follows a lock file: it is installed again only when the file's checksum has changed.
base dev: $(BIN)/python
	@sum=$$(cksum < requirements/$@.txt); \
	if [ "$$sum" != "$$(cat $(VENV)/$@.installed 2>/dev/null)" ]; then \
	  echo "Installing requirements/$@.txt ..."; \
	  if command -v uv >/dev/null; then uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/$@.txt; \
	  else $(BIN)/python -m pip install --quiet --require-hashes -r requirements/$@.txt; fi \
	  && echo "$$sum" > $(VENV)/$@.installed; \
	fi

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("MeetsMatch needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	@if command -v uv >/dev/null; then uv venv --quiet --seed --python $(PYTHON) $(VENV); else $(PYTHON) -m venv $(VENV); fi

# The edge worker's packages, likewise. Cloudflare's tools would like to report and to look for a newer version.
NPM_QUIET = CLOUDFLARE_CF_FETCH_ENABLED=false WRANGLER_SEND_METRICS=false WRANGLER_HIDE_BANNER=true
edge:
	@command -v npm >/dev/null || { echo "The edge worker needs Node.js 20.6 or newer, with npm." >&2; exit 1; }
	@node -e 'const [major, minor] = process.versions.node.split(".").map(Number); if (major * 100 + minor < 2006) { console.error("The edge worker needs Node.js 20.6 or newer."); process.exit(1) }'
	@sum=$$(cksum < edge_worker/package-lock.json); \
	if [ "$$sum" != "$$(cat edge_worker/node_modules/.installed 2>/dev/null)" ]; then \
	  echo "Installing edge_worker/package-lock.json ..."; \
	  (cd edge_worker && npm ci --silent --no-audit --no-fund) && echo "$$sum" > edge_worker/node_modules/.installed; \
	fi

browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-noto-color-emoji; } \
	  || { echo "The browser tests need Chromium: install the system's package chromium (and fonts-noto-color-emoji)." >&2; exit 1; }
