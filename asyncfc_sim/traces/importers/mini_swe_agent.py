"""Trajectories of mini-swe-agent: one JSON document a task, or a shortened form with one task a line. One turn a task.

    v1         {"trajectory_format": "mini-swe-agent-1", "messages": [...]}: an assistant's message has
               `extra.response.created` and `usage`, and one command in a block of ```bash; the next message answers it
    v2         {"trajectory_format": "mini-swe-agent-1.1", ...}: commands in `extra.actions`, and `extra.timestamp` on
               messages of the assistant and on results
    shortened  {"instance_id", "model", "steps": [{"created", "prompt_tokens", "completion_tokens", "kind", "command",
               "returncode", "obs_chars"}]}

v1 knows only when each request was made, to the second: a cycle of the model and the tool. Where the command looks at
files or edits them, which takes far less than a second, the cycle is `llm_s`, derived; elsewhere the model and the tool
cannot be told apart, and both are null. A message without exactly one command was refused: a step without calls. The
shortened form keeps the command of such a message; with no return code it counts as failed, but for the last, which
hands in the work.

v2 stamps an answer when it has come, and results when all commands of the message have run, one after another. So
`llm_s` begins with the result before (the first request's begin is not known), and of several commands each gets an
equal share of their time, which makes `exec_s` of that session derived.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from asyncfc_sim.core.values import JSON
from asyncfc_sim.traces.sessions import MARKED, Provenance, RecordedCall, RecordedSession, RecordedStep, RecordedTurn

from .flow import with_flow
from .kinds import effect_of, kind_of
from .records import FieldFault, Record, count, documents, each, head, maybe, objects, origin, section, text
from .source import Source
from .times import Clock, elapsed

TOOL: Final = "bash"
COMMAND: Final = re.compile(r"```bash\s*\n(.*?)\n```", re.DOTALL)
RETURN_CODE: Final = re.compile(r"<returncode>(-?\d+)</returncode>")
TIMED_OUT: Final = "The last command <command>"
# An edit by a shell: as fast as one by a tool, and unlike other commands of no known kind.
EDIT: Final = re.compile(
    r"^\s*(cat|tee|echo|printf)\b[^\n]*(>|<<)|^\s*(sed\s+-i|rm|mv|cp|mkdir|touch|git apply|patch)\b"
)
QUICK: Final = ("bash_inspect", "edit")
# Of the shortened form, where commands are cut at so many characters.
KINDS: Final = {"edit": "edit", **{kind: f"bash_{kind}" for kind in ("inspect", "python", "test", "git", "install")}}
CUT: Final = 400

PROVENANCE: Final[dict[str, Provenance]] = {
    **{prefix + name: "measured" for prefix, names in MARKED.items() for name in names},
    "call.kind": "derived",
    "call.effect": "derived",
    "call.deps": "derived",
    "call.reads": "derived",
}


def looks_like(source: Source) -> bool:
    record = head(source)
    named = str(record.get("trajectory_format", "")).startswith("mini-swe-agent")
    info = record.get("info")
    older = "messages" in record and isinstance(info, dict) and "mini_version" in info
    return named or older or {"instance_id", "steps"} <= record.keys()


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    clock = Clock()
    records = list(documents(source))
    start_s = min(_first_requests(records, clock), default=0.0)

    def sessions(item: tuple[int | None, dict[str, Any]]) -> Iterator[RecordedSession]:
        line, record = item
        arrival_s: float | None = 0.0
        stamped = False
        if "steps" in record:
            times = [clock.seconds(step.get("created"), line) for step in objects(record, "steps")]
            model = maybe(text, record, "model")
            short = [_shortened(step, n, n == len(times)) for n, step in enumerate(record["steps"], 1)]
            steps = [replace(step, model=model) for step in _with_cycles(short, times)]
            arrival_s = elapsed(start_s, times[0], "the time before the first request") if times else None
        else:
            answers = _answers(record)
            model = maybe(text, section(record, "info", "config", "model"), "model_name")
            stamped = any("timestamp" in section(message, "extra") for message, _ in answers)
            steps = (_stamped if stamped else _unstamped)(answers, model, clock)
        yield RecordedSession(
            session=maybe(text, record, "instance_id") or source.stem,
            source=origin(source, "mini_swe_agent"),
            arrival_s=arrival_s,
            turns=with_flow([RecordedTurn(prompt=_prompt(record), steps=tuple(steps))]),
            provenance=_provenance(steps, stamped),
        )

    return each(source, ((line, (line, record)) for line, record in records), sessions)


def _first_requests(records: list[tuple[int | None, dict[str, Any]]], clock: Clock) -> Iterator[float]:
    """When the tasks of the shortened form began; what is no time is told of later, where the task is read."""
    for line, record in records:
        with suppress(FieldFault):
            for step in (maybe(objects, record, "steps") or ())[:1]:
                yield clock.seconds(step.get("created"), line)


def _provenance(steps: list[RecordedStep], stamped: bool) -> dict[str, Provenance]:
    shared = any(len(step.calls) > 1 for step in steps)
    return {
        **PROVENANCE,
        "step.llm_s": "measured" if stamped else "derived",
        "call.exec_s": "derived" if shared else "measured",
    }


# ------------------------------------------------------------------------------------------------ v1, shortened


def _with_cycles(steps: list[RecordedStep], times: Sequence[float | None]) -> list[RecordedStep]:
    """Steps with the time from their request to the next as `llm_s`, where the tool took next to none of it."""
    timed = list(steps)
    for place, (begin_s, end_s) in enumerate(pairwise(times)):
        quick = all(call.kind in QUICK for call in steps[place].calls)
        if quick and begin_s is not None and end_s is not None:
            timed[place] = replace(steps[place], llm_s=elapsed(begin_s, end_s, f"step {place + 1}"))
    return timed


def _shortened(step: Record, number: int, last: bool) -> RecordedStep:
    command, kind = text(step, "command"), text(step, "kind")
    if kind not in KINDS:
        raise FieldFault(f"step {number}: kind is {kind!r}; expected {', '.join(KINDS)}")
    args: dict[str, JSON] | None = {"command": command} if len(command) < CUT else None
    code = step.get("returncode")
    call = RecordedCall(
        id=str(number),
        tool=TOOL,
        kind=KINDS[kind],
        args=args,
        result_chars=maybe(count, step, "obs_chars"),
        effect="write" if kind == "edit" else effect_of(TOOL, args),
        error=not last if code is None else code != 0,
    )
    return RecordedStep(
        prompt_tokens=maybe(count, step, "prompt_tokens"),
        out_tokens=maybe(count, step, "completion_tokens"),
        calls=(call,) if command else (),
    )


def _unstamped(answers: list[Answer], model: str | None, clock: Clock) -> list[RecordedStep]:
    steps = []
    for number, (message, results) in enumerate(answers, 1):
        commands = COMMAND.findall(_content(message))
        calls: tuple[RecordedCall, ...] = ()
        if len(commands) == 1:
            result = _content(results[0]) if results else None
            code = RETURN_CODE.match(result or "")
            call = _call(str(number), commands[0].strip(), int(code[1]) if code else None, result)
            calls = (replace(call, error=call.error or (result or "").startswith(TIMED_OUT)),)
        steps.append(_step(message, calls, model))
    created = [section(message, "extra", "response").get("created") for message, _ in answers]
    return _with_cycles(steps, [None if time is None else clock.seconds(time) for time in created])


# ------------------------------------------------------------------------------------------------ v2


def _stamped(answers: list[Answer], model: str | None, clock: Clock) -> list[RecordedStep]:
    steps = []
    ready_s: float | None = None  # when the last results were there, and so the next request was made
    for number, (message, results) in enumerate(answers, 1):
        came_s = clock.seconds(section(message, "extra").get("timestamp"))
        step = _step(message, _actions(message, results, number), model)
        if ready_s is not None:
            step = replace(step, llm_s=elapsed(ready_s, came_s, f"step {number}"))
        stamps = [section(result, "extra").get("timestamp") for result in results]
        ready_s = None
        if stamps and None not in stamps:
            ready_s = max(clock.seconds(stamp) for stamp in stamps)
            exec_s = elapsed(came_s, ready_s, f"the commands of step {number}") / max(1, len(step.calls))
            step = replace(step, calls=tuple([replace(call, exec_s=exec_s) for call in step.calls]))
        steps.append(step)
    return steps


def _actions(message: Record, results: list[dict[str, Any]], number: int) -> tuple[RecordedCall, ...]:
    by_id = {maybe(text, result, "tool_call_id"): result for result in results}
    calls = []
    for place, action in enumerate(maybe(objects, section(message, "extra"), "actions") or ()):
        own = maybe(text, action, "tool_call_id")
        result = by_id.get(own) if own else (results[place] if place < len(results) else None)
        code = section(result or {}, "extra").get("returncode")
        calls.append(
            _call(own or f"{number}.{place + 1}", text(action, "command"), code, _content(result) if result else None)
        )
    return tuple(calls)


# ------------------------------------------------------------------------------------------------ of all forms

Answer = tuple[
    dict[str, Any], list[dict[str, Any]]
]  # a message of the assistant, and what came between it and the next


def _answers(record: Record) -> list[Answer]:
    answers: list[Answer] = []
    for message in objects(record, "messages"):
        if message.get("role") == "assistant":
            answers.append((message, []))
        elif answers and message.get("role") != "exit":
            answers[-1][1].append(message)
    return answers


def _step(message: Record, calls: tuple[RecordedCall, ...], model: str | None) -> RecordedStep:
    response = section(message, "extra", "response")
    usage = section(response, "usage")
    return RecordedStep(
        model=maybe(text, response, "model") or model,
        prompt_tokens=maybe(count, usage, "prompt_tokens"),
        cached_tokens=maybe(count, section(usage, "prompt_tokens_details"), "cached_tokens"),
        out_tokens=maybe(count, usage, "completion_tokens"),
        calls=calls,
    )


def _call(name: str, command: str | None, code: Any, result: str | None = None) -> RecordedCall:
    args: dict[str, JSON] | None = None if command is None else {"command": command}
    kind = kind_of(TOOL, args)
    return RecordedCall(
        id=name,
        tool=TOOL,
        kind="edit" if kind == "bash_other" and EDIT.match(command or "") else kind,
        args=args,
        result=result,
        result_chars=None if result is None else len(result),
        effect=effect_of(TOOL, args),
        error=code not in (0, None),
    )


def _prompt(record: Record) -> str | None:
    messages = maybe(objects, record, "messages") or ()
    return next((_content(message) for message in messages if message.get("role") == "user"), None)


def _content(message: Record) -> str:
    """The text of a message; it may stand in parts."""
    match message.get("content"):
        case str(content):
            return content
        case list(parts):
            return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))
    return ""
