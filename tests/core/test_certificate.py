"""The certificate against its definition, and its promise against runs on a real world that were really interleaved."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.certificate import Access, Certified, NotCertified, Ran, certify, certify_intervals
from asyncfc_sim.core.footprint import EVERYTHING, NOTHING, Footprint, Pattern, indep, parse_pattern

Mode = Literal["r", "w"]

keys = st.lists(st.sampled_from("ab"), max_size=3).map(tuple)
patterns = st.builds(lambda key, below: Pattern(key, below or not key), keys, st.booleans())
modes: st.SearchStrategy[Mode] = st.sampled_from(["r", "r", "w"])
logs = st.lists(st.builds(Access, st.integers(1, 5), modes, patterns), max_size=12)
# Mostly in issue order, so that long logs are certified too.
ordered_logs = logs.map(lambda log: sorted(log, key=lambda access: access.future))


def access(text: str) -> Access:
    future, mode, pattern = text.split()
    assert mode in ("r", "w")
    return Access(int(future), "r" if mode == "r" else "w", parse_pattern(pattern))


def conflict(left: Access, right: Access) -> bool:
    return "w" in (left.mode, right.mode) and left.pattern.overlaps(right.pattern)


# ------------------------------------------------------------------------------------------- logs of accesses


@pytest.mark.parametrize(
    "log",
    [
        [],
        ["1 w a", "2 r a"],
        ["2 r a", "1 r a"],
        ["2 w a", "1 w b"],
        ["2 w a", "1 r a/b"],  # a key is not the keys below it
        ["2 w file:/d/x", "1 r file:/e/*"],
        ["1 w a", "1 r a", "1 w a"],  # a call does not conflict with itself
        ["1 r a", "2 r a", "1 r a", "2 w a"],
    ],
)
def test_certified(log: list[str]):
    verdict = certify([access(text) for text in log])
    assert verdict == Certified(("complete log", "deterministic tools", "closed world"))


@pytest.mark.parametrize(
    ("log", "earlier", "later"),
    [
        (["2 r a", "1 w a"], 0, 1),
        (["2 w a", "1 r a"], 0, 1),
        (["2 w a", "1 w a"], 0, 1),
        (["2 w file:/d/x", "1 r file:/d/*"], 0, 1),  # a phantom
        (["2 r file:/d/*", "1 w file:/d/x/y"], 0, 1),
        (["2 r file:/d/*", "1 w file:/d"], 0, 1),  # a region holds its own head
        (["2 w *", "1 r a"], 0, 1),
        (["2 r a", "1 w *"], 0, 1),
        (["1 r a", "2 r a", "2 w a", "1 r b", "1 r a"], 2, 4),
        (["2 w a", "3 w a", "4 r a", "1 r a"], 1, 3),
    ],
)
def test_not_certified(log: list[str], earlier: int, later: int):
    accesses = [access(text) for text in log]
    verdict = certify(accesses)
    assert isinstance(verdict, NotCertified)
    assert (verdict.earlier, verdict.later) == (accesses[earlier], accesses[later])


def test_the_reason_reads_as_a_sentence():
    verdict = certify([access("1 r b"), access("3 w file:/d/x"), access("2 r file:/d/*")])
    assert isinstance(verdict, NotCertified)
    assert verdict.why == (
        "$f3 wrote file:d/x (access 1) before $f2 read file:d/* (access 2), but $f2 was issued first"
    )
    verdict = certify([access("3 w a"), access("2 r a")], places=[17, 40])
    assert isinstance(verdict, NotCertified)
    assert verdict.why == "$f3 wrote a (at 17) before $f2 read a (at 40), but $f2 was issued first"


@given(logs | ordered_logs)
def test_the_verdict_is_that_of_all_pairs(log: list[Access]):
    def overtaken(position: int) -> list[Access]:
        late = log[position]
        return [early for early in log[:position] if early.future > late.future and conflict(early, late)]

    first = next((position for position in range(len(log)) if overtaken(position)), None)
    verdict = certify(log)
    if first is None:
        assert isinstance(verdict, Certified)
    else:
        assert isinstance(verdict, NotCertified)
        assert verdict.later == log[first]
        assert verdict.earlier in overtaken(first)
        assert verdict.earlier.future == max(early.future for early in overtaken(first))


def test_a_long_log():
    """100,000 accesses; comparing all pairs would take an hour."""
    rng = random.Random(1)
    log = [
        Access(at // 10, rng.choice(("r", "w")), Pattern(("file", f"d{rng.randrange(9)}", str(at % 999)), at % 97 == 0))
        for at in range(100_000)
    ]
    assert isinstance(certify(log), Certified)
    assert isinstance(certify([*log, access("5000 r *")]), NotCertified)


# ------------------------------------------------------------------------------------------- the promise, on a world

World = dict[str, str]


@dataclass(frozen=True)
class Step:
    """One access of a symbolic tool: it reads a key or a region, or writes a key; nothing else ever matters."""

    mode: Mode
    pattern: Pattern
    constant: bool = False  # writes a fixed text instead of one that depends on everything read


@dataclass(frozen=True)
class Program:
    """The steps of each call; call j refers to the future `needs[j]`, and its last step is on the key found there."""

    steps: tuple[tuple[Step, ...], ...]
    needs: tuple[int | None, ...]


class Runner:
    """One call on its way: a deterministic function of its arguments and of what it reads."""

    def __init__(self, future: int, steps: tuple[Step, ...], argument: str) -> None:
        self.future, self.steps, self.read = future, list(steps), [argument]
        if argument and steps:  # the key is in the argument: which one is not known before
            key = Pattern(("k", "ab"[len(argument) % 2]))
            self.steps[-1] = Step(steps[-1].mode, key, steps[-1].constant)

    def step(self, world: World) -> Access:
        step = self.steps.pop(0)
        if step.mode == "r":
            self.read.append(str([(key, text) for key, text in sorted(world.items()) if covers(step.pattern, key)]))
        else:
            world[str(step.pattern)] = "x" if step.constant else f"{self.future}<{'|'.join(self.read)}>"
        return Access(self.future, step.mode, step.pattern)

    @property
    def result(self) -> str:
        return f"={self.future}:{'|'.join(self.read)}"


def covers(pattern: Pattern, key: str) -> bool:
    return pattern.covers(parse_pattern(key))


def random_program(rng: random.Random) -> Program:
    def step() -> Step:
        if rng.random() < 0.2:
            return Step("r", parse_pattern("k:*"))
        key = parse_pattern(f"k:{rng.choice('abcdef')}")
        return Step(rng.choice(("r", "w")), key, constant=rng.random() < 0.5)

    count = rng.randint(2, 4)
    steps = tuple(tuple(step() for _ in range(rng.randint(1, 3))) for _ in range(count))
    return Program(steps, tuple(rng.randint(1, at) if at and rng.random() < 0.3 else None for at in range(count)))


@dataclass
class Outcome:
    values: dict[int, str]
    world: World


def interleave(program: Program, rng: random.Random | None) -> tuple[Outcome, list[Access], list[Ran]]:
    """Run the calls with their accesses interleaved at random, by data dependences alone; one by one without `rng`."""
    world: World = {"k:a": "A", "k:b": "B"}
    values: dict[int, str] = {}
    running: dict[int, Runner] = {}
    waiting = list(range(1, len(program.steps) + 1))
    log: list[Access] = []
    touched: dict[int, tuple[list[Access], int]] = {}
    ran: list[Ran] = []
    clock = 0
    while waiting or running:
        startable = [future for future in waiting if (need := program.needs[future - 1]) is None or need in values]
        if rng is None:
            chosen = min([*running, *startable])
        else:
            # Mostly the lowest: else long logs would never be certified.
            chosen = rng.choice([*running, *startable]) if rng.random() < 0.4 else min([*running, *startable])
        clock += 1
        if chosen not in running:
            waiting.remove(chosen)
            need = program.needs[chosen - 1]
            running[chosen] = Runner(chosen, program.steps[chosen - 1], "" if need is None else values[need])
            touched[chosen] = ([], clock)
        runner = running[chosen]
        if runner.steps:
            log.append(runner.step(world))
            touched[chosen][0].append(log[-1])
        else:
            values[chosen] = runner.result
            accesses, start = touched[chosen]
            ran.append(Ran(chosen, union(accesses), start, clock))
            del running[chosen]
    return Outcome(dict(sorted(values.items())), world), log, ran


def union(accesses: list[Access]) -> Footprint:
    reads = tuple(one.pattern for one in accesses if one.mode == "r")
    return Footprint(reads, tuple(one.pattern for one in accesses if one.mode == "w"))


def runs(count: int) -> Iterator[tuple[bool, list[Access], list[Ran]]]:
    """Random runs, each with whether it came to the same end as the run one by one."""
    rng = random.Random(11)
    for _ in range(count):
        program = random_program(rng)
        outcome, log, ran = interleave(program, rng)
        yield outcome == interleave(program, None)[0], log, ran


def test_a_certified_run_equals_the_sequential_run():
    seen = Counter((isinstance(certify(log), Certified), equal) for equal, log, _ in runs(4000))
    assert seen[True, False] == 0
    assert min(seen[True, True], seen[False, False]) > 500
    assert seen[False, True] > 20  # benign races: not certified is not wrong


def test_a_run_certified_by_its_intervals_equals_the_sequential_run():
    seen: Counter[tuple[bool, bool]] = Counter()
    for equal, log, ran in runs(4000):
        certified = isinstance(certify_intervals(ran), Certified)
        seen[certified, equal] += 1
        assert not certified or isinstance(certify(log), Certified)  # the log says more than the intervals
    assert seen[True, False] == 0
    assert min(seen[True, True], seen[False, False], seen[False, True]) > 500


# ------------------------------------------------------------------------------------------- intervals

READS_A, WRITES_A = Footprint((parse_pattern("a"),)), Footprint((), (parse_pattern("a"),))


def test_calls_that_conflict_must_not_overlap():
    in_order = [Ran(1, WRITES_A, 0, 3), Ran(2, READS_A, 4, 9), Ran(3, READS_A, 5, 6), Ran(4, NOTHING, 1, 2)]
    assert certify_intervals(in_order) == Certified(("sound footprints", "deterministic tools", "closed world"))
    verdict = certify_intervals([Ran(1, WRITES_A, 0, 5), Ran(2, READS_A, 4, 9)])
    assert verdict == NotCertified(
        access("2 r a"),
        access("1 w a"),
        "$f2 may have read a before $f1, which ended at 5 only, wrote a, but $f1 was issued first",
    )


def test_a_call_in_doubt_may_act_for_ever():
    calls = [Ran(1, WRITES_A, 0, None), Ran(2, NOTHING, 5, 6), Ran(3, EVERYTHING, 7, 8)]
    assert isinstance(certify_intervals(calls[:2]), Certified)
    verdict = certify_intervals(calls)
    assert isinstance(verdict, NotCertified)
    assert verdict.why == (
        "$f3 may have written * before $f1, which is not known to have ended, wrote a, but $f1 was issued first"
    )
    assert isinstance(certify_intervals([*calls[1:], Ran(4, WRITES_A, 9, None)]), Certified)


def test_attempts_of_one_call_do_not_conflict():
    assert isinstance(certify_intervals([Ran(1, WRITES_A, 0, 5), Ran(1, WRITES_A, 2, 9)]), Certified)


def test_a_call_ends_after_its_start():
    with pytest.raises(ValueError, match=r"\$f1 ends at 3"):
        certify_intervals([Ran(1, NOTHING, 4, 3)])


footprints = st.builds(
    lambda reads, writes: Footprint(tuple(reads), tuple(writes)),
    st.lists(patterns, max_size=2),
    st.lists(patterns, max_size=2),
)
intervals = st.builds(
    lambda future, footprint, start, length: Ran(future, footprint, start, None if length is None else start + length),
    st.integers(1, 5),
    footprints,
    st.integers(0, 20),
    st.none() | st.integers(0, 4),
)


@given(st.lists(intervals, max_size=6) | st.permutations([Ran(f, EVERYTHING, 2 * f, 2 * f + 1) for f in range(1, 5)]))
def test_the_verdict_on_intervals_is_that_of_all_pairs(calls: list[Ran]):
    def too_late(first: Ran, second: Ran) -> bool:
        ordered = first.end is not None and first.end < second.start
        return first.future < second.future and not ordered and not indep(first.footprint, second.footprint)

    faults = [(first, second) for first in calls for second in calls if too_late(first, second)]
    verdict = certify_intervals(calls)
    assert isinstance(verdict, NotCertified) == bool(faults)
    if isinstance(verdict, NotCertified):
        assert conflict(verdict.earlier, verdict.later)
        assert (verdict.later.future, verdict.earlier.future) in {(i.future, j.future) for i, j in faults}
