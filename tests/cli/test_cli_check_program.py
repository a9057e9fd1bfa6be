"""`asyncfc check FILE.fc`: the verdict, what goes wrong without the rule, and how to see a schedule again."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHARED = str(EXAMPLES / "02_shared_file.fc")


def check(*args: str):
    return CliRunner().invoke(app, ["check", *args], catch_exceptions=False)


def test_a_program_is_as_in_order_and_it_is_shown_what_the_rule_prevents() -> None:
    done = check(SHARED)
    assert done.exit_code == 0
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("effect", "naive"))]
    assert [(row[0], row[-1]) for row in rows] == [("effect", "yes")] * 2 + [("naive", "no")] * 2
    assert "replay" not in done.stdout


def test_a_schedule_that_differs_is_one_line_and_two_lanes_and_can_be_seen_again() -> None:
    done = check(SHARED, "--scheduler", "naive", "--granularity", "steps")
    assert done.exit_code == 1
    assert done.stdout.count("=> ") == 2
    (line,) = re.findall(r"asyncfc check (.*) --replay '(.*)'", done.stdout)
    again = check(*line[0].split(), "--replay", line[1])
    assert again.exit_code == 1
    assert again.stdout.startswith("another end than in order")
    lanes = done.stdout[done.stdout.index("this schedule") :]
    assert lanes in again.stdout


def test_the_line_says_all_that_was_asked_for_whatever_files_are_called(tmp_path: Path) -> None:
    program, tools = tmp_path / "it's two.fc", tmp_path / "my tools.toml"
    program.write_text('f1 = save(to="a", text="1")\nf2 = save(to="a", text="2")\n')
    tools.write_text('[tools.save]\nwrites = ["file:{to}"]\n')
    done = check(str(program), "--tools", str(tools), "--scheduler", "naive", "--granularity", "atomic")
    (line,) = [line for line in done.stdout.splitlines() if "--replay" in line]
    again = check(*shlex.split(line)[2:])
    assert again.exit_code == 1
    assert again.stdout in done.stdout.replace("\nthis schedule", "\nanother end than in order\n\nthis schedule")


def test_a_legal_schedule_of_the_real_scheduler_ends_as_in_order() -> None:
    done = check(SHARED, "--replay", "d d d d d f3 f2 f1", "--json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["equal"] is True
    assert document["first_difference"] == [None, None]


def test_json_says_all(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    done = check(SHARED, "--json", "-o", str(out))
    document = json.loads(done.stdout)
    assert json.loads(out.read_text()) == document
    by_key = {(each["scheduler"], each["granularity"]): each for each in document["results"]}
    real = by_key["effect", "steps"]
    assert (real["equal"], real["exhaustive"], real["outcomes"], real["decides"]) == (True, True, 1, True)
    assert real["traces"]["executions"] == real["traces"]["traces"] == 1
    assert by_key["naive", "steps"]["replay"].startswith("d ")


def test_beyond_the_limit_schedules_are_sampled_and_it_says_so() -> None:
    done = check(SHARED, "--max-states", "20", "--schedules", "30", "--granularity", "steps")
    assert done.exit_code == 0
    assert "30 random" in done.stdout
    assert "more states than are tried (--max-states); random schedules were run instead of all" in done.stdout


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
@pytest.mark.parametrize("scheduler", ["effect", "sequential"])
def test_every_failure_mode_has_its_own_order_to_be_compared_with(scheduler: str, failure: str) -> None:
    assert check(SHARED, "--failure", failure, "--scheduler", scheduler).exit_code == 0


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["nowhere.fc"], 3, "nowhere.fc: No such file"),
        ([SHARED, "--scheduler", "nive"], 2, "--scheduler 'nive': expected one of effect, naive, locks, sequential"),
        ([SHARED, "--failure", "none"], 2, "--failure 'none': expected one of poison, barrier, strict"),
        ([SHARED, "--granularity", "fine"], 2, "--granularity 'fine': expected one of atomic, steps, both"),
        ([SHARED, "--replay", "d x"], 2, "schedule, move 2: 'x' is none"),
        ([SHARED, "--replay", "d f2"], 2, "schedule, move 2: f2 is not possible; possible here: d, f1"),
        ([], 2, "name one TARGET, or say --litmus"),
        (["x.txt"], 2, "'x.txt' is neither FILE.fc"),
        ([SHARED, "--examples", "5"], 2, "Invalid value for --examples: it means nothing for a program"),
        (["bfcl", "--replay", "d"], 2, "Invalid value for --replay: it means nothing for bfcl"),
        (["tools.py", "--require-certified"], 2, "--require-certified: it means nothing for a tools file"),
        ([SHARED, "-o", "nowhere/out.json"], 2, "Invalid value for --output-file: there is no folder nowhere"),
        ([SHARED, "--litmus"], 2, "name one TARGET, or say --litmus"),
    ],
)
def test_bad_input_is_refused_in_words(args: list[str], code: int, message: str) -> None:
    done = check(*args)
    assert done.exit_code == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_that_is_none_shows_where(tmp_path: Path) -> None:
    bad = tmp_path / "bad.fc"
    bad.write_text("f1 = read(path=)\n")
    done = check(str(bad))
    assert done.exit_code == 2
    assert "bad.fc:1:16" in done.stderr
