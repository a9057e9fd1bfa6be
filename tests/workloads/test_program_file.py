"""Program files as tasks: tools files read with suspicion, canned and made-up values, and every schedule agreeing."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.references import format_path
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.values import ErrorValue, follow
from asyncfc_sim.language.errors import LanguageError
from asyncfc_sim.language.parser import parse_program
from asyncfc_sim.verify.walk import walk
from asyncfc_sim.workloads.made_up import Contradiction, make_up, paths_into
from asyncfc_sim.workloads.program_file import ProgramFileError, load_program
from asyncfc_sim.workloads.symbolic import SymbolicWorld
from asyncfc_sim.workloads.tools_file import ToolsFileError, parse_tools
from asyncfc_sim.workloads.workload import Task

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.fc"))
TWO_LOOKUPS = """\
f1 = search(query="population of Berlin")
f2 = search(query="population of Paris")
f3 = add(a=$f1.items[0].population, b=$f2.items[0].population)
return $f3.total
"""


def load(folder: Path, program: str, tools: str | None = None) -> Task:
    path = folder / "program.fc"
    path.write_text(program, encoding="utf-8")
    if tools is not None:
        path.with_suffix(".tools.toml").write_text(tools, encoding="utf-8")
    return load_program(str(path))


def outcome(task: Task) -> Any:
    return run_sequential(task.turns[0].program, task.tools, task.make_world().call)


def made_up(task: Task) -> frozenset[str]:
    world = task.make_world()
    assert isinstance(world, SymbolicWorld)
    return world.made_up


def refusal(tools: str) -> str:
    with pytest.raises(ToolsFileError) as caught:
        parse_tools(tools, "t.toml")
    return str(caught.value)


# The task -----------------------------------------------------------------------------------------------------------


def test_a_program_without_a_tools_file_is_undeclared_and_made_up(tmp_path):
    task = load(tmp_path, TWO_LOOKUPS)
    assert (task.name, task.source) == ("program", str(tmp_path / "program.fc"))
    assert all(tool.effects is None for tool in task.tools.values())
    assert task.kinds == {"search": "search", "add": "add"}
    assert made_up(task) == {"search", "add"}
    found = outcome(task)
    assert found.values[1]["items"][0]["population"].startswith("<search.items[0].population ")
    assert found.values[1] != found.values[2]
    assert found.answer == (found.values[3]["total"],)


def test_the_tools_file_beside_the_program_is_picked_up(tmp_path):
    task = load(
        tmp_path,
        TWO_LOOKUPS,
        """
        [tools.search]
        reads = ["web:{query}"]
        idempotent = true
        concurrency = 4
        timeout_s = 2.5
        kind = "web_search"
        returns = {items = [{population = 1}]}
        [[tools.search.cases]]
        when = {query = "population of Paris"}
        returns = {items = [{population = 2}]}
        [tools.add]
        fails = "no"
        [tools.unused]
        writes = ["x"]
        irreversible = true
        commutes_with = ["unused"]
        """,
    )
    search, unused = task.tools["search"], task.tools["unused"]
    assert str(search.footprint({"query": "q"})) == "reads web:q; writes nothing"
    assert (search.idempotent, search.concurrency, search.irreversible) == (True, 4, False)
    assert search.timeout_s == 2.5
    assert (unused.irreversible, unused.commutes_with) == (True, frozenset({"unused"}))
    assert task.tools["add"].effects is None
    assert task.kinds == {"search": "web_search", "add": "add", "unused": "unused"}
    assert made_up(task) == frozenset()
    found = outcome(task)
    assert found.values[1] == {"items": [{"population": 1}]}
    assert found.values[2] == {"items": [{"population": 2}]}
    assert found.values[3] == ErrorValue("tool_error", "no", origin=3)


def test_another_tools_file_can_be_named(tmp_path):
    load(tmp_path, TWO_LOOKUPS, "[tools.search]\nreturns = 1\n")
    other = tmp_path / "other.toml"
    other.write_text("[tools.add]\nreturns = {total = 5}\n", encoding="utf-8")
    task = load_program(str(tmp_path / "program.fc"), str(other))
    assert made_up(task) == {"search"}


def test_a_tool_with_cases_only_is_made_up_for_the_rest(tmp_path):
    task = load(
        tmp_path, "f1 = s(a=1, b=2)\nf2 = s(a=true)\n", '[[tools.s.cases]]\nwhen = {a = 1.0}\nreturns = "one"\n'
    )
    found = outcome(task)
    assert found.values[1] == "one"
    assert found.values[2].startswith("<s ")
    assert made_up(task) == {"s"}
    assert made_up(load(tmp_path, "f1 = s(a=1)\n")) == frozenset()
    assert made_up(load(tmp_path, "f1 = t()\nf2 = s(a=$f1)\n")) == {"s", "t"}


def test_a_task_can_be_sent_to_another_process(tmp_path):
    task = pickle.loads(pickle.dumps(load(tmp_path, TWO_LOOKUPS)))
    assert outcome(task) == outcome(load(tmp_path, TWO_LOOKUPS))


def test_worlds_share_nothing(tmp_path):
    task = load(tmp_path, "f1 = s()\n", "[tools.s]\nreturns = {items = [1]}\n")
    world = task.make_world()
    value: Any = world.call(1, "s", {})
    value["items"].append(2)
    assert task.make_world().call(1, "s", {}) == world.call(2, "s", {}) == {"items": [1]}


def test_faults_of_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_program(str(tmp_path / "none.fc"))
    load(tmp_path, TWO_LOOKUPS)
    with pytest.raises(FileNotFoundError):
        load_program(str(tmp_path / "program.fc"), str(tmp_path / "none.toml"))
    with pytest.raises(LanguageError, match=r"program\.fc:1:"):
        load(tmp_path, "f1 = ")
    (tmp_path / "latin.fc").write_bytes(b'f1 = s(a="\xe9")')
    with pytest.raises(ProgramFileError, match=r"latin\.fc: not text in UTF-8 \(byte 11\)"):
        load_program(str(tmp_path / "latin.fc"))


def test_a_byte_order_mark_and_windows_lines_are_no_fault(tmp_path):
    (tmp_path / "program.fc").write_bytes(b"\xef\xbb\xbff1 = s()\r\nf2 = s()\r\n")
    assert len(load_program(str(tmp_path / "program.fc")).turns[0].program.body) == 2


# Tools files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ("[tools", "t.toml: not TOML: "),
        ("[tool.search]", "t.toml: tool: unknown key; did you mean tools?"),
        ("tools = 1", "t.toml: tools: expected a table, not the number 1"),
        ("tools.search = 'x'", "t.toml: tools.search: expected a table, not the string 'x'"),
        ("tools.search.read = []", "t.toml: tools.search.read: unknown key; did you mean reads?"),
        ("tools.search.colour = 1", "t.toml: tools.search.colour: unknown key; known here: reads, writes, "),
        ("tools.search.reads = 'web'", "t.toml: tools.search.reads: expected an array of strings, not the string"),
        ("tools.search.reads = [1]", "t.toml: tools.search.reads: expected an array of strings, not an array"),
        ("tools.search.reads = ['web:{query']", "t.toml: tools.search.reads: 'web:{query': expected '}'"),
        (
            "tools.search.reads = ['web:{}']",
            "t.toml: tools.search.reads: 'web:{}': braces hold the name of an argument",
        ),
        ("tools.search.reads = ['web:{q:>3}']", "t.toml: tools.search.reads: 'web:{q:>3}': braces hold the name"),
        ("tools.search.writes = ['a/*/b']", "t.toml: tools.search.writes: its footprint 'a/*/b': key pattern"),
        ("tools.search.writes = ['']", "t.toml: tools.search.writes: its footprint '': key pattern '' is empty"),
        ("tools.search.idempotent = 1", "t.toml: tools.search.idempotent: expected true or false, not the number 1"),
        ("tools.search.concurrency = 0", "t.toml: tools.search.concurrency: expected a whole number, 1 or more"),
        ("tools.search.timeout_s = 0", "t.toml: tools.search.timeout_s: expected a number of seconds above zero"),
        ("tools.search.concurrency = true", "t.toml: tools.search.concurrency: expected a whole number, 1 or more"),
        ("tools.search.kind = ''", "t.toml: tools.search.kind: expected a string that is not empty"),
        ("tools.search.commutes_with = ['x']", "t.toml: tools.search.commutes_with: 'x' is no tool of this file"),
        ("tools.search.returns = nan", "t.toml: tools.search.returns: the number nan (nan) is not JSON"),
        ("tools.search.returns = {a=[2026-11-22]}", "t.toml: tools.search.returns: a date or time (2026-11-22) is not"),
        ("tools.search.fails = 1", "t.toml: tools.search.fails: expected a string that is not empty, not the number 1"),
        ("tools.search = {fails='x', returns=1}", "t.toml: tools.search.fails: a call returns or fails, not both"),
        ("tools.search.cases = {}", "t.toml: tools.search.cases: expected an array of tables, not a table"),
        ("tools.search.cases = [{when={a=1}}]", "t.toml: tools.search.cases[1]: a case needs returns or fails"),
        ("tools.search.cases = [{returns=1}]", "t.toml: tools.search.cases[1]: a case needs when"),
        ("tools.search.cases = [{when=1, returns=1}]", "t.toml: tools.search.cases[1].when: expected a table"),
        ("tools.search.cases = [{then=1}]", "t.toml: tools.search.cases[1].then: unknown key; did you mean when?"),
    ],
)
def test_what_is_wrong_in_a_tools_file_is_named(tools, message):
    assert refusal(tools).startswith(message)


def test_a_template_needs_an_argument_that_every_call_gives(tmp_path):
    with pytest.raises(ToolsFileError, match=r"tools\.search: 'web:\{q\}' needs the argument 'q', which f1 does not"):
        load(tmp_path, TWO_LOOKUPS, '[tools.search]\nreads = ["web:{q}"]\n')


# Made-up values -----------------------------------------------------------------------------------------------------


def test_a_made_up_value_has_all_the_parts_that_are_named():
    value = make_up([("a", -1, "b"), ("a", 2), (), ("c d",)], "t", "digest")
    assert list(value) == ["a", "c d"]
    assert len(value["a"]) == 3
    assert value["a"][2]["b"].startswith("<t.a[2].b ")
    assert value["c d"].startswith("<t['c d'] ")
    assert make_up([()], "t", "digest") == make_up([], "t", "digest") != make_up([], "t", "other")


@pytest.mark.parametrize("paths", [[("a",), (0,)], [("a", "b"), ("a", -1)], [(1000,)], [(-1, "a"), (0, 1)]])
def test_contradictions_are_refused(paths):
    with pytest.raises(Contradiction):
        make_up(paths, "t", "")


def test_a_contradiction_is_told_in_words(tmp_path):
    with pytest.raises(ProgramFileError) as caught:
        load(tmp_path, "f1 = s()\nf2 = t(a=$f1.x, b=$f1[0])\n")
    assert str(caught.value).endswith(
        "program.fc: no value can be made up for f1, because the program takes it that s has both .x and [0]: "
        "say in a tools file what s returns"
    )
    load(tmp_path, "f1 = s()\nf2 = t(a=$f1.x, b=$f1[0])\n", "[tools.s]\nreturns = {x = 1}\n")


def test_calls_of_one_tool_have_shapes_of_their_own_unless_they_may_share_a_future(tmp_path):
    program = 'f1 = get(path="/users")\nf2 = get(path=$f1[0].url)\nf3 = show(name=$f2.name)\n'
    found = outcome(load(tmp_path, program))
    assert isinstance(found.values[1], list)
    assert list(found.values[2]) == ["name"]
    with pytest.raises(ProgramFileError):
        load(tmp_path, program, '[tools.get]\nreads = ["web:{path}"]\n')
    (tmp_path / "program.tools.toml").unlink()
    shared = 'f1 = get(path="a")\nf2 = get(path="b")\nf3 = show(a=$f1.a, b=$f2.b)\n'
    values = outcome(load(tmp_path, shared, '[tools.get]\nreads = ["web:{path}"]\n')).values
    assert list(values[1]) == list(values[2]) == ["a", "b"]


def test_the_two_sides_of_an_if_may_use_a_number_for_different_tools():
    program = parse_program(
        "f1 = s()\n"
        "if $f1.ok == 1 { f2 = a(); f3 = b(x=$f2.x) } else { f2 = c(); f3 = b(x=$f2[0]) }\n"
        "return $f2, $f3.y\n"
    )
    assert paths_into(program) == {
        (1, "s"): [("ok",)],
        (2, "a"): [("x",), ()],
        (2, "c"): [(0,), ()],
        (3, "b"): [("y",)],
    }


_paths = st.sampled_from([(), ("x",), ("items", 0, "id"), ("items", -1), ("items", 1, "id")])
_tools = st.sampled_from(["read", "list", "write", "append", "count", "anything", "fail"])
TOOLS = """
[tools.read]
reads = ["file:{k}"]
idempotent = true
[tools.list]
reads = ["file:*"]
[tools.write]
writes = ["file:{k}"]
idempotent = true
[tools.append]
writes = ["file:{k}"]
[tools.count]
writes = ["n"]
commutes_with = ["count"]
[tools.fail]
reads = ["file:{k}"]
fails = "no"
"""


@st.composite
def program_texts(draw: st.DrawFn) -> str:
    """Programs over these tools, most arguments of which come from earlier calls."""
    lines = []
    for future in range(1, draw(st.integers(1, 8)) + 1):
        key = draw(st.sampled_from(['"a"', '"b"']))
        if future > 1 and draw(st.booleans()):
            key = f"$f{draw(st.integers(1, future - 1))}{format_path(draw(_paths))}"
        lines.append(f"f{future} = {draw(_tools)}(k={key})")
        if draw(st.integers(0, 4)) == 0:
            lines.append(f"await $f{draw(st.integers(1, future))}")
    return "\n".join(lines)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=program_texts(), seed=st.integers(0, 2**32), declared=st.booleans())
def test_every_schedule_of_a_file_is_the_sequential_run(tmp_path, text, seed, declared):
    (tmp_path / "program.tools.toml").unlink(missing_ok=True)
    task = load(tmp_path, text, TOOLS if declared else None)
    in_order, world = task.make_world(), task.make_world()
    program = task.turns[0].program
    expected = run_sequential(program, task.tools, in_order.call)
    found, schedule = walk(program, task.tools, world.call, random.Random(seed).randrange)
    assert found == expected, schedule
    assert world.state() == in_order.state(), schedule
    for (future, _), paths in paths_into(program).items():
        if not isinstance(expected.values[future], ErrorValue):
            assert not any(isinstance(follow(expected.values[future], path), ErrorValue) for path in paths)


# The examples -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_run_without_errors_under_every_schedule(path):
    task = load_program(str(path))
    expected = outcome(task)
    assert not any(isinstance(value, ErrorValue) for value in expected.values.values())
    for seed in range(20):
        world = task.make_world()
        found, schedule = walk(task.turns[0].program, task.tools, world.call, random.Random(seed).randrange)
        assert found == expected, schedule


def test_the_first_example_answers_with_the_sum():
    task = load_program(str(EXAMPLES[0]))
    assert outcome(task).answer == (5_800_000,)
    assert made_up(task) == frozenset()
