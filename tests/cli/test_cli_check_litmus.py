"""`asyncfc check --litmus` and `asyncfc check FILE.lit`: the table, and what is said where something surprises."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app
from asyncfc_sim.workloads.litmus_file import litmus_files


def check(*args):
    return CliRunner().invoke(app, ["check", *map(str, args)])


def shipped(name: str) -> Path:
    return next(path for path in litmus_files() if path.stem == name)


@pytest.fixture
def planted(tmp_path: Path):
    """A copy of a test that ships, in which something is replaced."""

    def plant(name: str, *replacements: tuple[str, str]) -> Path:
        text = shipped(name).read_text(encoding="utf-8")
        for old, new in replacements:
            assert re.search(old, text)
            text = re.sub(old, new, text)
        path = tmp_path / f"{name}.lit"
        path.write_text(text, encoding="utf-8")
        return path

    return plant


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """All tests, once: what is printed, and the JSON document."""
    path = tmp_path_factory.mktemp("litmus") / "all.json"
    return check("--litmus", "-o", path), json.loads(path.read_text(encoding="utf-8"))


def test_the_table_has_a_row_for_each_test_and_no_surprise(everything):
    done, _ = everything
    assert done.exit_code == 0
    assert re.search(r"^test +naive +locks +effect +barrier +strict +naive/fs +effect/fs *$", done.stdout, re.MULTILINE)
    names = [path.stem.upper().replace("_", "-") for path in litmus_files()]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows if row and row[0] in names] == names
    (ww,) = [row for row in rows if row[:1] == ["WW"]]
    assert len(ww) == 1 + 2 * 7
    assert [cell[0] for cell in ww[1:]] == [*"##", *"========", *"##", *"=="]
    assert "no surprises" in " ".join(done.stdout.split())
    assert re.fullmatch(r"explored in \d+\.\d s\n", done.stderr)
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_the_document_says_the_same(everything):
    done, found = everything
    assert found["schema"] == "asyncfc.check-litmus/1"
    assert [each["name"].lower().replace("-", "_") for each in found["tests"]] == [p.stem for p in litmus_files()]
    results = [result for each in found["tests"] for result in each["results"]]
    assert found["summary"] == {
        "tests": len(found["tests"]),
        "explorations": len(results),
        "states": sum(result["states"] for result in results),
        "surprises": 0,
    }
    assert all(result["equal"] == result["expected_equal"] for result in results)
    assert all((result["replay"] is None) == result["equal"] for result in results)
    summary = f"{len(found['tests'])} tests: {len(results)} explorations with {found['summary']['states']} states"
    assert summary in " ".join(done.stdout.split())


def test_one_test():
    done = check(shipped("alias_raw"), "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("ALIAS-RAW: a file whose name comes from a call")
    assert re.search(r"^naive +atomic +# +# +11 +2$", done.stdout, re.MULTILINE)
    assert re.search(r"^effect +steps +=  +=  +11 +1$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("\nno surprises\n")


def test_the_same_test_as_json():
    done = check(shipped("alias_raw"), "--json")
    assert done.exit_code == 0
    (test,) = json.loads(done.stdout)["tests"]
    assert test["name"] == "ALIAS-RAW"
    assert test["surprises"] == []
    assert test["results"][0] == {
        "scheduler": "naive",
        "granularity": "atomic",
        "expected_equal": False,
        "equal": False,
        "expected_states": test["results"][0]["states"],
        "states": 11,
        "outcomes": 2,
        "replay": test["results"][0]["replay"],
    }


def test_a_surprise_comes_with_the_line_that_replays_it(planted):
    path = planted("raw", (r'naive +atomic +# \d+ by ".*"', "naive atomic = 8"))
    line = path.read_text(encoding="utf-8").split("naive atomic")[0].count("\n") + 1
    done = check(path)
    assert done.exit_code == 1
    assert "1 surprise\n" in done.stdout
    assert (
        f'{path}:{line}: naive atomic: expected every schedule to be equal to running in order, but in one `f2 is "A"`'
        in done.stdout
    )
    (command,) = [line for line in done.stdout.splitlines() if line.startswith("  asyncfc check ")]
    _, _, *words = shlex.split(command)
    again = check(*words)
    assert again.exit_code == 1
    assert again.stdout.startswith("another end than in order\n")
    assert '=>    f2 is "A"' in again.stdout
    assert '=>    f2 is "1"' in again.stdout
    assert again.stdout.split("\n", 1)[1] in done.stdout  # the picture is there already

    document = json.loads(check(path, "--json").stdout)
    assert document["summary"]["surprises"] == 1
    assert document["tests"][0]["surprises"][0]["replay"] == words[words.index("--replay") + 1]
    replayed = json.loads(check(*words, "--json").stdout)
    assert replayed["equal"] is False
    assert replayed["happened"][replayed["first_difference"][0]].strip() == 'f2 is "A"'


def test_surprises_of_every_kind(planted):
    path = planted(
        "alias_miss",
        ("effect +steps += ", "effect steps # "),
        ("strict +steps += 23", "strict steps = 1"),
        ("sometimes f2", "never f2"),
    )
    done = check(path)
    assert done.exit_code == 1
    assert "3 surprises" in done.stdout
    assert (
        "effect steps: expected some schedule to differ from running in order, but all are equal to it" in done.stdout
    )
    assert "strict steps: expected 1 states, found 23" in done.stdout
    assert "never f2 || f3: in one schedule both are under way at once" in done.stdout


def test_a_surprise_shows_in_the_table(planted, tmp_path, monkeypatch):
    (tmp_path / "litmus").mkdir()
    path = planted("raw", (r'naive +atomic +# \d+ by ".*"', "naive atomic = 8"))
    path.rename(tmp_path / "litmus" / path.name)
    monkeypatch.setenv("ASYNCFC_DATA_DIR", str(tmp_path))
    done = check("--litmus")
    assert done.exit_code == 1
    assert re.search(r"^RAW +#8! +#12 +=9", done.stdout, re.MULTILINE)
    assert "\nRAW\n" in done.stdout
    assert "expected every schedule to be equal to running in order" in done.stdout


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--scheduler", "naive"], 1),
        (["--scheduler", "naive/failstop", "--granularity", "steps"], 1),
        (["--scheduler", "locks", "--granularity", "atomic"], 1),
    ],
)
def test_a_schedule_in_which_a_read_overtakes_a_write(options, code):
    done = check(shipped("hidden"), "--replay", "d d d f3", *options)
    assert done.exit_code == code
    assert '=>    f3 is "B"' in done.stdout


@pytest.mark.parametrize("options", [[], ["--failure", "barrier"], ["--failure", "strict"], ["--scheduler", "strict"]])
def test_a_schedule_of_the_real_scheduler_ends_as_in_order(options):
    done = check(shipped("hidden"), "--replay", "d d d", *options)
    assert done.exit_code == 0
    assert done.stdout.startswith("as in order\n")
    assert "=>" not in done.stdout


def test_a_schedule_with_a_move_of_the_environment():
    done = check(shipped("timeout_half"), "--replay", "d d f1 f1 timeout:f1 end:f1")
    assert done.exit_code == 0, done.stdout
    assert "f1 is error: timeout" in done.stdout


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["no_such.lit"], 3, "no_such.lit: No such file"),
        (["--litmus", "--replay", "d"], 2, "--replay runs one test under one schedule"),
        (["WW", "--replay", "d f2"], 2, "schedule, move 2: f2 is not possible; possible here: d, f1"),
        (["WW", "--replay", "d x"], 2, "schedule, move 2: 'x' is none"),
        (["WW", "--replay", "d", "--scheduler", "lock"], 2, "--scheduler 'lock': expected one of naive, locks, effect"),
        (["WW", "--replay", "d", "--failure", "soft"], 2, "--failure 'soft': expected one of poison, barrier, strict"),
        (["WW", "--replay", "d", "--failure", "strict", "--scheduler", "naive"], 2, "expected one of effect"),
        (["WW", "--replay", "d", "--granularity", "fine"], 2, "--granularity 'fine': expected one of atomic, steps"),
        (["WW", "--max-states", "5"], 2, "more than 5 states; --max-states allows more"),
    ],
)
def test_bad_requests(args, code, message):
    done = check(*(shipped("ww") if arg == "WW" else arg for arg in args))
    assert done.exit_code == code
    assert message in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_no_test(planted):
    path = planted("ww", ("writes", "wrote"))
    done = check(path)
    assert done.exit_code == 2
    assert re.match(rf"{re.escape(str(path))}:\d+:\d+: unexpected `wrote`, expected ", done.stderr)
    assert done.stderr.rstrip().endswith("^")


def test_tools_and_arguments_are_those_of_the_toolbox(planted):
    done = check(planted("ww", ("text=", "body=")))
    assert done.exit_code == 2
    assert "write takes no argument body, expected path or text" in done.stderr


def test_a_folder_without_tests_is_missing_something(tmp_path, monkeypatch):
    (tmp_path / "litmus").mkdir()
    monkeypatch.setenv("ASYNCFC_DATA_DIR", str(tmp_path))
    done = check("--litmus")
    assert done.exit_code == 3
    assert "there are no litmus tests in it" in done.stderr
