"""States of the machine of the proofs as words, and back: what tests/proofs/reference/reference.ml reads and writes."""

from __future__ import annotations

import json
from collections.abc import Iterator

from asyncfc_sim.core.references import Ref, Template
from asyncfc_sim.core.syntax import Branch, Call, Done, Statement, Touch, refs_in
from asyncfc_sim.core.values import JSON, ErrorValue, Value, canonical
from asyncfc_sim.verify.machine.states import Entry, Pending, Process, Resolved, Running, State

INHERITED = "it needs $f{}, which failed: "


def words_of(state: State) -> Iterator[str]:
    assert state.code is not None
    yield str(len(state.world))
    for key, value in state.world.items():
        yield from (quoted(key), *words_of_value(value))
    yield str(len(state.pool))
    for entry in state.pool:
        yield from words_of_call(entry.call)
        yield from words_of_status(entry, state)
    yield from block(state.code)


def words_of_status(entry: Entry, state: State) -> Iterator[str]:
    match entry.status:
        case Pending():
            yield "pending"
        case Resolved(value):
            yield from ("resolved", *words_of_value(value))
        case Running(Process(history=history)):
            bound = [state.values[ref.future] for template in entry.call.args.values() for ref in refs_in(template)]
            for word, values in (("running", bound), ("", list(history))):
                yield f"{word} {len(values)}"
                for value in values:
                    yield from words_of_value(value)


def words_of_call(call: Call) -> Iterator[str]:
    yield f"{call.future} {call.tool} {len(call.args)}"
    for template in call.args.values():
        yield from words_of_argument(template)


def words_of_argument(template: Template) -> Iterator[str]:
    match template:
        case Ref(future, ()):
            yield f"future {future}"
        case _:
            yield from ("literal", *words_of_value(template))


def block(statements: tuple[Statement, ...]) -> Iterator[str]:
    yield str(len(statements))
    for statement in statements:
        match statement:
            case Call():
                yield from ("call", *words_of_call(statement))
            case Touch(futures):
                yield " ".join(map(str, ("touch", len(futures), *futures)))
            case Branch(Ref(future, ()), literal, then, orelse):
                yield from ("branch", str(future), *words_of_value(literal), *block(then), *block(orelse))
            case Done(refs):
                yield " ".join(map(str, ("return", len(refs), *(ref.future for ref in refs))))


def words_of_value(value: Value) -> Iterator[str]:
    match value:
        case None:
            yield "absent"
        case str():
            yield f"text {quoted(value)}"
        case ErrorValue(kind, message, origin):
            inherited = kind == "dependency_failed"
            yield f"error {int(inherited)} {origin} {quoted(message.removeprefix(INHERITED.format(origin)))}"
        case _:
            yield f"json {quoted(canonical(value))}"


def quoted(text: str) -> str:
    """As OCaml and JSON both have it, for the plain texts of these programs."""
    assert text.isascii()
    assert text.isprintable()
    return json.dumps(text)


class Words:
    """What the program writes, word by word."""

    def __init__(self, line: str) -> None:
        self._left = line

    def take(self) -> str:
        word, _, self._left = self._left.lstrip().partition(" ")
        return word

    def quoted(self) -> str:
        text, end = json.JSONDecoder().raw_decode(self._left.lstrip())
        self._left = self._left.lstrip()[end:]
        assert isinstance(text, str)
        return text

    def value(self) -> Value:
        match self.take():
            case "text":
                return self.quoted()
            case "json":
                return json.loads(self.quoted())
            case "error":
                inherited, origin, message = self.take() == "1", int(self.take()), self.quoted()
                if inherited:
                    return ErrorValue("dependency_failed", INHERITED.format(origin) + message, origin)
                return ErrorValue("tool_error", message, origin)
            case word:
                raise AssertionError(word)


def ending(words: Words) -> tuple[list[str], str]:
    values = [shown(words.value()) for _ in range(int(words.take()))]
    world: dict[str, JSON] = {}
    for _ in range(int(words.take())):
        key = words.quoted()
        world[key] = words.value()
    return values, canonical(world)


def shown(value: Value) -> str:
    return ("error " if isinstance(value, ErrorValue) else "") + canonical(value)
