"""Text -> Program: the tree of a program becomes terms, and what a grammar cannot say is checked on the way.

No clock, no tools, no values: a program is read, not run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from lark import Token, Tree

from asyncfc_sim.core.references import Ref, Template, parse_reference, parse_string
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch, refs_in

from . import grammars
from .errors import LanguageError
from .literals import number, whole
from .scope import Scope, Side

Node = Tree[Token] | Token


def parse_program(text: str, source: str = "<text>", *, strict_references: bool = True) -> Program:
    """The program that `text` is, in the language of grammar/program.lark; `source` names it in errors.

    `strict_references=False` lets a reference name a future that is unknown where it stands: such a call is refused
    when it is issued (`invalid_reference`), and tests need to see that.

    Raises LanguageError, with the place of the fault, if the text is no program.
    """
    (block,) = grammars.parse("program", text, source).children
    assert isinstance(block, Tree)
    return read_program(block, text, source, strict_references=strict_references)


def read_program(block: Tree[Token], text: str, source: str, *, strict_references: bool) -> Program:
    """The program that a `block` of the grammar is, whichever grammar parsed `text`. Raises LanguageError."""
    return Program(_Reader(text, source, block, strict_references).block(block))


class _Reader:
    """Reads a tree from left to right, and knows at each point which futures may be named."""

    def __init__(self, text: str, source: str, tree: Tree[Token], strict: bool) -> None:
        self._text = text
        self._source = source
        self._tree = tree
        self._strict = strict
        self._scope = Scope()
        self._current: int | None = None  # the future of the call that is being read

    def block(self, tree: Node) -> tuple[Statement, ...]:
        assert isinstance(tree, Tree)
        return tuple(map(self._statement, tree.children))

    def _statement(self, node: Node) -> Statement:
        match node:
            case Tree(children=[Token() as first, *_]) if self._scope.ended:
                raise self._fault(first, f"this is never reached: {self._scope.ended}")
            case Tree(data="call", children=[Token() as future, Token() as tool, *arguments]):
                return self._call(future, tool, arguments)
            case Tree(data="touch", children=[_, *awaited]):
                return Touch(tuple(ref.future for ref in map(self._reference, awaited)))
            case Tree(data="branch", children=[Token() as keyword, condition, literal, *blocks]):
                return self._branch(keyword, condition, literal, blocks)
            case Tree(data="done", children=[_, *answers]):
                done = Done(tuple(map(self._reference, answers)))
                self._scope.end("it stands after `return`")
                return done
        raise AssertionError(node)

    def _call(self, future: Token, tool: Token, arguments: Sequence[Node]) -> Call:
        self._current = int(future[1:])
        if fault := self._scope.issue(self._current, future.line or 0):
            raise self._fault(future, fault)
        call = Call(self._current, self._name(tool), self._items(arguments, "argument {} is given twice"))
        self._current = None
        return call

    def _branch(self, keyword: Token, condition: Node, literal: Node, blocks: Sequence[Node]) -> Branch:
        line = keyword.line or 0
        ref = self._reference(condition)
        self._only_literal(literal)
        value = self._value(literal)
        then, then_side = self._side(blocks[0], line)
        orelse, else_side = self._side(blocks[1] if len(blocks) == 2 else Tree("block", []), line)
        self._scope.join(then_side, else_side, line)
        return Branch(ref, value, then, orelse)

    def _side(self, block: Node, line: int) -> tuple[tuple[Statement, ...], Side]:
        outer = self._scope.enter()
        return self.block(block), self._scope.leave(outer, line)

    def _value(self, node: Node) -> Template:
        match node:
            case Tree(data="array", children=children):
                return [self._value(child) for child in children]
            case Tree(data="object", children=children):
                return self._items(children, "the name {} stands twice in one object")
            case Token(type="REFERENCE"):
                return self._reference(node)
            case Token(type="STRING"):
                return self._string(node)
            case Token(type="NUMBER"):
                return self._leaf(node)
            case Token():
                return json.loads(node)
        raise AssertionError(node)

    def _items(self, pairs: Sequence[Node], twice: str) -> dict[str, Template]:
        items: dict[str, Template] = {}
        for pair in pairs:
            match pair:
                case Tree(children=[Token() as token, value]):
                    name = self._name(token)
                    if name in items:
                        raise self._fault(token, twice.format(f"`{token}`"))
                    items[name] = self._value(value)
        return items

    def _name(self, token: Token) -> str:
        """A name that may stand in quotes."""
        return str(self._leaf(token)) if token.type == "STRING" else str(token)

    def _leaf(self, token: Token) -> str | int | float:
        """A string, as it is written, or a number."""
        try:
            return whole(json.loads(token)) if token.type == "STRING" else number(token)
        except ValueError as error:
            raise self._fault(token, str(error)) from None

    def _string(self, token: Token) -> Template:
        template = parse_string(str(self._leaf(token)))
        for ref in refs_in(template):
            self._check(ref.future, token)
        return template

    def _reference(self, token: Node) -> Ref:
        assert isinstance(token, Token)
        ref = parse_reference(token[1:])
        assert ref is not None, f"the grammar and core.references disagree about {token}"
        self._check(ref.future, token)
        return ref

    def _check(self, future: int, token: Token) -> None:
        """Refuse a future that is not known here, and say what it is instead."""
        if not self._strict or (self._scope.knows(future) and future != self._current):
            return
        if future == self._current:
            fault = "is the result of this very call"
        elif line := self._scope.one_sided(future):
            fault = f"is issued on only one side of the if at line {line}"
        elif line := self._line_after(token, future):
            fault = f"is issued later, at line {line}: references point backwards"
        else:
            fault = "is unknown: no call issues it"
        raise self._fault(token, f"$f{future} {fault}", rf"\$\{{?f{future}(?![0-9])")

    def _line_after(self, token: Token, future: int) -> int | None:
        """The line, after `token`, of the call that issues `future`."""
        for other in self._tree.scan_values(lambda node: isinstance(node, Token) and node.type == "FUTURE"):
            if other == f"f{future}" and (other.start_pos or 0) > (token.start_pos or 0):
                return other.line
        return None

    def _only_literal(self, node: Node) -> None:
        match node:
            case Tree(data="pair"):
                self._only_literal(node.children[1])
            case Tree(children=children):
                for child in children:
                    self._only_literal(child)
            case Token(type="STRING") if not any(refs_in(parse_string(str(self._leaf(node))))):
                pass
            case Token(type="STRING" | "REFERENCE"):
                raise self._fault(node, "an `if` compares with a literal, which holds no reference")

    def _fault(self, token: Token, message: str, part: str = "") -> LanguageError:
        """What is wrong with the token, or with the part of it that the pattern `part` finds."""
        found = re.search(part, token)
        offset = (token.start_pos or 0) + (found.start() if found else 0)
        return LanguageError.at(self._text, offset, message, self._source)
