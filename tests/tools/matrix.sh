#!/bin/sh
# matrix.sh PYTHON: the built wheel's client and its tests, on pairs of protobuf and grpcio from
# the oldest that we say we take to the newest, each in an environment of its own.
set -eu
python=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python -m build --wheel --outdir "$work" . >/dev/null
for pair in 'protobuf==4.25.* grpcio==1.60.*' 'protobuf==5.29.* grpcio==1.71.*' \
  'protobuf==6.33.* grpcio==1.76.*' 'protobuf>=7 grpcio>=1.85'; do
  echo "== $pair"
  "$python" -m venv "$work/venv" --clear
  # shellcheck disable=SC2086 - two requirements
  "$work/venv/bin/pip" install --quiet "$work"/*.whl $pair pytest pytest-timeout hypothesis
  "$work/venv/bin/python" -m pytest --quiet -c /dev/null --rootdir . --import-mode=importlib \
    -p no:cacheprovider -o pythonpath=. tests/test_wire.py tests/client/test_run.py \
    tests/client/test_sender.py tests/client/test_transport.py tests/client/test_import_is_light.py
done
