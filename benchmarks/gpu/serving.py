"""The server under measurement: started, waited for, and surely stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.request import urlopen

LAUNCHER: Final = Path(__file__).parent / "launcher.py"
START_S: Final = 600.0  # weights of many gigabytes are made on the device first
_OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "DO_NOT_TRACK": "1"}


class ServerFailed(RuntimeError):
    """The server, or the Python that it is to run in, did not do what it should: what it said last."""


@dataclass(frozen=True)
class Served:
    """A server that is ready. `model` is the name it is asked by."""

    base_url: str
    model: str


def about(python: str, device: str) -> dict[str, Any]:
    """What `device` is and which versions would serve it, asked of the Python that has them. Raises ServerFailed."""
    found = subprocess.run([python, str(LAUNCHER), "about", device], capture_output=True, text=True, check=False)
    if found.returncode:
        said = found.stderr.strip() or "nothing"
        raise ServerFailed(f"{python} cannot serve on {device}: {said.splitlines()[-1]}")
    known: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return known


@contextmanager
def serving(python: str, folder: Path, device: str, options: Sequence[str] = ()) -> Iterator[Served]:
    """`transformers serve --continuous-batching` on a free port of 127.0.0.1 until the block is left.

    Raises ServerFailed if it does not come up.
    """
    with TemporaryDirectory() as cache:
        (Path(cache) / "hub").mkdir()  # without it the list of models is an error
        port = _free_port()
        command = [python, str(LAUNCHER), "serve", str(folder), "--host", "127.0.0.1", "--port", str(port)]
        command += ["--device", device, "--continuous-batching", *options]
        log = Path(cache) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **_OFFLINE, "HF_HOME": cache},
                start_new_session=True,  # Ctrl-C is for us, and we stop it
            )
        try:
            _wait(process, f"http://127.0.0.1:{port}/health", log)
            yield Served(f"http://127.0.0.1:{port}/v1", str(folder))
        except Exception as error:
            error.add_note(f"the server said last: {_last(log)}")
            raise
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends_s = time.monotonic() + START_S
    while time.monotonic() < ends_s:
        if process.poll() is not None:
            raise ServerFailed(f"the server ended before it was ready: {_last(log)}")
        with suppress(OSError, HTTPException), urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise ServerFailed(f"the server was not ready within {START_S:g} s: {_last(log)}")


def _last(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:].strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
