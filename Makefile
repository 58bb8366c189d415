.DEFAULT_GOAL := help
PY := .venv/bin/python

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

check: dev       ## style, types, import directions, compose file
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

bench-%: dev     ## one benchmark beside its peers: bench-crawl, bench-duplicates, …
	@script="$$(ls benchmarks/*/$*.py)" && PYTHONPATH=".:benchmarks:$$(dirname "$$script")" $(PY) -P "$$script"

prior: dev       ## fit the shipped priors anew (needs ../shared)
	@PYTHONPATH=.:benchmarks:benchmarks/dataset $(PY) -P benchmarks/dataset/fit_prior.py

format: dev      ## let ruff put the code in order
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

lock:            ## renew the lock files (needs uv)
	uv pip compile -q --upgrade --python-version 3.11 --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" pyproject.toml -o locks/runtime.txt
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" --extra dev --extra bench pyproject.toml -c locks/runtime.txt -o locks/dev.txt
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" --extra cnn pyproject.toml -c locks/dev.txt -o locks/cnn.txt
	uv pip compile -q --upgrade --python-version 3.11 --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" locks/label-studio.in -o locks/label-studio.txt

clean:           ## the demo's files (environments stay)
	rm -rf demo .pytest_cache .mypy_cache .ruff_cache

.PHONY: cnn prior help setup demo dev test check format lock clean
