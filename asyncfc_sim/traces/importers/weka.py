"""Traces of kv-cache-tester, which Weka and AIPerf use too: one JSON document a trace, or one trace a line.

    {"id", "block_size", "requests": [{"t", "type": "n" | "s", "model", "in", "out", "input_types", "output_types",
     "stop", "api_time"?, "ttft"?, "think_time"?} | {"type": "subagent", "t", "agent_id", "duration_ms", "requests"}]}

`think_time` is what passed between the end of the request before and this one, to the second. After a request that
stopped to use tools it is the time of the tools, the client and a person's approval, and stands here as the `exec_s` of
one call, derived, for neither the tools nor their number are recorded: the tool is called `unknown`, or `sub_agent`
where a sub-agent ran meanwhile. Anywhere else it is the user's pause, and a new turn begins.

A sub-agent is a session of its own; its `t` is when it had ended. Traces share no clock, so `arrival_s` is known only
in a file of one trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from asyncfc_sim.traces.sessions import Provenance, RecordedCall, RecordedSession, RecordedStep, RecordedTurn

from .records import Record, count, documents, each, head, maybe, number, objects, origin, text, texts
from .source import Source

PROVENANCE: Final[dict[str, Provenance]] = {
    "arrival_s": "derived",
    "turn.user_gap_s": "derived",
    "step.prompt_tokens": "measured",
    "step.out_tokens": "measured",
    "step.ttft_s": "measured",
    "step.llm_s": "measured",
    "call.kind": "derived",
    "call.exec_s": "derived",
}


def looks_like(source: Source) -> bool:
    return "requests" in head(source) and "block_size" in head(source)


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    alone = isinstance(source.document, dict)

    def sessions(trace: Record) -> Iterator[RecordedSession]:
        name = text(trace, "id")
        parent = RecordedSession(
            session=name,
            source=origin(source, "weka"),
            arrival_s=0.0 if alone else None,
            turns=_turns(objects(trace, "requests")),
            provenance=PROVENANCE,
        )
        yield parent
        for agent in objects(trace, "requests"):
            if agent.get("type") == "subagent":
                began = _began(agent)
                yield replace(
                    parent,
                    session=f"{name}/{text(agent, 'agent_id')}",
                    parent=name,
                    arrival_s=began if alone else None,
                    turns=_turns(objects(agent, "requests")),
                )

    return each(source, documents(source), sessions)


def _began(agent: Record) -> float | None:
    duration_ms = maybe(number, agent, "duration_ms")
    return None if duration_ms is None else max(0.0, number(agent, "t") - duration_ms / 1000)


def _turns(requests: list[dict[str, Any]]) -> tuple[RecordedTurn, ...]:
    turns: list[tuple[float | None, list[RecordedStep]]] = []
    agents = 0  # sub-agents since the last request
    for request in requests:
        if request.get("type") == "subagent":
            agents += 1
            continue
        think_s = maybe(number, request, "think_time")
        steps = turns[-1][1] if turns else []
        if steps and steps[-1].calls and "tool_result" in (maybe(texts, request, "input_types") or ()):
            steps[-1] = _with_tools(steps[-1], think_s, agents)
        else:
            # Before the first request there was no answer that a user could have thought about.
            turns.append((think_s if turns else None, []))
        turns[-1][1].append(_step(request, len(turns), len(turns[-1][1])))
        agents = 0
    if agents and turns and turns[-1][1][-1].calls:
        turns[-1][1][-1] = _with_tools(turns[-1][1][-1], None, agents)
    return tuple(RecordedTurn(user_gap_s=gap_s, steps=tuple(steps)) for gap_s, steps in turns)


def _step(request: Record, turn: int, place: int) -> RecordedStep:
    # A streamed request lists no tool_use among its outputs, but stops for one.
    calls = request.get("stop") == "tool_use" or "tool_use" in (maybe(texts, request, "output_types") or ())
    return RecordedStep(
        model=maybe(text, request, "model"),
        prompt_tokens=count(request, "in"),
        out_tokens=count(request, "out"),
        ttft_s=maybe(number, request, "ttft"),
        llm_s=maybe(number, request, "api_time"),
        calls=(RecordedCall(id=f"{turn}.{place + 1}", tool="unknown"),) if calls else (),
    )


def _with_tools(step: RecordedStep, exec_s: float | None, agents: int) -> RecordedStep:
    (call,) = step.calls
    call = replace(call, exec_s=exec_s)
    if agents:
        call = replace(call, tool="sub_agent", kind="sub_agent")
    return replace(step, calls=(call,))
