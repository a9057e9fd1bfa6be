"""Text -> LitmusTest: a small program, the world it runs in, and what every schedule of it must come to.

grammar/litmus.lark is the reference for what a file says and means. Here it is read, not run; what the bodies of the
tools are called, and which arguments they take, is told by the caller, who has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal, TypeVar, cast

from lark import Token, Tree

from asyncfc_sim.core.events import Cancel, Deliver, Timeout
from asyncfc_sim.core.footprint import Declaration, parse_pattern, template_arguments
from asyncfc_sim.core.syntax import Call, Program, calls_in
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON

from . import grammars
from .errors import LanguageError
from .literals import number, whole
from .parser import read_program

SchedulerName = Literal["naive", "locks", "effect", "barrier", "strict", "naive/failstop", "effect/failstop"]
Granularity = Literal["atomic", "steps"]
Column = tuple[SchedulerName, Granularity]  # of the table of all tests
Environment = Cancel | Timeout | Deliver
# The parameters of each body that a tool may have.
Bodies = Mapping[str, Sequence[str]]

Node = Tree[Token] | Token
Checked = TypeVar("Checked")
_MOVES: Final[Mapping[str, Callable[[int], Environment]]] = {
    "CANCEL": Cancel,
    "TIMEOUT": Timeout,
    "DELIVER": lambda future: Deliver((future,)),
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """Under this scheduler, with tools of this granularity: is every schedule `equal` to running in order?

    `states` is the pinned number of states that the explorer looks at; `witness` a schedule that differs.
    """

    scheduler: SchedulerName
    granularity: Granularity
    equal: bool
    states: int | None = None
    witness: str | None = None
    line: int = 0

    @property
    def column(self) -> Column:
        """Where it stands in the table of all tests."""
        return self.scheduler, self.granularity


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two calls whose tools are under way at the same time in some schedule (`sometimes`), or in none."""

    futures: tuple[int, int]
    sometimes: bool
    line: int = 0

    def __str__(self) -> str:
        first, second = self.futures
        return f"{'sometimes' if self.sometimes else 'never'} f{first} || f{second}"


@dataclass(frozen=True, slots=True)
class LitmusTest:
    """One file. `bodies` names, for each of `tools`, the body that it has."""

    name: str
    description: str
    world: Mapping[str, JSON]
    tools: Mapping[str, Tool]
    bodies: Mapping[str, str]
    program: Program
    environment: tuple[Environment, ...]
    workers: int | None
    overlaps: tuple[Overlap, ...]
    expectations: tuple[Expectation, ...]
    source: str


def parse_litmus(text: str, source: str = "<text>", *, bodies: Bodies | None = None) -> LitmusTest:
    """The test that `text` is; `source` names it in errors.

    With `bodies`, a tool must have one of them, be given just the arguments that it takes, and declare keys in terms
    of these. Raises LanguageError, with the place of the fault.
    """
    return _Reader(text, source, grammars.parse("litmus", text, source)).test(bodies)


def with_counts(text: str, counts: Mapping[Column, int], source: str = "<text>") -> str:
    """The same file, but for the pinned numbers of states, which become these; others stay. Raises LanguageError."""
    pieces: list[str] = []
    done = 0
    for tree in _found(grammars.parse("litmus", text, source), "expectation"):
        verdict = _tokens(tree)[2]
        pinned = next((token for token in _tokens(tree) if token.type == "COUNT"), None)
        count = counts.get(_column(tree))
        if count is None:
            continue
        start, end = verdict.end_pos or 0, (pinned or verdict).end_pos or 0
        gap = text[start : pinned.start_pos] if pinned is not None else " "
        pieces += [text[done:start], f"{gap}{count}"]
        done = end
    return "".join(pieces) + text[done:]


