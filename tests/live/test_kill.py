"""Nothing lost: a run with effects is killed at random moments, and resumed. What must hold stands in kill_trials."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

PROCESSES, TRIALS = 2, 30


@pytest.fixture(scope="module")
def trials(tmp_path_factory) -> list[dict[str, Any]]:
    """What all trials found; one that found a fault says so on stderr."""
    folder = tmp_path_factory.mktemp("kills")
    root = Path(__file__).resolve().parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.kill_trials", str(folder / str(seed)), str(TRIALS), str(seed)],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    found = []
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors[-3000:]
        found += [json.loads(line) for line in output.splitlines()]
    return [trial for trial in found if "kills" in trial]


def test_no_effect_is_lost_and_none_happens_twice(trials, record_property):
    kills = [kill for trial in trials for kill in trial["kills"]]
    assert len(trials) == PROCESSES * TRIALS
    assert len(kills) >= 100
    doubts, had_effect = (sum(kill[name] for kill in kills) for name in ("doubts", "had_effect"))
    record_property("kills", len(kills))
    record_property("in doubt", doubts)
    print(f"{len(kills)} kills, {doubts} calls in doubt, {had_effect} of them had had their effect")
    print(Counter(kill["when"] for kill in kills), Counter(trial["verdict"] for trial in trials))


def test_kills_hit_where_it_matters(trials):
    kills = [kill for trial in trials for kill in trial["kills"]]
    when = Counter(kill["when"] for kill in kills)
    assert {"before the first call", "in mid-stream", "between messages"} <= when.keys()
    assert any(kill["doubts"] and kill["had_effect"] for kill in kills)
    assert any(kill["doubts"] > kill["had_effect"] for kill in kills)
    assert any(trial["failed"] for trial in trials)  # a call in doubt that was taken to have failed
    assert {trial["verdict"] for trial in trials} <= {"Certified", "Incomparable"}
