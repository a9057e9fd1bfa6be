"""Whole checks of small files: what is found, what is not, and what cannot be checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asyncfc_sim.tools.errors import ToolError
from asyncfc_sim.verify.effects.check import check_tools
from asyncfc_sim.verify.effects.findings import Report
from asyncfc_sim.verify.effects.subject import CannotCheck
from tests.verify.effects.sources import tools_from


def check(folder: Path, *source: str, examples: int = 20) -> Report:
    return check_tools(tools_from(folder, *source), examples=examples)


def fixes(report: Report) -> set[str]:
    return {str(fix) for finding in report.findings for fix in finding.fixes}


# What is found ------------------------------------------------------------------------------------------------------

WRONG = {
    'put: add writes=["file:db.json"]': """
        import json
        from pathlib import Path

        @tool(writes=["record:{id}"])
        def put(id: int, text: str) -> None:
            path = Path("db.json")
            records = json.loads(path.read_text()) if path.exists() else {}
            records[str(id)] = text
            path.write_text(json.dumps(records))
    """,
    'counted: add writes=["stats"]': """
        import sqlite3
        from contextlib import closing

        def fresh():
            with closing(sqlite3.connect("shop.db")) as connection, connection:
                connection.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, text)")
                connection.execute("CREATE TABLE stats (reads)")
                connection.execute("INSERT INTO items VALUES (1, 'lamp'), (2, 'desk')")
                connection.execute("INSERT INTO stats VALUES (0)")

        @tool(reads=["item:{id}"])
        def get(id: int) -> list | None:
            with closing(sqlite3.connect("shop.db")) as connection:
                return connection.execute("SELECT * FROM items WHERE id = ?", (id,)).fetchone()

        @tool(writes=["item:{id}"])
        def put(id: int, text: str) -> int:
            with closing(sqlite3.connect("shop.db")) as connection, connection:
                return connection.execute("UPDATE items SET text = ? WHERE id = ?", (text, id)).rowcount

        @tool(reads=["item:{id}"])
        def counted(id: int) -> None:
            with closing(sqlite3.connect("shop.db")) as connection, connection:
                (reads,) = connection.execute("SELECT reads FROM stats").fetchone()
                connection.execute("UPDATE stats SET reads = ?", (reads + 1,))
    """,
    'sell: add writes=["shop-sold"]': """
        class Shop:
            def __init__(self):
                self.stock = {"lamp": 3, "desk": 2}
                self.sold = 0

            @tool(writes=["stock:{item}"])
            def sell(self, item: str) -> None:
                self.stock[item] -= 1
                self.sold += 1

        shop = Shop()
        TOOLS = [shop.sell]
    """,
    'visit: add writes=["visits"]': """
        visits = 0

        @tool(reads=[])
        def visit() -> None:
            global visits
            visits += 1
    """,
    'visit: add writes=["visit-seen"]': """
        @tool(reads=["page:{page}"])
        def visit(page: str, seen: list[str] = []) -> None:
            seen.append(page)
    """,
    'ticket: add writes=["ids"]': """
        import itertools
        _ids = itertools.count(1)

        @tool(reads=[])
        def ticket() -> int:
            return next(_ids)
    """,
    'draw: add writes=["chance"]': """
        from random import Random
        chance = Random(3)

        @tool(reads=[])
        def draw() -> int:
            return chance.randrange(100)
    """,
    'later: add writes=["total:n"]': """
        import asyncio
        total = {"n": 0}

        @tool(reads=[])
        async def later() -> int:
            before = total["n"]
            await asyncio.sleep(1)
            total["n"] = before + 1
            return before
    """,
}


@pytest.mark.parametrize("fix", WRONG)
def test_an_undeclared_effect_is_found_wherever_state_is_kept(tmp_path: Path, fix: str):
    report = check(tmp_path, WRONG[fix], examples=12)
    assert fix in fixes(report), report.findings
    assert report.refused == {}
    assert {name for name in report.tools if report.verdict(name) == "wrong"} == {fix.partition(":")[0]}


def test_keys_in_another_order_matter_if_some_tool_shows_it(tmp_path: Path):
    source = """
        FILES = {}

        @tool(writes=["file:{name}"])
        def create(name: str) -> None:
            FILES.setdefault(name, "")

        @tool(reads=["file:*"])
        def names() -> list[str]:
            return LISTING(FILES)
    """
    assert check(tmp_path, source.replace("LISTING", "sorted")).clean
    report = check(tmp_path, source.replace("LISTING", "list"))
    assert fixes(report) == {'create: add writes=["file-order"] (or let names sort what it shows)'}
    (finding,) = report.findings
    assert finding.key == "the order of FILES"
    assert finding.trial.probe is not None


# What is not found, because nothing is wrong -----------------------------------------------------------------------


def test_a_claim_to_commute_is_tried_in_both_orders(tmp_path: Path):
    source = """
        N = {"n": 1}

        @tool(writes=["n"], commutes_with=["change"])
        def change(by: int) -> None:
            value = N["n"]
            N["n"] = value OPERATION by

        @tool(writes=["n"])
        def double() -> None:
            N["n"] = 2 * N["n"]
    """
    assert check(tmp_path, source.replace("OPERATION", "+")).clean
    report = check(tmp_path, source.replace("OPERATION", "* 2 +"))
    assert [finding.evidence for finding in report.findings] == ["order"]


def test_calls_of_a_tool_that_runs_one_at_a_time_do_not_overlap(tmp_path: Path):
    source = """
        N = {"n": 0}

        @tool(reads=[]LIMIT)
        def hit() -> None:
            value = N["n"]
            N["n"] = value + 1
    """
    assert check(tmp_path, source.replace("LIMIT", ", concurrency=1")).clean
    assert not check(tmp_path, source.replace("LIMIT", "")).clean


def test_tools_without_declarations_have_nothing_to_break(tmp_path: Path):
    report = check(tmp_path, "N = {'n': 0}\ndef hit() -> int:\n    N['n'] += 1\n    return N['n']\n")
    assert report.clean
    assert report.verdict("hit") == "undeclared"


def test_locks_and_tables_of_functions_are_no_obstacle(tmp_path: Path):
    source = """
        import logging, re, threading
        from dataclasses import dataclass, field
        from enum import Enum
        from pathlib import Path
        from typing import NamedTuple
        from pydantic import BaseModel

        log = logging.getLogger("shop")
        LOCK, PATTERN, HOME = threading.RLock(), re.compile("x"), Path("data")

        class Colour(Enum):
            RED = 1

        @dataclass
        class Item:
            price: int
            colour: Colour = Colour.RED
            tags: list[str] = field(default_factory=list)

        class Place(BaseModel):
            shelf: int = 1

        class Size(NamedTuple):
            width: int
            notes: list[str]

        ITEMS = {"lamp": Item(30), "desk": Item(200)}
        PLACES, SIZES = {"lamp": Place(), "desk": Place(shelf=2)}, {"lamp": Size(3, []), "desk": Size(9, [])}
        ACTIONS = {"double": lambda price: 2 * price}

        @tool(writes=["item:{name}"])
        def reprice(name: str) -> int:
            with LOCK:
                item = ITEMS[name]
                item.price = ACTIONS["double"](item.price)
                PLACES[name].shelf += 1
                SIZES[name].notes.append("repriced")
                log.debug("%s", item)
                return item.price
    """
    assert check(tmp_path, source).clean


# What cannot be checked ---------------------------------------------------------------------------------------------

BEYOND = """
    import socket, threading

    session = threading.local()

    @tool(reads=[])
    def login() -> None:
        session.user = "ada"
