"""`asyncfc serve`: a model of our own as an endpoint, for a live run without a key, a GPU or a download."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .endpoint import AsJson, Host, Port, PortFile, serve
from .output import document
from .signals import eof_interrupts, sigterm_interrupts

if TYPE_CHECKING:
    from asyncfc_sim.serve.server import ModelServer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def models() -> None:
    """Serve a model of the project's own as an OpenAI-compatible endpoint."""


@app.command(short_help="The small model that comes with the repository.")
def tiny(
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="DIR", help="Another folder with a Qwen3 model.", show_default="tiny-futures"),
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    tokens_per_second: Annotated[
        float | None,
        typer.Option("--tokens-per-second", metavar="N", help="Decode no faster than this.", show_default="no limit"),
    ] = None,
    port_file: PortFile = None,
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="End with standard input, for a program that starts this one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Serve models/tiny-futures, a model of a million parameters that was trained on one domain, an office's tools.

    It is decoded here, in NumPy, on one core. Text and calls are streamed token by token, several requests at a time;
    what was read of earlier prompts is kept, and `usage` says how much of it was of use. Greedy, and at most 1,024
    tokens a message (finish_reason length), unless a request says otherwise (temperature, max_tokens). Needs the extra
    `serve`. It serves until it is interrupted (Ctrl-C or SIGTERM; exit code 130).

    \b
    Examples:
      asyncfc serve tiny
      asyncfc serve tiny --port 0 --tokens-per-second 40
      asyncfc run "Book room Oak for Ada" --base-url http://127.0.0.1:8000/v1 --tools models/tiny-futures/office.py
    """
    if tokens_per_second is not None and not 0 < tokens_per_second < float("inf"):
        message = f"{tokens_per_second}; expected a number above zero"
        raise typer.BadParameter(message, param_hint="'--tokens-per-second'")
    sigterm_interrupts()
    if until_eof:
        eof_interrupts()
    if "numpy" not in sys.modules:  # its matrices are small: further threads would mostly wait for one another
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    from asyncfc_sim.serve.served_model import ServedModel
    from asyncfc_sim.serve.server import ModelServer
    from asyncfc_sim.serve.tiny import model_folder

    served = ServedModel(model_folder(model))
    server = ModelServer(served, host, port, tokens_per_second=tokens_per_second)
    serve(server, _document(server) if as_json else _banner(server), port_file)


def _banner(server: ModelServer) -> str:
    model, rate = server.model, server.tokens_per_second
    pace = "" if rate is None else f", {rate:g} tokens a second"
    size = f"{model.parameters / 1e6:.1f} million parameters, {model.config.context} tokens of context"
    return (
        f"{model.name}: {size}{pace}\n"
        f'asyncfc run "PROMPT" --base-url {server.base_url} --tools models/tiny-futures/office.py\n'
        f"{server.base_url}\n"
    )


def _document(server: ModelServer) -> dict[str, Any]:
    model = server.model
    return document(
        "serve/1",
        config={"tokens_per_second": server.tokens_per_second},
        base_url=server.base_url,
        host=str(server.server_address[0]),
        port=server.server_port,
        models=[{"id": model.name, "parameters": model.parameters, "context": model.config.context}],
    )
