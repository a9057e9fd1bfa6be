"""Calls written as Python, as in BFCL: `cd(folder='document')`, `sort('final_report.pdf')`.

Read by `ast`, and nothing is evaluated. Their arguments are data: a string in them is text, whatever it looks like.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence

from asyncfc_sim.core.values import JSON

from .errors import LanguageError
from .literals import MAX_DEPTH, finite, whole


def parse_pythonic(
    text: str, parameters: Mapping[str, Sequence[str]] | None = None, source: str = "<call>"
) -> tuple[str, dict[str, JSON]]:
    """The tool that a Python call names, and its arguments by name: `("cd", {"folder": "document"})`.

    `parameters` are the names of each tool's parameters, in order: positional arguments need them. A dotted name is
    one name. Tuples become arrays.

    Raises LanguageError for whatever is no single call with literal arguments.
    """
    return _Reader(text, source).call(parameters or {})


def python_string(token: str) -> str:
    """The value of one Python string literal. Raises ValueError if it has none."""
    try:
        value = _parse(token)
    except SyntaxError as error:
        raise ValueError(f"not a string: {error.msg}") from None
    if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        raise ValueError("not a string")
    return whole(value.value)


def takes(tool: str, names: Sequence[str]) -> str:
    """What is said of a call with too many arguments."""
    if not names:
        return f"{tool} takes no arguments"
    return f"{tool} takes {len(names)} argument{'s' * (len(names) > 1)}: {', '.join(names)}"


def _parse(text: str) -> ast.expr:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an unknown escape, as in '\d', is worth no warning here
        return ast.parse(text, mode="eval").body


class _Reader:
    def __init__(self, text: str, source: str) -> None:
        self._text = re.sub("\r\n?", "\n", text.strip())  # the lines that `ast` counts
        self._source = source

    def call(self, parameters: Mapping[str, Sequence[str]]) -> tuple[str, dict[str, JSON]]:
        call = self._expression()
        if not isinstance(call, ast.Call):
            raise self._fault(call, "this is not a call")
        tool = self._tool(call.func)
        names = parameters.get(tool)
        args: dict[str, JSON] = {}
        for position, value in enumerate(call.args):
            if isinstance(value, ast.Starred):
                raise self._fault(value, "arguments are written out, without `*`")
            if names is None:
                raise self._fault(value, f"the parameters of {tool} are not known: write this argument with its name")
            if position >= len(names):
                raise self._fault(value, takes(tool, names))
            args[names[position]] = self._value(value)
        for keyword in call.keywords:
            if keyword.arg is None:
                raise self._fault(keyword.value, "arguments are written out, without `**`")
            if keyword.arg in args:
                raise self._fault(keyword, f"argument `{keyword.arg}` is given twice")
            args[keyword.arg] = self._value(keyword.value)
        return tool, args

    def _expression(self) -> ast.expr:
        try:
            return _parse(self._text)
        except SyntaxError as error:
            offset = _offset(self._text, error.lineno or 1, (error.offset or 1) - 1, in_bytes=False)
            raise LanguageError.at(self._text, offset, f"not a Python call: {error.msg}", self._source) from None
        except (ValueError, RecursionError, MemoryError) as error:
            reason = str(error) if isinstance(error, ValueError) else "too complex"
            raise LanguageError.at(self._text, 0, f"not a Python call: {reason}", self._source) from None

    def _tool(self, node: ast.expr) -> str:
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            raise self._fault(node, "this is not the name of a tool")
        return ".".join([node.id, *reversed(names)])

    def _value(self, node: ast.expr, depth: int = 1) -> JSON:
        if depth == MAX_DEPTH and isinstance(node, ast.List | ast.Tuple | ast.Dict):
            raise self._fault(node, f"nested more than {MAX_DEPTH} deep")
        match node:
            case ast.Constant(None | bool() as value):
                return value
            case ast.Constant(str() | int() | float() as value):
                return self._checked(node, value)
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)) if not isinstance(value, bool):
                return self._checked(node, -value)
            case ast.List(items) | ast.Tuple(items):
                return [self._value(item, depth + 1) for item in items]
            case ast.Dict(keys, values):
                return self._dict(node, keys, values, depth + 1)
        raise self._fault(node, "an argument is a literal: a string, a number, True, False, None, a list or a dict")

    def _dict(self, node: ast.Dict, keys: Sequence[ast.expr | None], values: Sequence[ast.expr], depth: int) -> JSON:
        items: dict[str, JSON] = {}
        for key, value in zip(keys, values, strict=True):
            match key:
                case ast.Constant(str() as name) if name not in items:
                    self._checked(key, name)
                    items[name] = self._value(value, depth)
                case ast.Constant(str()):
                    raise self._fault(key, "the name stands twice in one dict")
                case _:
                    raise self._fault(key or node, "the names in a dict are strings")
        return items

    def _checked(self, node: ast.expr, value: str | int | float) -> JSON:
        try:
            return whole(value) if isinstance(value, str) else finite(value)
        except ValueError as error:
            raise self._fault(node, str(error)) from None

    def _fault(self, node: ast.expr | ast.keyword, message: str) -> LanguageError:
        offset = _offset(self._text, node.lineno, node.col_offset, in_bytes=True)
        return LanguageError.at(self._text, offset, message, self._source)


def _offset(text: str, line: int, column: int, *, in_bytes: bool) -> int:
    """The offset of a place that `ast` names: its lines count from 1, its columns are bytes of UTF-8."""
    lines = text.split("\n")
    here = lines[min(line, len(lines)) - 1]
    before = sum(len(other) + 1 for other in lines[: line - 1])
    return before + (len(here.encode()[:column].decode()) if in_bytes else max(column, 0))
