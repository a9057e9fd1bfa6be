"""Result files of the Berkeley Function-Calling Leaderboard: one test case a line, a session each.

Flat (2024, and later files of single turns): one message.

    {"id", "result": CALLS, "input_token_count", "output_token_count", "latency"}

Nested (v3, v4; turns of messages): each of these a list of turns, each turn a list of messages.

    {"id", "result": [[CALLS, ...], ...], "input_token_count": [[...]], "output_token_count", "latency",
     "inference_log"?: [[...], {"begin_of_turn_query": [...], "step_0": [{"role": "tool", "content"}, ...], ...}, ...]}

CALLS are `[{name: arguments as JSON}, ...]`, calls as Python writes them (`[cd(folder='a'), ls()]`), or a text without
any. An argument without a name is called by its place, "1", "2", ... Tools have no times here. The end of a call in the
stream is counted back from the end of its message, by characters.

Some models' files count only what was not cached of a prompt. A prompt grows in a conversation, so where the counts
fall they are such and are left out.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePath
from typing import Any, Final

from asyncfc_sim.core.values import JSON
from asyncfc_sim.traces.sessions import Provenance, RecordedCall, RecordedSession, RecordedStep, RecordedTurn

from .flow import recorded_result, with_flow
from .records import FieldFault, Record, count, each, number, origin, text
from .source import Source

PROVENANCE: Final[dict[str, Provenance]] = {
    "step.prompt_tokens": "measured",
    "step.out_tokens": "measured",
    "step.llm_s": "measured",
    "call.emit_tok": "derived",
    "call.result_chars": "measured",
    "call.deps": "derived",
    "call.reads": "derived",
}
CHARS_PER_TOKEN: Final = 4  # a rule of thumb for English text and JSON

Written = tuple[str, dict[str, JSON] | None]  # a call: its tool, and its arguments if they can be read


def looks_like(source: Source) -> bool:
    first = source.first
    return {"id", "result"} <= first.keys() and bool({"latency", "output_token_count"} & first.keys())


def read(source: Source) -> Iterator[tuple[int | None, RecordedSession]]:
    model = _model(source)

    def session(record: Record) -> Iterator[RecordedSession]:
        turns = _nested(record) if _is_nested(record.get("result")) else [_turn(record, (), [record.get("result")], {})]
        if model is not None:
            turns = [replace(turn, steps=tuple(replace(step, model=model) for step in turn.steps)) for turn in turns]
        yield RecordedSession(
            session=text(record, "id"),
            source=origin(source, "bfcl_result"),
            turns=with_flow(_whole_prompts(turns)),
            provenance=PROVENANCE,
        )

    return each(source, source.records(), session)


def _model(source: Source) -> str | None:
    """The model, whose folder is in one called `result`."""
    parts = PurePath(source.path).parts
    return parts[parts.index("result") + 1] if "result" in parts[:-2] else None


def _is_nested(result: Any) -> bool:
    return isinstance(result, list) and bool(result) and all(isinstance(turn, list) for turn in result)


def _nested(record: Record) -> list[RecordedTurn]:
    logs = [entry for entry in _entries(record, "inference_log") if "begin_of_turn_query" in entry]
    turns: list[RecordedTurn] = []
    for place, messages in enumerate(record["result"]):
        turns.append(_turn(record, (place,), messages, logs[place] if place < len(logs) else {}))
    return turns


def _turn(record: Record, place: tuple[int, ...], messages: Sequence[Any], log: Record) -> RecordedTurn:
    steps = []
    for index, message in enumerate(messages):
        here = (*place, index) if place else ()
        results = [entry.get("content") for entry in _entries(log, f"step_{index}") if entry.get("role") == "tool"]
        steps.append(_step(record, here, message, results))
    asked = [entry.get("content") for entry in _entries(log, "begin_of_turn_query") if entry.get("role") == "user"]
    return RecordedTurn(prompt="\n".join(part for part in asked if isinstance(part, str)) or None, steps=tuple(steps))


def _entries(log: Record, name: str) -> list[Record]:
    entries = log.get(name)
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


def _step(record: Record, place: tuple[int, ...], message: Any, results: list[Any]) -> RecordedStep:
    out_tokens = _at(count, record, "output_token_count", place)
    calls = _calls(message)
    name = ".".join(str(index + 1) for index in place) or "1"
    emitted = _emitted(calls, out_tokens)
    if len(results) != len(calls):  # the message was not decoded, or the log is cut: which result is whose is not known
        results = [None] * len(calls)
    return RecordedStep(
        prompt_tokens=_at(count, record, "input_token_count", place),
        out_tokens=out_tokens,
        llm_s=_at(number, record, "latency", place),
        calls=tuple(
            _call(f"{name}.{index}", written, emit_tok, result)
            for index, (written, emit_tok, result) in enumerate(zip(calls, emitted, results, strict=True), 1)
        ),
    )


def _at(field: Any, record: Record, name: str, place: tuple[int, ...]) -> Any:
    """A number of the message at a place (turn, message), checked; None where the record does not have it at all."""
    value = record.get(name)
    for index in place if value is not None else ():
        if not isinstance(value, list) or index >= len(value):
            turn, message = place
            raise FieldFault(f"{name} has no number for message {message + 1} of turn {turn + 1}, which result has")
        value = value[index]
    return None if value is None else field({name: value}, name)


def _call(name: str, written: Written, emit_tok: int | None, result: Any) -> RecordedCall:
    tool, args = written
    value = recorded_result(result) if isinstance(result, str) else result
    chars = None if result is None else len(result) if isinstance(result, str) else len(json.dumps(result))
    failed = (isinstance(value, dict) and "error" in value) or str(value).startswith("Error during execution")
    return RecordedCall(
        id=name,
        tool=tool,
        args=args,
        emit_tok=emit_tok,
        result=value,
        result_chars=chars,
        error=failed or args is None,
    )


def _emitted(calls: Sequence[Written], out_tokens: int | None) -> list[int | None]:
    """How many tokens of the message are out at the end of each call. What comes before the calls may be thought."""
    if out_tokens is None:
        return [None] * len(calls)
    sizes = [len(json.dumps(written, ensure_ascii=False)) / CHARS_PER_TOKEN for written in calls]
    scale = min(1.0, out_tokens / sum(sizes)) if sizes else 1.0
    return [round(out_tokens - scale * sum(sizes[index + 1 :])) for index in range(len(sizes))]


def _whole_prompts(turns: Sequence[RecordedTurn]) -> Sequence[RecordedTurn]:
    """The turns without the counts of prompt tokens, if those are not of whole prompts."""
    counts = [step.prompt_tokens for turn in turns for step in turn.steps if step.prompt_tokens is not None]
    if all(before <= after for before, after in pairwise(counts)):
        return turns
    return [replace(turn, steps=tuple(replace(step, prompt_tokens=None) for step in turn.steps)) for turn in turns]


# ------------------------------------------------------------------------------------------------ calls as written


def _calls(message: Any) -> list[Written]:
    match message:
        case str() if message.startswith("Error during inference"):
            raise FieldFault(f"no message of a model: {message!r:.80}")
        case str():
            return _python_calls(message)
        case list():
            return [call for item in message for call in _item_calls(item)]
        case dict():
            return list(_item_calls(message))
    raise FieldFault(f"a message is {message!r:.60}; expected calls or a text")


def _item_calls(item: Any) -> Iterator[Written]:
    match item:
        case str():
            yield from _python_calls(item)
        case dict():
            for name, args in item.items():
                yield name, _arguments(args)
        case _:
            raise FieldFault(f"a call is {item!r:.60}; expected {{name: arguments}} or a call as Python writes it")


def _arguments(args: Any) -> dict[str, JSON] | None:
    """The arguments of a call; None for what is no object: the model wrote it so, and no tool could be called."""
    if isinstance(args, str):
        try:
            args = json.loads(args or "{}")
        except (ValueError, RecursionError):
            return None
    return args if isinstance(args, dict) else None


def _python_calls(written: str) -> list[Written]:
    """The calls in a text that is nothing but calls; none in any other."""
    if not written.rstrip("` \n").endswith((")", "]")):
        return []
    bare = written.strip().removeprefix("```python").removeprefix("```").removesuffix("```").strip()
    try:
        expression = ast.parse(bare, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    nodes = expression.elts if isinstance(expression, ast.List | ast.Tuple) else [expression]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if len(calls) != len(nodes):
        return []
    return [(ast.unparse(call.func), _python_arguments(call)) for call in calls]


def _python_arguments(call: ast.Call) -> dict[str, JSON]:
    placed = {str(place): _literal(node) for place, node in enumerate(call.args, 1)}
    return placed | {keyword.arg or "**": _literal(keyword.value) for keyword in call.keywords}


def _literal(node: ast.expr) -> JSON:
    """The JSON of a literal; of anything else the text."""
    try:
        return json.loads(json.dumps(ast.literal_eval(node), allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        return ast.unparse(node)