class _Reader:
    """Reads the sections of a file one by one; what a section says of the program is checked against the program."""

    def __init__(self, text: str, source: str, tree: Tree[Token]) -> None:
        self._text = text
        self._source = source
        self._tree = tree

    def test(self, bodies: Bodies | None) -> LitmusTest:
        title, description = _tokens(self._tree)
        tools, named = self._tools(bodies)
        block = next(_found(self._tree, "block"))
        program = read_program(block, self._text, self._source, strict_references=False)
        calls = list(zip(_found(block, "call"), calls_in(program.body), strict=True))
        for tree, call in calls:
            self._check_call(tree, call, named, bodies)
        issued = {call.future for _, call in calls}
        return LitmusTest(
            name=str(title),
            description=self._string(description),
            world=self._world(),
            tools=tools,
            bodies=named,
            program=program,
            environment=tuple(self._environment(issued)),
            workers=self._workers(),
            overlaps=tuple(self._overlaps(issued)),
            expectations=tuple(self._expectations()),
            source=self._source,
        )

    # ------------------------------------------------------------------------------------- what the program runs in

    def _world(self) -> dict[str, JSON]:
        (values,) = next(_found(self._tree, "world")).children
        assert isinstance(values, Tree)
        for pair in values.children:
            self._checked(pair, _key, self._string(pair))
        world: dict[str, JSON] = self._datum(values)
        return world

    def _tools(self, bodies: Bodies | None) -> tuple[dict[str, Tool], dict[str, str]]:
        """The tools, and the names of their bodies."""
        tools: dict[str, Tool] = {}
        named: dict[str, str] = {}
        for tree in _found(self._tree, "tool"):
            name, body = (names := [token for token in _tokens(tree) if token.type == "TOOL"])[0], names[-1]
            if name in tools:
                raise self._fault(name, f"the tool {name} is declared already")
            if bodies is not None and body not in bodies:
                raise self._fault(body, f"the toolbox has no {body}", tuple(get_close_matches(body, bodies)))
            takes = None if bodies is None else bodies[str(body)]
            tools[str(name)] = self._tool(str(name), tree, takes)
            named[str(name)] = str(body)
        for tree in _found(self._tree, "commutes"):
            for partner in _tokens(tree):
                if partner not in tools:
                    raise self._fault(partner, f"no tool named {partner} is declared")
        return tools, named

    def _tool(self, name: str, tree: Tree[Token], takes: Sequence[str] | None) -> Tool:
        (effects,) = tree.find_data("effects")
        return Tool(
            name,
            effects=self._declaration(effects, takes),
            irreversible=any(token.type == "IRREVERSIBLE" for token in _tokens(tree)),
            commutes_with=frozenset(str(other) for each in tree.find_data("commutes") for other in each.children),
        )

    def _declaration(self, effects: Tree[Token], takes: Sequence[str] | None) -> Declaration | None:
        if any(token.type == "EVERYTHING" for token in _tokens(effects)):
            return None
        reads, writes = (
            tuple(self._template(token, takes) for tree in _found(effects, data) for token in _tokens(tree))
            for data in ("reads", "writes")
        )
        return Declaration(reads, writes)

    def _template(self, token: Token, takes: Sequence[str] | None) -> str:
        template = self._string(token)
        for argument in self._checked(token, template_arguments, template):
            if takes is not None and argument not in takes:
                raise self._fault(token, f"the tool takes no argument {argument}", tuple(takes))
        return template

    def _check_call(self, tree: Tree[Token], call: Call, named: Mapping[str, str], bodies: Bodies | None) -> None:
        _, tool, *arguments = tree.children
        if call.tool not in named:
            raise self._fault(
                tool, f"no tool named {call.tool} is declared", tuple(get_close_matches(call.tool, named))
            )
        if bodies is None:
            return
        takes = bodies[named[call.tool]]
        for argument in arguments:
            if (name := self._string(argument)) not in takes:
                raise self._fault(argument, f"{call.tool} takes no argument {name}", tuple(takes))
        for name in takes:
            if name not in call.args:
                raise self._fault(tool, f"{call.tool} needs the argument {name}")

    # ----------------------------------------------------------------------------------------- what is said about it

    def _environment(self, issued: Collection[int]) -> Iterator[Environment]:
        said: set[Environment] = set()
        for move in _found(self._tree, "move"):
            kind, named = _tokens(move)
            future = self._future(named, issued)
            event: Environment = _MOVES[kind.type](future)
            if event in said:
                raise self._fault(kind, f"`{kind} {named}` is said twice: it may happen once")
            said.add(event)
            yield event

    def _workers(self) -> int | None:
        return next((int(_first_token(tree)) for tree in _found(self._tree, "workers")), None)

    def _overlaps(self, issued: Collection[int]) -> Iterator[Overlap]:
        said: dict[tuple[int, ...], int] = {}
        for tree in self._tree.children:
            if not isinstance(tree, Tree) or tree.data not in ("sometimes", "never"):
                continue
            tokens = _tokens(tree)
            first, second = sorted(self._future(token, issued) for token in tokens)
            line = tokens[0].line or 0
            if first == second:
                raise self._fault(tokens[1], f"f{first} can overlap only with another call")
            if before := said.get((first, second)):
                raise self._fault(tokens[0], f"whether f{first} and f{second} overlap is said at line {before}")
            said[first, second] = line
            yield Overlap((first, second), tree.data == "sometimes", line)

    def _future(self, token: Token, issued: Collection[int]) -> int:
        future = int(token[1:])
        if future not in issued:
            raise self._fault(token, f"no call of the program issues {token}")
        return future

    def _expectations(self) -> Iterator[Expectation]:
        said: dict[Column, int] = {}
        for tree in _found(self._tree, "expectation"):
            scheduler, _, verdict, *more = _tokens(tree)
            column, line = _column(tree), scheduler.line or 0
            if before := said.get(column):
                raise self._fault(scheduler, f"`{' '.join(column)}` is expected at line {before} already")
            said[column] = line
            count = next((int(token) for token in more if token.type == "COUNT"), None)
            witness = next((token for token in more if token.type == "STRING"), None)
            if witness is not None and verdict == "=":
                raise self._fault(witness, "there is no schedule that differs where `=` is expected")
            schedule = None if witness is None else self._string(witness)
            yield Expectation(*column, verdict == "=", count, schedule, line)

    # ---------------------------------------------------------------------------------------------------- the leaves

    def _datum(self, node: Node) -> JSON:
        match node:
            case Tree(data="array", children=children):
                return [self._datum(child) for child in children]
            case Tree(data="object", children=children):
                items: dict[str, JSON] = {}
                for pair in children:
                    token, value = cast(Tree[Token], pair).children
                    name = self._string(token)
                    if name in items:
                        raise self._fault(token, f"the name {token} stands twice in one object")
                    items[name] = self._datum(value)
                return items
            case Token(type="REFERENCE"):
                raise self._fault(node, "a world holds data, and no reference; the text of one stands in quotes")
            case Token(type="NUMBER"):
                return self._checked(node, number, node)
            case Token(type="STRING"):
                return self._string(node)
            case Token():
                return json.loads(node)
        raise AssertionError(node)

    def _string(self, node: Node) -> str:
        """A string, or a name that may stand in quotes."""
        token = _first_token(node)
        return self._checked(token, _unquoted, token) if token.type == "STRING" else str(token)

    def _checked(self, node: Node, check: Callable[[str], Checked], text: str) -> Checked:
        """What the check makes of the text; the ValueError that it raises, at its place."""
        try:
            return check(text)
        except ValueError as error:
            raise self._fault(node, str(error)) from None

    def _fault(self, node: Node, message: str, expected: tuple[str, ...] = ()) -> LanguageError:
        return LanguageError.at(self._text, _first_token(node).start_pos or 0, message, self._source, expected)


def _found(tree: Tree[Token], data: str) -> Iterator[Tree[Token]]:
    """The trees of this name inside, in the order of the text."""
    inside: Iterator[Tree[Token]] = tree.iter_subtrees_topdown()  # type: ignore[no-untyped-call]
    return (each for each in inside if each.data == data)


def _tokens(tree: Tree[Token]) -> list[Token]:
    return [child for child in tree.children if isinstance(child, Token)]


def _first_token(node: Node) -> Token:
    return node if isinstance(node, Token) else next(node.scan_values(lambda each: isinstance(each, Token)))


def _column(expectation: Tree[Token]) -> Column:
    scheduler, granularity, *_ = _tokens(expectation)
    return cast(SchedulerName, str(scheduler)), cast(Granularity, str(granularity))


def _unquoted(text: str) -> str:
    return whole(json.loads(text))


def _key(text: str) -> None:
    if parse_pattern(text).below:
        raise ValueError(f"{text!r} is a pattern of keys, not a key")
