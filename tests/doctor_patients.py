"""Servers for the doctor's tests: one that is well, and one for each fault; and how they are examined."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any

from asyncfc_sim.live.doctor import Doctor
from asyncfc_sim.live.doctor_exam import SMALL, TOOL, Exam
from asyncfc_sim.live.doctor_finding import Finding
from asyncfc_sim.live.doctor_server import NO_FIELD
from asyncfc_sim.live.doctor_wire import Wire
from tests.chat_server import (
    RESET,
    USAGE,
    ChatServer,
    Piece,
    Reply,
    Say,
    call_delta,
    chunk,
    error,
    events,
    plain,
)

SUM = (TOOL, '{"a": 19, "b": 23}')
OTHER = (TOOL, '{"a": 44, "b": 55}')
REST = (TOOL, '{"a": "$f1", "b": 10}')
Answer = Callable[[dict[str, Any]], Reply | Say]


def calls_for(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a model that does as it is told calls."""
    if not body.get("tools"):
        return []
    if body["messages"][-1]["role"] == "tool":
        return [REST]
    return [SUM, OTHER] if "at once" in body["messages"][-1]["content"] else [SUM]


def looked_at(body: Mapping[str, Any]) -> bool:
    """Whether the doctor looks at when the parts of this message come."""
    content = body["messages"][-1]["content"]
    return "Count" in content or "at once" in content


def well(body: dict[str, Any], *, cached: Mapping[str, int] | None = None, delay_s: float = 0.0) -> Say:
    calls = calls_for(body)
    gap_s = 0.03 if looked_at(body) else 0.0
    usage = {**USAGE, **({"prompt_tokens_details": cached} if cached is not None else {})}
    return Say(None if calls else "one two three four five six", calls, delay_s, gap_s, usage=usage)


def examined(answer: Answer, model: str | None = None, exam: Exam = SMALL, **server: Any) -> dict[str, Finding]:
    with ChatServer(repeat(answer), **server) as at:
        return {finding.check: finding for finding in Doctor(Wire(at.base_url, timeout_s=5), model, exam).examine()}


def verdicts(findings: Mapping[str, Finding]) -> dict[str, str]:
    return {check: finding.verdict for check, finding in findings.items()}


def remembering(cold_s: float, warm_s: float, cached: tuple[int, int] | None) -> Answer:
    """A server that answers a prompt which it has seen before differently."""
    seen: set[str] = set()

    def answer(body: dict[str, Any]) -> Say:
        prompt = json.dumps(body["messages"])
        again = prompt in seen
        seen.add(prompt)
        counted = None if cached is None else {"cached_tokens": cached[again]}
        return well(body, cached=counted, delay_s=(warm_s if again else cold_s) if len(prompt) > 5000 else 0.0)

    return answer


def heeding(body: dict[str, Any]) -> Say:
    return well({**body, "tools": None} if body.get("tool_choice") == "none" else body)


def no_calls(body: dict[str, Any]) -> Say:
    return Say("I cannot use tools.", gap_s=0.004)


def unparsed(body: dict[str, Any]) -> Say:
    return Say(f'<tool_call>{{"name": "{TOOL}"}}</tool_call>' if body.get("tools") else "one two three", gap_s=0.004)


def whole(body: dict[str, Any]) -> Reply | Say:
    return well({**body, "stream": False}) if not body.get("tools") else _whole(calls_for(body))


def _whole(calls: list[tuple[str, str]]) -> Reply:
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": f"c{n}", "type": "function", "function": {"name": t, "arguments": a}}
                       for n, (t, a) in enumerate(calls)],
    }  # fmt: skip
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return plain(json.dumps({"choices": [choice], "usage": USAGE}))


def only_whole_calls(body: dict[str, Any]) -> Reply | Say:
    if body.get("tools") and body.get("stream"):
        return error(400, "streaming is not supported with tools")
    return _whole(calls_for(body)) if body.get("tools") else well(body)


def held_back(body: dict[str, Any]) -> Reply:
    """Nothing for a while, and then everything: within 50 ms, be the machine busy, is at once after a second."""
    deltas = [chunk({"content": word}) for word in ("one ", "two ", "three")]
    if calls := calls_for(body):
        deltas = [chunk(call_delta(n, id=f"c{n}", name=t, arguments=a)) for n, (t, a) in enumerate(calls)]
    timed = "Count" in body["messages"][-1]["content"] or "parallel_tool_calls" in body
    return events(1.0 if timed else 0.0, b"".join([*deltas, chunk({}, "stop"), chunk(usage=USAGE)]))


def says_nothing(body: dict[str, Any]) -> Reply | Say:
    return well(body) if body.get("tools") else events(chunk({}, "stop"), chunk(usage=USAGE))


def no_usage(body: dict[str, Any]) -> Reply | Say:
    deltas: list[Piece] = []
    for word in ("one ", "two ", "three"):
        deltas += [chunk({"content": word}), 0.01]
    return well(body) if body.get("tools") else events(*deltas, chunk({}, "stop"))


def takes_no_stream_options(body: dict[str, Any]) -> Reply | Say:
    return error(400, "unknown field stream_options") if "stream_options" in body else well(body)


