"""Labels with faults on real tools: what must never go wrong, what sometimes does, and that counts add up."""

import pytest

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval)")

from asyncfc_sim.simulate.experiment import run_arms
from asyncfc_sim.simulate.study import StudyError
from asyncfc_sim.studies.labels import FAULTS
from asyncfc_sim.studies.robustness import Conversation, Robustness, run_conversation, run_study, tasks_of
from asyncfc_sim.studies.robustness_rows import NO_LABELS, TRUE_LABELS, Row, rows, safe
from asyncfc_sim.workloads import bfcl
from asyncfc_sim.workloads.bfcl import UnknownSplit

STUDY = Robustness(n=10, rates=(0.0, 0.2, 1.0), replications=2)


@pytest.fixture(scope="module")
def found() -> list[Conversation]:
    return run_study(STUDY, workers=1)


@pytest.fixture(scope="module")
def result(found: list[Conversation]) -> list[Row]:
    return rows(STUDY, found)


def test_true_and_missing_labels_are_never_wrong_and_false_ones_sometimes(result: list[Row]) -> None:
    for row in result:
        if safe(row):
            assert row.wrong.count == row.raced.count == row.could.count == row.wrong_calls.count == 0
    for fault in FAULTS:
        worst = [row for row in result if row.fault == fault and row.rate == 1.0 and row.policy == "sync_parallel"]
        assert [row.wrong.count > 0 for row in worst] == [fault != "missing"]


def test_what_went_wrong_had_raced_and_could_go_wrong(found: list[Conversation]) -> None:
    """A certified run is never wrong, and no run is wrong where exploring found every schedule to be right."""
    wrong = spared = 0
    for each in found:
        for outcomes, judged in zip(each.outcomes, each.judged, strict=True):
            for outcome in outcomes:
                assert outcome.raced or not outcome.wrong
                assert judged.wrong or judged.sampled or not outcome.wrong
                assert outcome.wrong or not outcome.wrong_calls
                wrong += outcome.wrong
                spared += judged.wrong and not outcome.wrong
    assert wrong > 0
    assert spared > 0


def test_counts_add_up(found: list[Conversation], result: list[Row]) -> None:
    assert len(found) == 10
    assert len(result) == len(STUDY.policies) * (2 + len(FAULTS) * 2)
    calls = sum(each.calls for each in found)
    for row in result:
        # With rate 1 a fault that leaves no choice gives one labelling, however often it is drawn.
        assert row.labellings == (
            1 if row.fault in (TRUE_LABELS, NO_LABELS) or (row.rate == 1 and "key" not in row.fault) else 2
        )
        assert row.wrong.n == row.raced.n == row.could.n == 10 * row.labellings
        assert row.wrong_calls.n == calls * row.labellings
        assert row.wrong.value == pytest.approx(sum(row.wrong_by_labelling) / row.labellings)
        assert row.hit == 0 if row.fault == TRUE_LABELS else 0 < row.hit <= 1
    for policy in STUDY.policies:
        of = {row.fault: row for row in result if row.policy == policy and row.rate in (0.0, 1.0)}
        assert of[NO_LABELS].time == of["missing"].time >= 1 == of[TRUE_LABELS].time >= of["as_pure"].time


def test_with_true_labels_times_are_those_of_an_experiment(found: list[Conversation]) -> None:
    """When a call acts changes no time."""
    _, *arms = run_arms(tasks_of(STUDY), STUDY.arms(), STUDY.models(), STUDY.seed)
    for number, arm in enumerate(arms):
        makespans_s = [each.outcomes[0][number].makespan_s for each in found]
        assert [case.makespan_s for case in arm.cases] == pytest.approx(makespans_s, rel=1e-12)


def test_one_conversation_is_the_same_alone_and_with_others(found: list[Conversation]) -> None:
    assert run_conversation(tasks_of(STUDY)[7], STUDY) == found[7]


def test_the_seed_decides_everything_and_workers_nothing() -> None:
    study = Robustness(n=6, faults=("as_pure",), rates=(0.5,), replications=2, policies=("sync_parallel",))
    alone = run_study(study, workers=1)
    assert run_study(study, workers=2) == alone
    other = Robustness(n=6, faults=("as_pure",), rates=(0.5,), replications=2, policies=("sync_parallel",), seed=1)
    assert run_study(other, workers=1) != alone


@pytest.mark.parametrize("split", bfcl.SPLITS)
def test_every_split_with_true_labels_is_right(split: str) -> None:
    study = Robustness(split=split, faults=("as_pure",), rates=(0.0,))
    for task in bfcl.load(split, 3):
        found = run_conversation(task, study)
        assert not any(outcome.wrong or outcome.raced for outcomes in found.outcomes for outcome in outcomes)
        assert not any(judged.wrong for judged in found.judged)


def test_conversations_are_spread_over_the_split() -> None:
    """Those of one tool class stand together in the data."""
    owners = {kind.split(".")[0] for task in tasks_of(STUDY) for kind in task.kinds.values()}
    first = {kind.split(".")[0] for task in bfcl.load("base", 10) for kind in task.kinds.values()}
    assert len(owners) > len(first)
    assert len(tasks_of(Robustness(n=10_000))) == 200


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (Robustness(faults=("typo",)), "no kind of fault 'typo'; there are: missing"),  # type: ignore[arg-type]
        (Robustness(rates=(0.5, 1.5)), "rate 1.5: expected a share"),
        (Robustness(rates=(float("nan"),)), "rate nan"),
        (Robustness(faults=()), "no kind of fault is named"),
        (Robustness(rates=()), "no rate is named"),
        (Robustness(policies=()), "no policy is named"),
        (Robustness(policies=("sync",)), "'sync' uses no labels"),
        (Robustness(policies=("fast",)), "'fast' is not known"),
        (Robustness(replications=0), "0 replications"),
    ],
)
def test_what_cannot_be_run(study: Robustness, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        run_study(study)


def test_a_split_that_is_none() -> None:
    with pytest.raises(UnknownSplit, match="no BFCL split 'nope'"):
        run_study(Robustness(split="nope"))
