"""The project's own small model, models/tiny-futures, served while a block runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asyncfc_sim._resources import data_path
from asyncfc_sim.live.http_server import serving

from .served_model import ServedModel
from .server import ModelServer

NAME = "tiny-futures"
_PATIENCE_S = 10.0


class TinyServerFailed(RuntimeError):
    """The process that was to serve the model has ended: what it said."""


def model_folder(folder: str | os.PathLike[str] | None = None) -> Path:
    """This folder, or that of the project's own model. Raises FileNotFoundError, saying where to get it."""
    if folder is not None:
        if not Path(folder).is_dir():
            raise FileNotFoundError(2, "there is no such folder of a model", os.fspath(folder))
        return Path(folder)
    try:
        found = data_path("models", NAME)
    except FileNotFoundError:
        found = None
    if found is None or not (found / "config.json").is_file():
        raise FileNotFoundError(
            f"the model {NAME} is not here: a wheel of asyncfc-sim comes without it, its repository and its source "
            f"distribution have it as models/{NAME}; name that folder with --model, or put models/ where "
            "ASYNCFC_DATA_DIR says"
        )
    return found


@contextmanager
def serve_tiny(
    folder: str | os.PathLike[str] | None = None,
    *,
    port: int = 0,
    tokens_per_second: float | None = None,
    process: bool = False,
) -> Iterator[str]:
    """Serve the model on 127.0.0.1, by default on a free port; gives the base URL. `asyncfc serve tiny` is the same at
    the shell.

    It decodes in threads of this process, which then shares its time with whoever asks; `process=True` gives it a
    process of its own, as a measurement needs. Either is gone when the block is left, the latter too when this process
    is killed.

    Raises FileNotFoundError without a model, ModelFault for one that cannot be decoded, OSError for a port that is in
    use; a process that does not come up raises TinyServerFailed with what it said.
    """
    found = model_folder(folder)
    if not process:
        server = ModelServer(ServedModel(found), port=port, tokens_per_second=tokens_per_second)
        with serving(server) as base_url:
            yield base_url
        return
    command = [sys.executable, "-m", "asyncfc_sim", "serve", "tiny", "--port", str(port), "--json", "--until-eof"]
    command += ["--model", os.fspath(found)]
    if tokens_per_second is not None:
        command += ["--tokens-per-second", str(tokens_per_second)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            ready = running.stdout.readline()
            if not ready:
                raise TinyServerFailed(running.communicate()[1].decode(errors="replace").strip())
            yield str(json.loads(ready)["base_url"])
        finally:
            _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    running.send_signal(signal.SIGTERM)
    try:
        running.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        running.kill()
