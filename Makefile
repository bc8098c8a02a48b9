# flatline: everything that a person runs. `make help` lists it; each target sets itself up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
GEN := .venv-proto
BENCH := .venv-bench
RIVALS := .venv-rivals
PROTOS := flatline/v1/monitor.proto flatline/v1/packed.proto
GENERATED := client/flatline/v1
IMAGE := proto/released.binpb

.DEFAULT_GOAL := help
.PHONY: help dev demo demo-seeds test conformance gallery accuracy remedies lint-gallery rivals bench-judge check lint types proto proto-check build matrix matrix-keras bench-client clean tools

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

dev: $(VENV)/ready ## make .venv with everything that the other targets need

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "flatline needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version)" >&2; exit 1; }
	@tests/tools/debian.sh python3-venv $(PYTHON) -c 'import ensurepip, venv'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[monitor]' --group dev
	@touch $@

tools: ## promtool, prometheus and Chromium, which some tests run
	@tests/tools/debian.sh prometheus promtool --version
	@tests/tools/debian.sh chromium chromium --version
	@tests/tools/debian.sh libatomic1 sh -c 'ldconfig -p | grep -q libatomic.so.1' # for its driver

demo: dev ## train sick and healthy models against a running monitor; KEEP=1 leaves it up
	@$(BIN)/python -m tests.demo $(if $(KEEP),--keep)

demo-seeds: dev ## the same programs with ten seeds each, as a table (minutes)
	@$(BIN)/python -m tests.demo --seeds 10

# Three at a time on two cores: a quarter of the time a test waits for a process of its own.
test: dev tools ## the whole suite
	$(BIN)/pytest -n 3

conformance: dev ## the Keras capture over every kind of training that we could think of (long)
	$(BIN)/pytest -n 2 -m "long or not long" tests/client/conformance tests/client/test_keras_evaluation.py

check: lint types proto-check dev ## style, types, wire format, import rules
	$(BIN)/pytest tests/test_rooms.py --quiet

lint: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: dev
	$(BIN)/mypy

# The generator is pinned in a place of its own: its output runs on protobuf 4.25 to 7, that of
# later generators only on the newest, and it needs Python 3.12 or older.
$(GEN)/ready: Makefile
	@test -x $(GEN)/bin/python || $(PYTHON) -m venv $(GEN)
	$(GEN)/bin/python -m pip install --quiet grpcio-tools==1.62.3 mypy-protobuf==3.6.0 'setuptools<80'
	@touch $@

proto: $(GEN)/ready ## generate client/flatline/v1 from proto/
	PATH=$(CURDIR)/$(GEN)/bin:$$PATH $(GEN)/bin/python -m grpc_tools.protoc -Iproto \
	  --python_out=client --grpc_python_out=client --mypy_out=client --mypy_grpc_out=client $(PROTOS)
	rm -f $(GENERATED)/packed_pb2_grpc.py*

proto-check: dev $(GEN)/ready ## lint, breaking changes, and that the generated code is fresh
	$(BIN)/buf lint proto
	$(BIN)/buf format --diff --exit-code proto
	$(BIN)/buf breaking proto --against $(IMAGE)
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	  PATH=$(CURDIR)/$(GEN)/bin:$$PATH $(GEN)/bin/python -m grpc_tools.protoc -Iproto \
	    --python_out="$$fresh" --grpc_python_out="$$fresh" --mypy_out="$$fresh" --mypy_grpc_out="$$fresh" $(PROTOS) && \
	  rm -f "$$fresh"/flatline/v1/packed_pb2_grpc.py* && \
	  diff -r -x __init__.py -x __pycache__ "$$fresh/flatline/v1" $(GENERATED) \
	  || { echo "$(GENERATED) is not what proto/ gives; run: make proto" >&2; exit 1; }

build: dev ## wheel and source archive in dist/
	$(BIN)/python -m build --outdir dist .

matrix: dev ## the wheel's client on the oldest and newest protobuf and grpcio (minutes)
	tests/tools/matrix.sh $(PYTHON)

matrix-keras: ## the client beside each TensorFlow and Keras that it takes; VERSIONS="2.15 newest" (long)
	$(PYTHON) tests/tools/matrix_keras.py $(PYTHON) $(VERSIONS)

# The tools that it compares with are many and large, and nothing else needs them.
$(BENCH)/ready: pyproject.toml Makefile
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --editable '.[monitor]' 'tensorflow-cpu>=2.21' \
	  tensorboard wandb mlflow-skinny pandas sqlalchemy alembic matplotlib
	@touch $@

bench-client: $(BENCH)/ready ## what the client costs a training, in dist/bench-client; BENCH_FLAGS=--quick
	@$(BENCH)/bin/python -m tests.bench.client $(BENCH_FLAGS)

gallery: dev ## train the gallery anew, through the real client and service, and record it (long); NAMES=
	$(BIN)/python -m tests.gallery.record $(NAMES)

accuracy: dev ## how right the monitor is about the gallery, in dist/accuracy/; fails when a bar is missed; ACCURACY_FLAGS=--plates
	@$(BIN)/python -m tests.gallery.accuracy $(ACCURACY_FLAGS)

remedies: dev ## train the sick half of the gallery again with the first remedy, in dist/remedies/; fails when a bar is missed (long); REMEDIES_FLAGS=
	@nice $(BIN)/python -m tests.gallery.remedies $(REMEDIES_FLAGS)

# They are asked by their own interpreter, so that nothing that they bring along reaches ours.
$(RIVALS)/ready: pyproject.toml Makefile
	@test -x $(RIVALS)/bin/python || $(PYTHON) -m venv $(RIVALS)
	$(RIVALS)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(RIVALS)/bin/python -m pip install --quiet --group rivals
	@touch $@

rivals: $(RIVALS)/ready ## install the young packages that make accuracy then compares with too

lint-gallery: dev ## how right lint is about logs made of the gallery; fails when a bar is missed
	@$(BIN)/python -m tests.gallery.lint

bench-judge: dev ## what a run costs the monitor: us a step, us a judged point, memory
	@$(BIN)/python -m tests.bench.judge

clean: ## remove everything that the targets made
	rm -rf $(VENV) .venv-keras $(GEN) $(BENCH) $(RIVALS) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
