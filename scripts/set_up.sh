#!/usr/bin/env bash
# Make .venv with the package (editable), its development tools, and the BFCL benchmark, all at the pinned
# versions. Run by the Makefile whenever pyproject.toml or constraints.txt has changed.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/python.sh

make_venv() {
    # --seed: the scripts here call `python -m pip`, with or without uv.
    if command -v uv >/dev/null; then
        uv venv --quiet --seed --python '>=3.11' .venv
        return
    fi
    local python=${PYTHON:-}
    if [ -n "$python" ]; then
        usable "$python" || { echo "$python is not a Python 3.11 or newer with venv and ensurepip" >&2; exit 1; }
    elif ! python=$(find_python 3.11 || { usable python3 && echo python3; } || find_python 3.13 || find_python 3.12); then
        echo "asyncfc-sim needs Python 3.11 or newer, with the modules venv and ensurepip; none was found." >&2
        echo "Install one (on Debian or Ubuntu: apt-get install python3 python3-venv), or name one:" >&2
        echo "    make PYTHON=/path/to/python3.12" >&2
        exit 1
    fi
    "$python" -m venv .venv
}

[ -x .venv/bin/python ] || { echo "making .venv"; make_venv; }
echo "installing the package and its tools into .venv"
if command -v uv >/dev/null; then
    uv pip install --quiet --python .venv/bin/python --constraint constraints.txt --editable '.[bfcl,plot,dask,live,mcp,serve]' --group dev
    uv pip install --quiet --python .venv/bin/python --constraint constraints.txt --no-deps bfcl-eval
else
    pip=".venv/bin/python -m pip --disable-pip-version-check --quiet"
    $pip install --upgrade --constraint constraints.txt pip # --group needs pip 25.1
    $pip install --constraint constraints.txt --editable '.[bfcl,plot,dask,live,mcp,serve]' --group dev
    $pip install --constraint constraints.txt --no-deps bfcl-eval
fi
bash scripts/mcp_peer.sh || echo "without it, the tests against it are left out" >&2
touch .venv/.installed
