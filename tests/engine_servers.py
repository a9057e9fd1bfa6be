"""Real engines for tests: servers that nobody here wrote, on a free port of 127.0.0.1, until a block is left.

    with vllm(tiny_model()) as engine:
        Agent(engine.model, [search], base_url=engine.base_url).run_sync("go")

They are made by `scripts/engines.sh NAME`, which takes a while: a test never does that, and is skipped without them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEASH = ROOT / "tests" / "leash.py"
# One thread: so small a model gains nothing by more, and threads that wait for one another starve on a busy machine.
COMMON = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}


class EngineFailed(Exception):
    """An engine that is installed did not start: what it said last."""


@dataclass(frozen=True)
class Engine:
    """A server that is ready. `model` is the name it is asked by."""

    name: str
    base_url: str
    model: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        """Its output up to now."""
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """As a crash does: at once, and without a word."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def tiny_model(suffix: str = "") -> Path:
    """The folder of the model that is served, or its file with this suffix; without one the test is skipped."""
    folder = Path(os.environ.get("ASYNCFC_TINY_MODEL") or ROOT / "models" / "tiny-futures")
    wanted = suffix or ".safetensors"
    found = sorted(folder.glob(f"*{wanted}"))
    if not found:
        pytest.skip(f"there is no model to serve: no *{wanted} in {folder}")
    return found[0] if suffix else folder


@contextmanager
def transformers(model: Path, *args: str) -> Iterator[Engine]:
    """`transformers serve`: whole calls, one message after the other (or --continuous-batching)."""
    program = _program("transformers", ROOT / ".venv-hf" / "bin" / "transformers")
    with TemporaryDirectory() as cache:
        (Path(cache) / "hub").mkdir()  # without it the list of models is an error
        port = free_port()
        name = str(model.relative_to(ROOT) if model.is_relative_to(ROOT) else model)  # it is asked for by its path
        command = [program, "serve", name, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", *args]
        with _running("transformers", command, {"HF_HOME": cache}, port, name, within_s=600) as engine:
            yield engine


@contextmanager
def vllm(model: Path, *args: str) -> Iterator[Engine]:
    """vLLM on the CPU: token by token, many messages at once, grammars, a prefix cache."""
    program = _program("vllm", ROOT / ".venv-vllm" / "bin" / "python")
    port = free_port()
    command = [program, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--served-model-name", "tiny", "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"]
    command += ["--enforce-eager", "--max-model-len", "4096", "--distributed-executor-backend", "uni"]
    command += ["--enable-auto-tool-choice", "--tool-call-parser", "hermes", *args]
    environment = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    with _running("vllm", command, environment, port, "tiny", within_s=600) as engine:
        yield engine


@contextmanager
def llama(model: Path, *args: str) -> Iterator[Engine]:
    """llama-server: token by token, slots with a prefix cache. `model` is a GGUF file."""
    program = _program("llama", ROOT / ".engines" / "llama" / "llama-server")
    port = free_port()
    command = [program, "-m", str(model), "--host", "127.0.0.1", "--port", str(port), "--jinja", "--no-webui"]
    command += ["--alias", "tiny", "-c", "16384", "-np", "4", "-t", "1", *args]
    with _running("llama", command, {}, port, "tiny", within_s=60) as engine:
        yield engine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _program(name: str, path: Path) -> str:
    """What is started; the test is skipped, with the reason if it was tried, where it has not been made."""
    notes = ROOT / ".engines"
    if (notes / f"{name}.installed").exists() and path.exists():
        return str(path)
    reason = notes / f"{name}.reason"
    why = reason.read_text().strip() if reason.exists() else f"bash scripts/engines.sh {name} makes it"
    pytest.skip(f"{name} is not installed: {why}")


@contextmanager
def _running(
    name: str, command: Sequence[str], environment: Mapping[str, str], port: int, model: str, *, within_s: float
) -> Iterator[Engine]:
    """The server in a process group of its own, from when it says that it is well until the block is left."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(LEASH), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **COMMON, **environment},
                cwd=ROOT,
                start_new_session=True,
            )
        engine = Engine(name, f"http://127.0.0.1:{port}/v1", model, process, log)
        try:
            _wait_for(engine, f"http://127.0.0.1:{port}/health", within_s)
            yield engine
        finally:
            _stop(process)


def _wait_for(engine: Engine, url: str, within_s: float) -> None:
    ends_s = time.monotonic() + within_s
    while time.monotonic() < ends_s:
        if engine.process.poll() is not None:
            raise EngineFailed(f"{engine.name} ended before it was ready:\n{engine.said[-2000:]}")
        with suppress(OSError, HTTPException), urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise EngineFailed(f"{engine.name} was not ready within {within_s:g} s:\n{engine.said[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()  # the leash is pulled
    try:
        process.wait(30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