def takes_no_widened_schemas(body: dict[str, Any]) -> Reply | Say:
    return error(400, "$ref is not supported") if "$ref" in json.dumps(body) else well(body)


def never_forced(body: dict[str, Any]) -> Reply | Say:
    return error(400, "tool_choice must be auto") if body.get("tool_choice") == "required" else well(body)


def breaks(body: dict[str, Any]) -> Reply | Say:
    return events(chunk({"content": "one"}), RESET) if body.get("tools") else well(body)


def breaks_once(where: Callable[[Mapping[str, Any]], bool]) -> Answer:
    """A server that has an accident with the first request of a kind, and never again. What it reads it remembers."""
    answer, broken = remembering(0.0, 0.0, (0, 3000)), False

    def once(body: dict[str, Any]) -> Reply | Say:
        nonlocal broken
        if broken or not where(body):
            return answer(body)
        broken = True
        return events(chunk({"role": "assistant"}), b'data: {"error": "an accident of the server"}\n\n')

    return once


def garbage(body: dict[str, Any]) -> Reply | Say:
    return events(b"data: {broken\n\n") if body.get("tools") else well(body)


def no_object(body: dict[str, Any]) -> Reply | Say:
    """As vLLM does without `strict`."""
    return Say(calls=[(TOOL, '"twenty-three"')]) if body.get("tools") else well(body)


def as_long_as_asked(body: dict[str, Any]) -> Reply | Say:
    """Random weights never come to an end of their own."""
    return (
        events(chunk({"content": "one "}), 0.01, chunk({"content": "two"}, "length"), chunk(usage=USAGE))
        if "max_tokens" in body
        else well(body)
    )


def calls_whatever_is_asked(body: dict[str, Any]) -> Reply | Say:
    """A model that knows nothing but calls: its server does not look for them where no tools are offered."""
    return well(body) if body.get("tools") else Say('<tool_call>\n{"name": "look_up"', gap_s=0.004)


def calls_until_it_is_cut_off(body: dict[str, Any]) -> Reply | Say:
    """As transformers serve does: the last call is not complete, and its finish_reason is that of calls."""
    if "max_tokens" not in body:
        return well(body)
    cut = call_delta(0, id="c", name=TOOL, arguments='{"a": 1')
    return events(chunk(cut), chunk({}, "tool_calls"), chunk(usage={**USAGE, "completion_tokens": body["max_tokens"]}))


def held_up_once() -> Answer:
    """The first message with two calls comes all at once, as on a busy machine; the others as they are written."""
    held_up = False

    def answer(body: dict[str, Any]) -> Reply | Say:
        nonlocal held_up
        if held_up or "parallel_tool_calls" not in body:
            return well(body)
        held_up = True
        return held_back(body)

    return answer


def cut_off(body: dict[str, Any]) -> Reply | Say:
    return events(chunk({"content": "one"}, "length"), chunk(usage=USAGE)) if body.get("tools") else well(body)


def reads_little(body: dict[str, Any]) -> Reply | Say:
    long = len(body["messages"][-1]["content"].split()) > 1200
    return error(400, "This model's maximum context length is 2048 tokens.") if long else well(body)


def reads_nothing(body: dict[str, Any]) -> Reply | Say:
    long = len(body["messages"][-1]["content"].split()) > 300
    return error(400, "This model's maximum context length is 256 tokens.") if long else well(body)


def name_with_arguments(body: dict[str, Any]) -> Reply | Say:
    """As llama-server does."""
    deltas = [call_delta(0, id="c", name=TOOL, arguments="{"), call_delta(0, arguments=SUM[1][1:])]
    return events(*map(chunk, deltas), chunk({}, "tool_calls"), chunk(usage=USAGE)) if body.get("tools") else well(body)


def one_by_one(write_s: float = 0.1) -> Answer:
    """A server that writes one message, and only then the next."""
    free_s = 0.0

    def answer(body: dict[str, Any]) -> Reply | Say:
        nonlocal free_s
        if not looked_at(body):
            return well(body)
        wait_s = max(0.0, free_s - time.monotonic())
        free_s = time.monotonic() + wait_s + write_s + 0.1
        return events(wait_s, chunk({"content": "on "}), write_s, chunk({"content": "it"}), chunk({}, "stop"))

    return answer


def one_by_one_but_seen_late(times: int) -> Answer:
    """A server that writes one message, and only then the next. So many pairs seem to be written at once all the same,
    as on a busy machine."""
    asked, slowly = 0, one_by_one()

    def answer(body: dict[str, Any]) -> Reply | Say:
        nonlocal asked
        if "at once" not in str(body["messages"]) or "parallel_tool_calls" in body:
            return well(body)
        asked += 1
        return well(body) if asked <= 2 * times else slowly(body)

    return answer


def another_model(body: dict[str, Any]) -> Reply | Say:
    return well(body) if body["model"] == "scripted" else error(404, f"The model `{body['model']}` does not exist.")


def strict_fields(body: dict[str, Any]) -> Reply | Say:
    """As transformers serve does."""
    return error(422, "Unexpected fields in the request: {'x'}") if NO_FIELD in body else well(body)


def wrong_tool(body: dict[str, Any]) -> Say:
    return Say(calls=[("rm", "{}")], gap_s=0.004) if body.get("tools") else well(body)
