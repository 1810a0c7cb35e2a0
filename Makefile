# SALI Live: every task a person or CI runs. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
SOURCE ?= demo

.DEFAULT_GOAL := help
.PHONY: help api install web run test test-python test-web e2e e2e-long docker-test env-example bench bench-lossy bench-gpu test-gpu test-outages test-bench fuzz safety fmt lint type train clean packages

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

install: $(VENV)/.installed ## Make .venv with everything in it

client_web/node_modules/.installed: client_web/package-lock.json
	@command -v npm >/dev/null || { echo "Node.js 20 or newer with npm is needed to build the web client"; exit 1; }
	cd client_web && npm ci --no-audit --no-fund --silent
	touch $@

client_web/dist/index.html: client_web/node_modules/.installed client_web/index.html client_web/vite.config.ts $(shell find client_web/src client_web/public -type f 2>/dev/null)
	cd client_web && npm run --silent build

web: client_web/dist/index.html ## Build the web client

run: install web ## Start the service (SOURCE=demo, a file, or rtsp://...; PORT=8000)
	$(BIN)/sali serve --source '$(SOURCE)' --host $(HOST) --port $(PORT)

packages: ## Install the Debian packages that the tests use (needs root)
	@sh tests/install_packages.sh

test: packages install web test-python test-web e2e ## Everything CI runs: units, integration, web, browser

test-python: install ## Python tests: units and commands side by side, then services one by one
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --durations=10 tests/unit tests/commands
	$(BIN)/python -m pytest -q --durations=10 tests/integration

test-web: client_web/node_modules/.installed ## Web client: types, lint, unit tests
	cd client_web && npm run --silent typecheck && npm run --silent lint && npm test --silent

e2e: install web ## A real browser against a real server
	$(BIN)/python -m pytest -q --durations=10 -m 'e2e and not long' tests/e2e

e2e-long: packages install web ## Its slow part: fallbacks of the browser, changing sources, benchmarks (10 minutes)
	$(BIN)/python -m pytest -q -m 'e2e and long' tests/e2e

docker-test: install ## Build the image and test the whole stack (root on Debian, or Docker with Compose)
	PYTHON=$(BIN)/python tests/docker/run.sh

env-example: install ## Write the service's variables into deploy/.env.example
	sed '/sali config env/q' deploy/.env.example >deploy/.env.example.new
	$(BIN)/sali config env >>deploy/.env.example.new
	mv deploy/.env.example.new deploy/.env.example

api: install ## Write the descriptions of the interface into docs/api
	$(BIN)/python -m server.api_documents docs/api

test-outages: packages install ## Cameras away for 10 and 60 s, moved, cut off (8 minutes of waiting)
	$(BIN)/python -m pytest -q -m long tests/integration/test_outages.py tests/integration/test_reconnect.py

test-bench: packages install ## The benchmarks of the running service, in their short form (4 minutes)
	$(BIN)/python -m pytest -q -m long tests/integration/test_bench_service.py tests/integration/test_bench_clinical.py

fuzz: install ## Thousands of rounds of damaged video (FUZZ_ROUNDS=2000, FUZZ_SEED=the time)
	$(BIN)/python -m pytest -q -s -m long tests/integration/test_damaged_video.py

bench: install ## Speed, as ratios measured side by side
	$(BIN)/python -m tests.bench.step
	$(BIN)/python -m tests.bench.against_authors
	$(BIN)/python -m tests.bench.metrics

bench-lossy: install web ## No mask on a wrong frame over bad networks (FRAMES=100000, half an hour)
	$(BIN)/python -m tests.bench.lossy_frames --frames $(or $(FRAMES),100000) $(BENCH)

bench-viewer: install web ## The viewer: 50 failures of each kind (a quarter of an hour), 1080p60; writes docs/benchmarks
	rm -f docs/benchmarks/viewer-failures.json
	$(BIN)/python -m tests.bench.viewer_failures --out docs/benchmarks/viewer-failures.json
	$(BIN)/python -m tests.bench.viewer_speed --out docs/benchmarks/viewer-speed.json

screenshots: install web ## Pictures of the viewer on the phantom into build/screenshots; writes docs/images
	$(BIN)/python -m tests.e2e.screenshots build/screenshots --docs docs/images

# GPU machines often bring their own torch: without .venv these two use what is installed.
GPU_PYTHON = $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))

bench-gpu: ## Speed on a GPU against the authors' form; writes docs/benchmarks/gpu.json
	$(GPU_PYTHON) -m tests.bench.gpu $(BENCH)

test-gpu: ## What only a GPU can show
	$(GPU_PYTHON) -m pytest -q -m gpu tests/gpu

safety: install ## Write docs/safety-tests.md (which test proves which control) and docs/soup.md
	$(BIN)/python -m tests.safety.hazards
	$(BIN)/python -m tests.safety.soup

fmt: install ## Format
	$(BIN)/ruff format sali_core server tests
	$(BIN)/ruff check --fix-only --quiet sali_core server tests

lint: install ## Style, import contracts
	$(BIN)/ruff format --check sali_core server tests
	$(BIN)/ruff check sali_core server tests
	$(BIN)/lint-imports

type: install ## Types
	$(BIN)/mypy

train: install ## Train the demo weights (DATA=folder, BACKBONE=mobilenetv2 weights)
	$(BIN)/sali train --config configs/small.toml --data $(DATA) --backbone-weights $(BACKBONE) \
		--out runs/small-clips --clip-frames 3 --size 256 --steps 720 --lr 1e-3 --backbone-lr 3e-4 \
		--phantom-share 0.3 --negative-share 0.15 --set data.mix.gentle=0.0
	$(BIN)/sali train --config configs/small.toml --data $(DATA) --start runs/small-clips/last.safetensors \
		--out runs/small
	$(BIN)/sali train --config configs/small-fine.toml --data $(DATA) --start runs/small/last.safetensors \
		--out runs/small-fine
	$(BIN)/sali train --config configs/small-phantom.toml --data $(DATA) --start runs/small-fine/last.safetensors \
		--out runs/small-phantom
	$(BIN)/sali train --config configs/small-edges.toml --data $(DATA) --start runs/small-phantom/last.safetensors \
		--out runs/small-edges
	$(BIN)/sali weights mix runs/small-phantom/last.safetensors runs/small-edges/last.safetensors --share 0.85 \
		-o runs/small-mixed.safetensors --force
	$(BIN)/sali weights calibrate runs/small-mixed.safetensors --data $(DATA) --tolerance 0.001 -o runs/small.safetensors --force

clean: ## Remove what was built
	rm -rf $(VENV) client_web/node_modules client_web/dist .mypy_cache .ruff_cache .pytest_cache
