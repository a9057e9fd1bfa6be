"""Which words the declarations have for what calls touch, and what would put a wrong declaration right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from asyncfc_sim.core.values import JSON
from asyncfc_sim.verify.effects.access import KEYS
from asyncfc_sim.verify.effects.advice import Fix, fixes, would_conflict
from asyncfc_sim.verify.effects.declared import Declared
from asyncfc_sim.verify.effects.function_subject import function_subject
from asyncfc_sim.verify.effects.monitor import Watched, meeting, watch
from asyncfc_sim.verify.effects.trial import Call, Trial
from asyncfc_sim.verify.effects.vocabulary import Vocabulary
from tests.verify.effects.sources import tools_from

SOURCE = """
    FILES = {"a": "1", "b": "2"}
    STATS = {"reads": 0}
    LOG = []

    @tool(reads=["file:{path}"])
    def read(path: str) -> str | None: return FILES.get(path)
    @tool(writes=["file:{path}"])
    def write(path: str, text: str) -> None: FILES[path] = text
    @tool(reads=["file:*"])
    def ls() -> list[str]: return sorted(FILES)
    @tool(reads=[])
    def peek(name: str) -> str | None: return FILES.get(name.lower())
    @tool(reads=["file:{path}"])
    def count(path: str) -> None: STATS["reads"] += 1
    @tool(reads=[])
    def log(text: str) -> None: LOG.append(text)
"""
CALLS: Sequence[tuple[str, Mapping[str, JSON]]] = [
    *[(tool, {"path": path}) for tool in ("read", "count") for path in ("a", "b", "c")],
    *[("write", {"path": path, "text": "x"}) for path in ("a", "c")],
    *[("peek", {"name": name}) for name in ("A", "B")],
    ("ls", {}),
    ("log", {"text": "x"}),
]


@contextmanager
def watched(folder: Path) -> Iterator[tuple[Declared, list[Watched]]]:
    with function_subject(tools_from(folder, SOURCE)) as subject:
        declared = Declared(subject.tools)
        yield declared, [watch(subject, declared, Trial((), Call(*each), Call(*each))) for each in CALLS]


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[tuple[Declared, list[Watched]]]:
    with watched(tmp_path) as found:
        yield found


def pick(calls: list[Watched], tool: str, **args: str) -> Watched:
    return next(each for each in calls if each.call.tool == tool and args.items() <= each.call.args.items())


def test_a_store_goes_by_the_word_that_its_tools_declare(seen: tuple[Declared, list[Watched]]):
    vocabulary = Vocabulary(seen[1])
    files, stats, log = (("", "FILES"),), (("", "STATS"),), (("", "LOG"),)
    assert str(vocabulary.key((*files, ("[", "a")))) == "file:a"
    assert str(vocabulary.key((*files, KEYS))) == "file:*"
    assert str(vocabulary.key((*stats, ("[", "reads")))) == "stats:reads"  # nobody speaks of it
    assert str(vocabulary.key((*log, KEYS))) == "log"


def test_keys_are_told_by_parameters(seen: tuple[Declared, list[Watched]]):
    vocabulary = Vocabulary(seen[1])
    a = (("", "FILES"), ("[", "a"))
    assert vocabulary.template("read", a) == ("file:{path}", "")
    whole, remark = vocabulary.template("peek", a)
    assert whole == "file:*"
    assert remark == 'or, narrower, lambda args: ["file:" + args["name"].lower()]'


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("write", "a"), ("peek", "A"), [Fix("peek", reads=("file:*",))]),
        (("count", "a"), ("count", "a"), [Fix("count", writes=("stats:reads",))]),
        (("log", "x"), ("log", "x"), [Fix("log", writes=("log",))]),
    ],
)
def test_a_fix_makes_the_two_calls_conflict(
    seen: tuple[Declared, list[Watched]], one: tuple[str, str], other: tuple[str, str], expected: list[Fix]
):
    declared, calls = seen
    names = {"write": "path", "peek": "name", "count": "path", "log": "text"}
    pair = [pick(calls, tool, **{names[tool]: value}) for tool, value in (one, other)]
    met = meeting(declared, *pair)
    assert met is not None
    assert not would_conflict(declared, pair, [])
    advice = fixes(declared, Vocabulary(calls), pair, [met.place])
    assert would_conflict(declared, pair, advice)
    assert [Fix(fix.tool, fix.reads, fix.writes) for fix in advice] == expected


def test_calls_that_are_declared_rightly_do_not_meet(seen: tuple[Declared, list[Watched]]):
    declared, calls = seen
    right = [each for each in calls if each.call.tool in ("read", "write", "ls")]
    assert [meeting(declared, one, other) for one in right for other in right if meeting(declared, one, other)] == []
