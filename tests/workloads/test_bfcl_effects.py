"""The declared footprints of BFCL's tools: complete, sound on every golden turn, and each resource needed."""

import random
from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest

from asyncfc_sim.core.footprint import NOTHING
from asyncfc_sim.core.order import Issued, Order, generations, happens_before
from asyncfc_sim.core.values import UNKNOWN
from asyncfc_sim.workloads.bfcl import SPLITS, load
from asyncfc_sim.workloads.bfcl_classes import CLASSES, methods
from asyncfc_sim.workloads.bfcl_effects import _effects, tools
from tests.bfcl_turns import Bound, Recorded, families, recorded_turns, swapped, swaps
from tests.bfcl_watch import undeclared

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (make setup installs it)")
pytest.importorskip("mpmath", reason="mpmath is not installed")


@cache
def recorded(split: str) -> Sequence[Recorded]:
    return list(recorded_turns(load(split)))


def test_every_tool_is_declared_and_nothing_else():
    assert {name: set(declared) for name, declared in _effects().items()} == {
        name: set(methods(name)) for name in CLASSES
    }
    for name in CLASSES:
        for tool, method in methods(name).items():
            assert set(_effects()[name][tool]) <= {"reads", "writes"}
            declared = tools(name)[tool]
            declared.footprint(dict.fromkeys(method.signature.parameters, UNKNOWN))  # raises if a template is wrong
            assert not declared.irreversible
            assert declared.idempotent == (not declared.effects.writes if declared.effects else False)


def test_an_argument_is_one_segment_of_a_key():
    cat, tweet, mv = (
        tools("GorillaFileSystem")["cat"],
        tools("TwitterAPI")["get_tweet"],
        tools("GorillaFileSystem")["mv"],
    )

    def data(name: object) -> str:
        return str(cat.footprint({"file_name": name}).reads[-1])

    assert [data(name) for name in ("a", "a/b", "..", "*", "", ".", UNKNOWN)] == [
        "fs:data/a", "fs:data/a%2Fb", "fs:data/%2E%2E", "fs:data/%2A", "fs:data/%", "fs:data/*", "fs:data/*",
    ]  # fmt: skip
    assert len({tweet.footprint({"tweet_id": number}) for number in (1, 1.0, True, "1")}) == 1
    assert "fs:name/%2E%2E" in str(mv.footprint({"source": "a", "destination": ".."}))


def test_only_the_arguments_in_a_key_must_be_known_and_those_left_out_have_their_defaults():
    echo = tools("GorillaFileSystem")["echo"]
    assert str(echo.footprint({"content": UNKNOWN, "file_name": "a"})) == "reads fs:cwd, fs:name/a; writes fs:data/a"
    assert str(echo.footprint({"content": "x"})) == "reads fs:cwd, fs:name/null; writes fs:data/null"


def test_every_swap_that_the_footprints_allow_changes_nothing():
    tried = [(turn, swapped(turn, *pair)) for turn in recorded("base") for pair in swaps(turn)]
    assert (len(recorded("base")), len(tried)) == (257, 171)
    assert [turn.where for turn, order in tried if turn.differs(order)] == []


@pytest.mark.parametrize("split", SPLITS)
def test_every_schedule_that_the_footprints_allow_changes_nothing(split: str):
    rng = random.Random(split)
    for turn in recorded(split):
        order = happens_before([call.issued for call in turn.calls], address=False)
        for chosen in {linear_extension(order, rng) for _ in range(8)}:
            calls = {call.future: call for call in turn.calls}
            assert not turn.differs([calls[future] for future in chosen]), f"{turn.where}: {chosen}"


def linear_extension(order: Order, rng: random.Random) -> tuple[int, ...]:
    left, chosen = set(order.futures), list[int]()
    while left:
        chosen.append(rng.choice(sorted(each for each in left if not left & order.predecessors[each].keys())))
        left.remove(chosen[-1])
    return tuple(chosen)


# With one resource forgotten: how many more swaps of golden calls would be allowed, and how many give another result
# or state. A resource that is not here is never the only reason in a golden turn (but see test_bfcl_pairs.py).
FORGOTTEN = {
    "fs:cwd": (73, 71), "fs:data": (1, 0), "fs:order": (1, 1), "message:inbox": (2, 2), "message:session": (9, 6),
    "message:users": (1, 0), "ticket:session": (8, 8), "ticket:tickets": (1, 1), "trading:balance": (1, 1),
    "trading:orders": (1, 1), "trading:watchlist": (6, 5), "travel:budget": (1, 1), "travel:cost_cache": (17, 0),
    "twitter:session": (15, 9), "vehicle:brakePedal": (52, 52), "vehicle:doors": (6, 6), "vehicle:fuel": (7, 7),
}  # fmt: skip


def test_a_forgotten_resource_shows():
    every = frozenset(
        family for turn in recorded("base") for call in turn.calls for family in families(call.issued.footprint)
    )
    allowed, wrong = Counter[str](), Counter[str]()
    for ignored in [frozenset({family}) for family in sorted(every)] + [every]:
        name = "everything" if ignored == every else ":".join(*ignored)
        for turn in recorded("base"):
            orders = [swapped(turn, *pair) for pair in swaps(turn, ignored) - swaps(turn)]
            allowed[name] += len(orders)
            wrong[name] += sum(turn.differs(order) for order in orders)
    found = {name: (count, wrong[name]) for name, count in allowed.items() if count}
    print("swaps allowed and wrong, with a resource forgotten:", found)
    assert found == {**FORGOTTEN, "everything": (321, 288)}


@pytest.mark.parametrize("split", SPLITS)
def test_no_golden_call_touches_anything_undeclared(split: str):
    for turn in recorded_turns(load(split), at_least=1):
        world = turn.before.copy()
        for call in turn.calls:
            faults = undeclared(world, (call.future, call.tool, call.args), call.issued.footprint)
            assert not faults, f"{turn.where}: {call.tool}({call.args})"


def test_the_parallelism_of_the_golden_turns():
    turns = recorded("base")
    calls = sum(len(turn.calls) for turn in turns)

    def rounds(*issued: Issued) -> int:
        return len(generations(happens_before(issued)))

    def bare(call: Bound) -> Issued:
        return Issued(call.future, call.issued.footprint)

    by_all = sum(rounds(*(call.issued for call in turn.calls)) for turn in turns)
    by_conflict = sum(rounds(*map(bare, turn.calls)) for turn in turns)
    by_data = sum(
        rounds(*(Issued(c.future, NOTHING, c.issued.producers, c.issued.touched) for c in turn.calls)) for turn in turns
    )
    assert (len(turns), calls, by_all, by_conflict, by_data) == (257, 668, 530, 457, 345)
