.DEFAULT_GOAL := help
PY := .venv/bin/python
unexport PYTHONDONTWRITEBYTECODE # else every process compiles the modules anew
CODE := foundation networks dataset crawlers labeling training web flows isitcake simulator scripts

help:            ## this list
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## +/\t/' | expand -t 18

setup:           ## virtual environments, browser and Label Studio
	@scripts/setup.sh runtime

demo: setup      ## the whole loop on a small internet of our own (ONCE=1: end by itself)
	@.venv/bin/isitcake demo $(if $(ONCE),--once) $(if $(PHOTOS),--photos $(PHOTOS))

dev:             ## what tests and checks need
	@scripts/setup.sh dev

cnn: dev         ## torch, for the networks trained from scratch
	@$(PY) -c 'import torch' 2>/dev/null || .venv/bin/uv pip install -q --python $(PY) --require-hashes -r locks/cnn.txt

test: dev        ## every test
	@$(PY) -m pytest $(if $(CI),,-q) -n auto --maxprocesses 4 $(ARGS)

test-fast: dev   ## tests that need no browser and no server: a minute and a half
	@$(PY) -m pytest -q -n auto --maxprocesses 4 -m "not slow" -p no:schemathesis --ignore tests/web/test_openapi.py $(ARGS)

screenshots: dev ## the pictures of README.md and docs/, from the demo
	@PYTHONPATH=. $(PY) -P scripts/screenshots.py

docs: dev        ## the documentation site, in site/
	@.venv/bin/zensical build --strict
	@echo "open site/index.html"

check: dev       ## style, types, import directions, security, compose file, links of the docs
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/bandit -q -c pyproject.toml -r $(CODE)
	@$(PY) scripts/audit.py
	@.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@.venv/bin/zensical build --strict

bench-%: dev     ## one benchmark beside its peers: bench-crawl, bench-duplicates, …
	@script="$$(ls benchmarks/*/$*.py)" && PYTHONPATH=".:benchmarks:$$(dirname "$$script")" $(PY) -P "$$script"

prior: dev       ## fit the shipped priors anew (needs ../shared)
	@PYTHONPATH=.:benchmarks:benchmarks/dataset $(PY) -P benchmarks/dataset/fit_prior.py

format: dev      ## let ruff put the code in order
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

EXTRAS := --extra crawl --extra review --extra flows --extra hub
COMPILE := uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock"

lock:            ## renew the lock files (needs uv)
	$(COMPILE) --upgrade $(EXTRAS) pyproject.toml -c locks/constraints.txt -o locks/runtime.txt
	$(COMPILE) $(EXTRAS) --extra dev --extra bench --extra docs --extra pairs --extra nsfw pyproject.toml -c locks/runtime.txt -o locks/dev.txt
	$(COMPILE) $(EXTRAS) --extra cnn pyproject.toml -c locks/dev.txt -o locks/cnn.txt
	$(COMPILE) --upgrade locks/label-studio.in -o locks/label-studio.txt

clean:           ## the demo's files (environments stay)
	rm -rf demo site build .pytest_cache .mypy_cache .ruff_cache

.PHONY: check clean cnn demo dev docs format help lock prior screenshots setup test test-fast
