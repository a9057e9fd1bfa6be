"""`asyncfc replay` as a process of its own, for tests that ask it over the wire."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
AGENT = ROOT / "examples" / "06_agent.replay.jsonl"
AGENT_TOOLS = ROOT / "examples" / "06_agent.tools.py"
COMMAND = (sys.executable, "-m", "asyncfc_sim", "replay")


@contextmanager
def replayed(file: str | Path = AGENT, *options: str) -> Iterator[dict[str, Any]]:
    """Serve a recording on a free port while the block runs; gives what the command says once it is ready."""
    command = [*COMMAND, str(file), "--port", "0", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8") as run:
        assert run.stdout is not None
        assert run.stderr is not None
        line = run.stdout.readline()
        if not line:
            raise RuntimeError(f"asyncfc replay ended: {run.stderr.read()}")
        try:
            yield json.loads(line)
        finally:
            run.send_signal(signal.SIGTERM)
            try:
                run.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                run.kill()
                raise
