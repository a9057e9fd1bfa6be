#!/usr/bin/env bash
# Make .venv-peers: other executors of tool calls, which bench_live.py compares with. They are no dependency of ours.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/python.sh

python=${PYTHON:-$(find_python 3.11 || find_python 3.12 || find_python 3.13 || echo python3)}
"$python" -m venv .venv-peers
.venv-peers/bin/python -m pip --disable-pip-version-check --quiet install \
    langgraph==1.2.24 langgraph-prebuilt==1.1.3 langchain-core==1.8.3 pydantic-ai-slim==2.68.0 pydantic==2.14.4
