"""LLMCompiler plans -> Program: step 3 becomes future f3, `join()` a `return` of every step.

A plan is written before any of its calls has run, so it has no branches: grammar/plan.lark says what it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lark import Token, Tree

from asyncfc_sim.core.references import Ref, Template, Text
from asyncfc_sim.core.syntax import Call, Done, Program, Statement

from . import grammars
from .errors import LanguageError
from .literals import number
from .pythonic import python_string, takes

Node = Tree[Token] | Token

# `$1` or `${1}`, but not the dollars of `$1.50`, nor the `$1` of `$10`.
_reference = re.compile(r"\$(?:\{([1-9][0-9]{0,8})\}|([1-9][0-9]{0,8})(?![0-9]|\.[0-9]))")
_CONSTANTS = {"TRUE": True, "FALSE": False, "NONE": None}


def parse_plan(text: str, parameters: Mapping[str, Sequence[str]] | None = None, source: str = "<plan>") -> Program:
    """The program that a plan stands for.

    `parameters` are the names of each tool's parameters, in order; the positional arguments of a tool that is not in
    it are named `arg0`, `arg1`, and so on. A plan without `join()` has an empty answer.

    Raises LanguageError, with the place of the fault, for what is no plan, and for steps that are not numbered
    upwards or that refer to themselves, to later steps or, outside strings, to steps that do not exist.
    """
    tree = grammars.parse("plan", text, source)
    return Program(tuple(_Reader(text, source, tree, parameters or {}).steps()))


class _Reader:
    def __init__(self, text: str, source: str, tree: Tree[Token], parameters: Mapping[str, Sequence[str]]) -> None:
        self._text = text
        self._source = source
        self._parameters = parameters
        self._lines = [step for step in tree.children if isinstance(step, Tree)]
        # All of them, before the first is read: in a string, `$7` is text unless the plan has a step 7.
        self._numbers = {int(str(step.children[0])) for step in self._lines if step.children[1] != "join"}
        self._current = 0

    def steps(self) -> list[Statement]:
        body: list[Statement] = []
        for step in self._lines:
            match step.children:
                case [Token() as index, Token() as tool, *arguments]:
                    if body and isinstance(body[-1], Done):
                        raise self._fault(index, "`join()` is the last step of a plan")
                    if int(index) <= self._current:
                        raise self._fault(
                            index, f"step {index} comes after step {self._current}: steps are numbered upwards"
                        )
                    self._current = int(index)
                    body.append(self._join(tool, arguments, body) if tool == "join" else self._call(tool, arguments))
        return body

    def _join(self, tool: Token, arguments: Sequence[Node], body: Sequence[Statement]) -> Done:
        if arguments:
            raise self._fault(_first(arguments[0], tool), "`join()` takes no arguments")
        return Done(tuple(Ref(call.future) for call in body if isinstance(call, Call)))

    def _call(self, tool: Token, arguments: Sequence[Node]) -> Call:
        names = self._parameters.get(tool)
        args: dict[str, Template] = {}
        for position, argument in enumerate(arguments):
            match argument:
                case Tree(data="named", children=[Token() as token, value]):
                    name = str(token)
                    if name in args:
                        raise self._fault(token, f"argument `{name}` is given twice")
                case value:
                    if any(isinstance(before, Tree) and before.data == "named" for before in arguments[:position]):
                        raise self._fault(
                            _first(value, tool), "an argument without a name stands before those with one"
                        )
                    if names is not None and position >= len(names):
                        raise self._fault(_first(value, tool), takes(tool, names))
                    name = f"arg{position}" if names is None else names[position]
            args[name] = self._value(value)
        return Call(self._current, str(tool), args)

    def _value(self, node: Node) -> Template:
        match node:
            case Tree(data="list", children=children):
                return [self._value(child) for child in children]
            case Tree(children=children):
                return self._dict(children)
            case Token(type="STEP"):
                return self._ref(int(node.strip("${}")), node)
            case Token(type="NUMBER" | "STRING"):
                value = self._leaf(node)
                return self._string(value, node) if isinstance(value, str) else value
            case _:
                return _CONSTANTS[node.type]

    def _dict(self, pairs: Sequence[Node]) -> dict[str, Template]:
        items: dict[str, Template] = {}
        for pair in pairs:
            match pair:
                case Tree(children=[Token() as token, value]):
                    name = str(self._leaf(token))
                    if name in items:
                        raise self._fault(token, f"the name `{token}` stands twice in one dict")
                    items[name] = self._value(value)
        return items

    def _leaf(self, token: Token) -> str | int | float:
        try:
            return python_string(token) if token.type == "STRING" else number(token)
        except ValueError as error:
            raise self._fault(token, str(error)) from None

    def _string(self, text: str, token: Token) -> Template:
        parts: list[str | Ref] = []
        end = 0
        for match in _reference.finditer(text):
            step = int(match[1] or match[2])
            if step not in self._numbers:
                continue
            ref = self._ref(step, token)
            if match.group() == text:
                return ref
            literal = text[end : match.start()]
            end = match.end()
            parts += [literal, ref] if literal else [ref]
        if not parts:
            return text
        return Text((*parts, text[end:]) if text[end:] else tuple(parts))

    def _ref(self, step: int, token: Token) -> Ref:
        part = rf"\$\{{?{step}(?![0-9])"
        if step == self._current:
            raise self._fault(token, f"${step} is the result of this very step", part)
        if step not in self._numbers:
            raise self._fault(token, f"${step} is unknown: the plan has no such step", part)
        if step > self._current:
            raise self._fault(token, f"${step} is the result of a later step: references point backwards", part)
        return Ref(step)

    def _fault(self, token: Token, message: str, part: str = "") -> LanguageError:
        """What is wrong with the token, or with the part of it that the pattern `part` finds."""
        found = re.search(part, token)
        offset = (token.start_pos or 0) + (found.start() if found else 0)
        return LanguageError.at(self._text, offset, message, self._source)


def _first(node: Node, otherwise: Token) -> Token:
    """The first token of a value, or `otherwise` if it has none (`[]`)."""
    if isinstance(node, Token):
        return node
    return next(iter(node.scan_values(lambda leaf: isinstance(leaf, Token))), otherwise)
