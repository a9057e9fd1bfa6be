"""What the synchronous runs say: a timing model of the decoder, how long calls ran, and sessions to forecast from.

Nothing else is known to a forecast. The runs go through a file, as `asyncfc bench --trace` writes it and `asyncfc fit`
reads it: what is fitted here is what these would give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from asyncfc_sim.core.values import JSON, canonical
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.simulate.first_seen import FirstSeen, as_decoded, first_seen
from asyncfc_sim.simulate.fit_decoder import DecoderFit, fit_decoder
from asyncfc_sim.traces.emission import emission
from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.sessions import RecordedSession
from asyncfc_sim.traces.trace import write_trace

SOURCE = "the synchronous runs of this study"


@dataclass(frozen=True, slots=True)
class Learnt:
    """`seen` says when something of a message is first seen. `sessions` are those of the runs, by their names, with the
    times at which first tokens were decoded. `call_s` are durations of calls that ran: by the prompts of the
    conversation, the tool and its arguments; `tool_s` by the tool alone."""

    fit: DecoderFit
    seen: FirstSeen
    sessions: Mapping[str, RecordedSession]
    call_s: Mapping[tuple[str, str, str], float]
    tool_s: Mapping[str, float]

    def seconds(self, case: str, tool: str, args: Mapping[str, JSON]) -> float | None:
        """What is known of how long a call runs; None if its tool never ran."""
        return self.call_s.get((case, tool, canonical(dict(args))), self.tool_s.get(tool))


@dataclass(frozen=True, slots=True)
class SyncRun:
    """A run under sync: of which conversation (any name for it), and in which round."""

    case: str
    round: int
    run: AgentRun


def learnt(runs: Sequence[SyncRun], *, min_r2: float) -> Learnt:
    """What runs under sync teach. A server that replays is studied as it is, whatever its times. Raises FitError."""
    with TemporaryDirectory(prefix="asyncfc-fidelity-") as folder:
        path = Path(folder) / "sync.jsonl"
        write_trace(path, [one.run.trace for one in runs])
        sessions = read_sessions(str(path)).sessions
    counted = any(step.prompt_tokens is not None for session in sessions for step in session.steps())
    round_of = {one.run.trace.header.run: one.round for one in runs}
    fit = fit_decoder(
        sessions,
        name="fitted",
        source=SOURCE,
        min_r2=min_r2,
        constant_ttft=not counted,
        whole=True,
        rounds=[round_of[session.session] for session in sessions],
        sampled=True,
    )
    cache = fit.decoder.prefix_cache
    said_by = [
        (one.case, emission(one.run.trace, one.run.messages, references=False, prefix_cache=cache)) for one in runs
    ]
    of_call: dict[tuple[str, str, str], list[float]] = {}
    of_tool: dict[str, list[float]] = {}
    for case, said in said_by:
        for future, seconds in said.call_s.items():
            tool = said.tools[future]
            of_call.setdefault((case, tool, canonical(dict(said.args[future]))), []).append(seconds)
            of_tool.setdefault(tool, []).append(seconds)
    return Learnt(
        fit,
        first_seen((message for _, said in said_by for message in said.messages), fit.decoder),
        {session.session: as_decoded(session, fit.decoder) for session in sessions},
        {call: fmean(seconds) for call, seconds in of_call.items()},
        {tool: fmean(seconds) for tool, seconds in of_tool.items()},
    )


def with_prompts(session: RecordedSession, prompts: Sequence[str]) -> RecordedSession:
    """A session that says what the user said; its turns are as many, or fewer if the run broke off."""
    turns = tuple(replace(turn, prompt=text) for turn, text in zip(session.turns, prompts, strict=False))
    return replace(session, turns=turns)
