"""Run the README's console commands again and put their output under them. `tests/test_readme.py` compares the two."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)


def refreshed(block: re.Match[str]) -> str:
    commands = re.findall(r"^\$ (.*)$", block.group(1), flags=re.MULTILINE)
    return "".join(f"$ {command}\n{output(command)}" for command in commands)


def output(command: str) -> str:
    program, *args = shlex.split(command)
    if program == "make":
        return ""
    words = [program, *args] if program == "cat" else [sys.executable, "-m", "asyncfc_sim", *args]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, env=environment, check=True, encoding="utf-8")
    return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(BLOCK.sub(refreshed, readme.read_text(encoding="utf-8")), encoding="utf-8")
