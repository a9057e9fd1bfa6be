"""`asyncfc replay`: recorded model turns as an endpoint that any client can ask."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isnan
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .endpoint import AsJson, Host, Port, PortFile, serve
from .output import document
from .signals import sigterm_interrupts
from .trace_choice import named
from .trace_files import Broken, File, Format, TraceFile

if TYPE_CHECKING:
    from asyncfc_sim.live.replay import Replay
    from asyncfc_sim.live.replay_server import ReplayServer
    from asyncfc_sim.traces.sessions import RecordedSession
    from asyncfc_sim.traces.trace import Run

MAX_SHOWN = 10  # conversations that the banner names


def replay(
    file: File,
    run: Annotated[
        list[str] | None,
        typer.Option(
            "--run",
            "--session",
            metavar="NAME|N",
            help="Serve this run, case or session: its name, a pattern (*), or its number. May be repeated.",
            show_default="all",
        ),
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    speed: Annotated[str, typer.Option("--speed", metavar="X", help="2 is twice as fast; inf takes no time.")] = "1",
    port_file: PortFile = None,
    format: Format = None,
    on_broken: Broken = "fail",
    as_json: AsJson = False,
) -> None:
    """Serve recorded model turns, with their timing, as an OpenAI-compatible endpoint. There is no model behind it.

    For tests, demos and load tests. Each run or session of FILE is a model of that name; a client that names none
    gets the first. Of several whose names begin as asked, it is the one in which the user said the same first, and, of
    those, the one whose model knew of futures as the client does. Which message is next follows from the transcript
    that a request carries, and from nothing else: what the client's tools return changes nothing. Beyond the recorded
    end a request fails with HTTP 410. It serves until it is interrupted (Ctrl-C or SIGTERM; exit code 130).

    \b
    Examples:
      asyncfc replay runs.jsonl
      asyncfc replay runs.jsonl --run '*/asyncfc*' --port 0 --speed 10
      asyncfc replay sessions.jsonl.gz --speed inf --port-file port.txt
      asyncfc run "go" --base-url http://127.0.0.1:8000/v1 --tools mytools.py
    """
    sigterm_interrupts()
    factor = _speed(speed)
    opened = TraceFile(file, format, on_broken)
    recorded = _recorded(opened, run)
    from asyncfc_sim.live.replay_reading import replays
    from asyncfc_sim.live.replay_server import ReplayServer

    server = ReplayServer(replays(recorded), host, port, speed=factor)
    serve(server, _document(server, file) if as_json else _banner(server, file, speed), port_file)


def _speed(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if isnan(factor) or factor <= 0:
        raise typer.BadParameter(f"{text!r}; expected a number above zero, or inf", param_hint="'--speed'")
    return factor


def _recorded(opened: TraceFile, wanted: Sequence[str] | None) -> Sequence[Run | RecordedSession]:
    """The runs or sessions that are meant, in the order of the file."""
    items: Sequence[Run | RecordedSession]
    if opened.is_native:
        runs = opened.runs()
        items, names, what = runs, [(run.header.run, run.header.case) for run in runs], "run or case"
    else:
        sessions = opened.sessions().sessions
        items, names, what = sessions, [(session.session, None) for session in sessions], "session"
    return [items[place] for place in named(names, wanted, what)] if wanted else items


def _banner(server: ReplayServer, file: str, speed: str) -> str:
    replays = list(server.replays.values())
    number = f"{len(replays)} conversation{'' if len(replays) == 1 else 's'}"
    pace = "without its timing" if server.speed == inf else "in its own time"
    if server.speed not in (1.0, inf):
        pace = f"{speed} times as fast as it was"
    lines = [f"a replay of {file}, {number}, {pace}: there is no model behind it"]
    lines += (_line(each) for each in replays[:MAX_SHOWN])
    if len(replays) > MAX_SHOWN:
        lines.append(f"  and {len(replays) - MAX_SHOWN} more")
    lines += dict.fromkeys(f"- {note}" for each in replays[:MAX_SHOWN] for note in each.notes)
    return "\n".join([*lines, server.base_url]) + "\n"


def _line(replay: Replay) -> str:
    messages = f"{replay.messages} message{'' if replay.messages == 1 else 's'}"
    return f"  {replay.name}: {messages}, {replay.decoding_s:.1f} s; {replay.source}"


def _document(server: ReplayServer, file: str) -> dict[str, Any]:
    return document(
        "replay/1",
        config={"file": file, "speed": "inf" if server.speed == inf else server.speed},
        base_url=server.base_url,
        host=str(server.server_address[0]),
        port=server.server_port,
        models=[
            {
                "id": each.name,
                "source": each.source,
                "turns": len(each.turns),
                "messages": each.messages,
                "decoding_s": each.decoding_s,
                "notes": list(each.notes),
            }
            for each in server.replays.values()
        ],
    )
