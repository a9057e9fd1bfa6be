#!/usr/bin/env bash
# Run the core tests on every supported Python that this machine has, each in a cached .venv-X.Y.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/python.sh

ours=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for version in 3.11 3.12 3.13; do
    venv=.venv-$version
    if [ "$version" = "$ours" ]; then
        venv=.venv
    elif ! python=$(find_python "$version"); then
        echo "Python $version: skipped, this machine has none"
        continue
    elif [ ! "$venv/.installed" -nt pyproject.toml ] || [ ! "$venv/.installed" -nt constraints.txt ]; then
        "$python" -m venv --clear "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --constraint constraints.txt --editable . pytest
        touch "$venv/.installed"
    fi
    echo "Python $version: core tests"
    "$venv/bin/python" -m pytest tests/core
done
