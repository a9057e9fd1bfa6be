"""What verbs that serve have in common: where they listen, how they say that they are ready, how they end."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import show

if TYPE_CHECKING:
    from asyncfc_sim.live.http_server import ChatServer

Host = Annotated[str, typer.Option("--host", help="The address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")]
PortFile = Annotated[
    Path | None, typer.Option("--port-file", metavar="OUT", help="Write the port there, once it is listened on.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one line of JSON, once requests are answered, in place of the text.")
]


def serve(server: ChatServer, ready: str | Mapping[str, Any], port_file: Path | None) -> None:
    """Say that it is ready, in words or as one line of JSON, and serve until it is interrupted."""
    try:
        if port_file is not None:
            from asyncfc_sim.traces.files import atomic_write

            with atomic_write(port_file) as out:
                out.write(b"%d\n" % server.server_port)
        if isinstance(ready, str):
            show(ready)
        else:
            print(json.dumps(ready, ensure_ascii=False, allow_nan=False))
        sys.stdout.flush()
        server.serve_forever(poll_interval=0.1)
    finally:
        server.stopping.set()
        server.server_close()