"""
HOOKS = """
    def fresh() -> None:
        session.user = None

    def observe():
        return getattr(session, "user", None)
"""


def test_state_that_cannot_be_seen_is_named_with_what_to_write(tmp_path: Path):
    with pytest.raises(CannotCheck, match=r"session is a _thread\._local.*fresh\(\).*observe\(\)"):
        check(tmp_path, BEYOND)


def test_fresh_and_observe_make_it_checkable(tmp_path: Path):
    report = check(tmp_path, BEYOND + HOOKS)
    assert report.refused == {}
    assert not report.clean  # whoever logs in writes what observe() tells


UNCHECKABLE = {
    "on the network": """
        import socket
        @tool(reads=[])
        def fetch() -> str:
            socket.create_connection(("192.0.2.1", 80))
    """,
    "lies outside the working folder": """
        from pathlib import Path
        @tool(writes=["log"])
        def note() -> None:
            Path("/tmp/asyncfc-test-note").write_text("x")
    """,
    "not deterministic": """
        import time
        @tool(reads=[])
        def measure() -> float:
            return time.perf_counter()
    """,
    "all of .* calls failed, most with: .*PermissionError: bad token.*examples\\(\\)": """
        @tool(reads=[])
        def enter(token: str) -> None:
            if token != "sesame":
                raise PermissionError("bad token")
    """,
    "no arguments fit its schema: no integer lies between": """
        from typing import Annotated
        from pydantic import Field
        @tool(reads=[])
        def never(n: Annotated[int, Field(ge=3, le=2)]) -> None: ...
    """,
}


@pytest.mark.parametrize("why", UNCHECKABLE)
def test_a_tool_that_cannot_be_checked_is_told_apart_from_a_sound_one(tmp_path: Path, why: str):
    report = check(tmp_path, UNCHECKABLE[why], "@tool(reads=[])\ndef ping() -> str: return 'pong'\n")
    ((tool, told),) = report.refused.items()
    assert re.search(why, told), told
    assert report.verdict(tool) == "cannot check"
    assert report.verdict("ping") == "no fault"
    assert not report.clean
    assert not Path("/tmp/asyncfc-test-note").exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_is_refused_in_a_thread_of_the_tool_is_not_lost(tmp_path: Path):
    source = """
        import threading

        @tool(writes=["notes"])
        def note(text: str) -> None:
            writer = threading.Thread(target=lambda: open("/tmp/asyncfc-test-note", "w").write(text))
            writer.start()
            writer.join()
    """
    report = check(tmp_path, source)
    assert "lies outside the working folder" in report.refused["note"]
    assert not Path("/tmp/asyncfc-test-note").exists()


def test_a_tool_may_raise_what_is_no_exception(tmp_path: Path):
    source = """
        class Halt(BaseException): ...
        LAST = {}

        @tool(writes=["last"])
        def keep(number: int) -> int:
            if number == 1:
                raise Halt("no")
            LAST["number"] = number
            return number
    """
    report = check(tmp_path, source)
    assert report.clean
    assert 0 < report.tools["keep"].succeeded < report.tools["keep"].calls


def test_examples_open_a_door(tmp_path: Path):
    source = UNCHECKABLE["all of .* calls failed, most with: .*PermissionError: bad token.*examples\\(\\)"]
    report = check(tmp_path, source, 'def examples(): return {"enter": [{"token": "sesame"}]}\n')
    assert report.clean
    assert report.tools["enter"].succeeded > 0


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        ('["x"]', "returned a list"),
        ('{"nobody": []}', "'nobody', which is no tool"),
        ('{"enter": [{"token": 3}]}', "token: input should be a valid string"),
        ('{"enter": {"token": "x"}}', "expected"),
    ],
)
def test_examples_that_are_none_are_refused(tmp_path: Path, returned: str, why: str):
    source = f"@tool(reads=[])\ndef enter(token: str) -> None: ...\ndef examples(): return {returned}\n"
    with pytest.raises(CannotCheck, match=why):
        check(tmp_path, source)


@pytest.mark.parametrize("hook", ["fresh", "observe", "examples"])
def test_a_hook_that_fails_is_told(tmp_path: Path, hook: str):
    source = f"@tool(reads=[])\ndef ping() -> str: return 'pong'\ndef {hook}(): raise OSError('no disk')\n"
    with pytest.raises(CannotCheck, match=rf"{hook}\(\) failed: OSError: no disk"):
        check(tmp_path, source)


@pytest.mark.parametrize(
    ("body", "why"),
    [("raise SystemExit(2)", "SystemExit: 2"), ("a = []; a.append(a); return a", "RecursionError")],
)
def test_a_hook_that_exits_or_returns_what_has_no_end_is_told(tmp_path: Path, body: str, why: str):
    source = f"@tool(reads=[])\ndef ping() -> str: return 'pong'\ndef observe(): {body}\n"
    with pytest.raises(CannotCheck, match=rf"observe\(\) failed: {why}"):
        check(tmp_path, source)


def test_what_is_no_tool_is_refused():
    with pytest.raises(ToolError):
        check_tools([print])


# And it is the same each time ----------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_report(tmp_path: Path):
    source = WRONG['sell: add writes=["shop-sold"]']
    reports = [check_tools(tools_from(tmp_path, source), examples=10, seed=seed).to_json() for seed in (1, 1, 2)]
    assert reports[0] == reports[1]
    assert reports[0] != reports[2]
