#!/usr/bin/env bash
# Write scripts/engines/NAME.txt, all that an engine's environment holds, from NAME.in, what it is asked to hold. Needs uv.
set -euo pipefail
cd "$(dirname "$0")/../.."

uv=$(command -v uv || echo .venv/bin/uv)
mapfile -t flags < <(.venv/bin/python scripts/engines/pip_flags.py)
for name in transformers vllm; do
    folder=scripts/engines
    overrides=()
    [ -f "$folder/$name.overrides.txt" ] && overrides=(--overrides "$folder/$name.overrides.txt")
    "$uv" pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header \
        "${flags[@]}" "${overrides[@]}" "$folder/$name.in" --output-file "$folder/$name.txt" >/dev/null
done
