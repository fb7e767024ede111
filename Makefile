# Everything that is done with MeetsMatch on one machine. `make` alone lists it.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
export PORT
.DEFAULT_GOAL := help
.PHONY: help run test bench drills check messages lock screenshots base dev browser

help: ## list what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

run: base ## everything from a fresh clone, on http://localhost:8000 (another port: make run PORT=9000)
	@exec $(BIN)/python -m meetsmatch.run

test: dev browser ## everything the tests need, then all of them (some of them: make test ARGS=tests/users)
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

bench: dev ## the benchmarks, as tables and in var/bench (one of them: make bench NAME=flags)
	@for script in benchmarks/$(or $(NAME),*).py; do \
	  echo "== $$script"; $(BIN)/python $$script || exit; \
	done

drills: export DJANGO_SETTINGS_MODULE = meetsmatch.settings.test
drills: dev ## every fault against the real processes, as a table and in var/drills.json (some: make drills NAME="kill-web clock")
	@$(BIN)/python -m tests.drills $(NAME)

check: export DJANGO_SETTINGS_MODULE = meetsmatch.settings.test
check: dev ## style, types, layers, migrations, production settings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	@$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

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

browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-noto-color-emoji; } \
	  || { echo "The browser tests need Chromium: install the system's package chromium (and fonts-noto-color-emoji)." >&2; exit 1; }
