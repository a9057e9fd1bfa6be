"""Repositories with bugs: each fails its tests, is mended by its expert, and is touched by tools as they say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.core.footprint import indep
from asyncfc_sim.tools.function_tool import function_tool
from asyncfc_sim.workloads.repos.expert import messages
from asyncfc_sim.workloads.repos.judge import is_mended, is_test
from asyncfc_sim.workloads.repos.pytest_run import run_pytest
from asyncfc_sim.workloads.repos.repository import Repository, read_files, repositories, write_files
from asyncfc_sim.workloads.repos.tools import repo_tools
from asyncfc_sim.workloads.task_set import task_set
from tests.patience import within

ROOT = Path(__file__).resolve().parents[2]
ALL = list(repositories().values())
each_repository = pytest.mark.parametrize("repository", ALL, ids=lambda repository: repository.name)


def tools_in(folder: Path, repository: Repository) -> Mapping[str, Callable[..., Any]]:
    write_files(repository.files, folder)
    return {tool.__name__: tool for tool in repo_tools(folder)}


# ----------------------------------------------------------------------------------------------- the repositories


def test_there_are_enough_and_they_are_told_apart_by_their_prompts() -> None:
    assert 8 <= len(ALL) <= 12
    assert len({repository.prompt for repository in ALL}) == len(ALL)
    assert all(2 <= len(repository.files) <= 5 for repository in ALL)


@each_repository
def test_an_expert_edits_what_is_there_and_never_the_tests(repository: Repository, tmp_path: Path) -> None:
    tools = tools_in(tmp_path, repository)
    for step in repository.steps:
        if step.tool != "run_tests":
            tools[step.tool](**step.args)
    assert read_files(tmp_path) == dict(sorted(repository.mended.items())) != repository.files
    assert not any(map(is_test, repository.edited))


@each_repository
def test_in_both_worlds_the_expert_takes_the_same_steps_and_sees_what_it_must(repository: Repository) -> None:
    told = {futures: messages(repository, futures=futures) for futures in (False, True)}
    for futures, said in told.items():
        assert [step for message in said for step in message.steps] == list(repository.steps)
        assert said[-1].text == repository.answer
        seen, begun = set[str](), list[str]()
        for message in said:
            assert all(seen.issuperset(step.sees) for step in message.steps)
            begun += [step.name for step in message.steps]
            seen.update(begun[number - 1] for number in message.awaits) if futures else seen.update(begun)
        assert seen == set(begun)  # nothing is answered unseen
    assert len(told[True]) < len(told[False])


def test_some_bugs_show_only_when_others_are_mended() -> None:
    """There an expert edits, runs the tests, and edits again by what it sees."""
    runs = {sum(step.tool == "run_tests" for step in repository.steps) for repository in ALL}
    assert runs == {2, 3}


def test_each_fails_its_tests_and_passes_them_mended(tmp_path: Path) -> None:
    def outcome(repository: Repository) -> tuple[dict[str, Any], dict[str, Any]]:
        broken, mended = tmp_path / f"{repository.name}-broken", tmp_path / f"{repository.name}-mended"
        write_files(repository.files, broken)
        write_files(repository.mended, mended)
        return run_pytest(broken), run_pytest(mended)

    with ThreadPoolExecutor(2) as threads:
        for repository, (before, after) in zip(ALL, threads.map(outcome, ALL), strict=True):
            assert before["failed"] > 0, repository.name
            assert (after["failed"], after["passed"] > 0) == (0, True), repository.name


# ------------------------------------------------------------------------------------------------------ the tools


def test_an_edit_wants_its_text_exactly_once(tmp_path: Path) -> None:
    tools = tools_in(tmp_path, repositories()["slugs"])
    before = read_files(tmp_path)
    for old in ("not there", "words", ""):
        with pytest.raises(ValueError, match="expected the old text once"):
            tools["edit"](path="slugs.py", old=old, new="x")
    assert read_files(tmp_path) == before


@pytest.mark.parametrize("path", ["", "/etc/hosts", "../x.py", "a/../../x.py", "a\\b.py", "C:x.py"])
def test_no_path_leads_out_of_the_repository(path: str, tmp_path: Path) -> None:
    tools = tools_in(tmp_path, repositories()["slugs"])
    for call in (lambda: tools["read_file"](path), lambda: tools["edit"](path, "a", "b")):
        with pytest.raises(ValueError, match="expected a path inside the repository"):
            call()
    with pytest.raises(ValueError, match="expected a path inside the repository"):
        tools["grep"]("x", path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    tools = tools_in(tmp_path, repositories()["slugs"])
    with pytest.raises(FileNotFoundError, match=r"there is no file nope\.py"):
        tools["read_file"]("nope.py")
    with pytest.raises(NotADirectoryError, match="there is no folder nope"):
        tools["grep"]("x", "nope")


def test_a_search_looks_below_its_folder_only(tmp_path: Path) -> None:
    tools = tools_in(tmp_path, repositories()["store"])
    assert {line.split("/")[0] for line in tools["grep"]("stock")} == {"store", "tests"}
    assert {line.split("/")[0] for line in tools["grep"]("stock", "store")} == {"store"}
    assert tools["grep"]("^class ", "store") == ["store/stock.py:4: class Stock:"]


def test_what_may_overlap_follows_from_the_paths(tmp_path: Path) -> None:
    tools = {tool.__name__: function_tool(tool).core for tool in repo_tools(tmp_path)}

    def apart(*calls: tuple[str, dict[str, str]]) -> bool:
        one, other = (tools[name].footprint(args) for name, args in calls)
        return indep(one, other)

    edit = ("edit", {"path": "store/a.py", "old": "x", "new": "y"})
    assert apart(edit, ("edit", {"path": "store/b.py", "old": "x", "new": "y"}))
    assert apart(edit, ("read_file", {"path": "b.py"}))
    assert apart(edit, ("grep", {"pattern": "x", "folder": "tests"}))
    assert apart(("run_tests", {}), ("run_tests", {}))
    assert apart(("run_tests", {}), ("grep", {"pattern": "x"}))
    assert not apart(edit, ("edit", {"path": "./store//a.py", "old": "p", "new": "q"}))
    assert not apart(edit, ("read_file", {"path": "store/a.py"}))
    assert not apart(edit, ("grep", {"pattern": "x"}))
    assert not apart(edit, ("grep", {"pattern": "x", "folder": "store"}))
    assert not apart(edit, ("run_tests", {}))


# ------------------------------------------------------------------------------------------------- runs of pytest


def seen(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All files of a folder, when they were written and what is in them."""
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_a_run_of_the_tests_writes_nothing_and_says_the_same_again(tmp_path: Path) -> None:
    tools = tools_in(tmp_path, repositories()["slugs"])
    before = seen(tmp_path)
    first, second = tools["run_tests"](), tools["run_tests"]()
    assert seen(tmp_path) == before
    assert first == second
    plain = [sys.executable, "-m", "pytest", "-q", "--rootdir", "."]
    subprocess.run(plain, cwd=tmp_path, stdout=subprocess.DEVNULL, check=False)
    assert seen(tmp_path) != before  # as pytest does if nobody stops it


def test_what_comes_out_does_not_tell_where_the_files_lie(tmp_path: Path) -> None:
    """Else no two runs of an agent would see the same; tests that cannot be collected are told of with their paths."""
    outputs = []
    for name in ("here", "elsewhere"):
        write_files(repositories()["rename"].files, tmp_path / name)
        outputs.append(run_pytest(tmp_path / name)["output"])
    assert outputs[0] == outputs[1]
    assert "(settings.py)" in outputs[0]
    assert sys.base_prefix not in outputs[0]


def test_tests_without_an_end_and_no_tests_at_all_are_errors(tmp_path: Path) -> None:
    write_files({"test_x.py": "while True:\n    pass\n"}, tmp_path / "endless")
    with pytest.raises(RuntimeError, match="did not end within 1 s"):
        run_pytest(tmp_path / "endless", longest_s=1)
    write_files({"x.py": ""}, tmp_path / "empty")
    with pytest.raises(RuntimeError, match="there are no tests"):
        run_pytest(tmp_path / "empty")


@pytest.mark.slow
def test_tests_without_an_end_do_not_outlive_whoever_started_them_for_long(tmp_path: Path) -> None:
    note = f"import os\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    write_files({"test_x.py": f"{note}import time\ntime.sleep(600)\n"}, tmp_path / "x")
    module, folder = run_pytest.__module__, str(tmp_path / "x")
    soon = "run._LATER_S = 10 - run.LONGEST_S"
    code = f"from pathlib import Path\nimport {module} as run\n{soon}\nrun.run_pytest(Path({folder!r}))"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as starter:
        assert within(30, lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
        starter.kill()
    pid = int((tmp_path / "pid").read_text())
    assert within(30, lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    """Whether there is such a process; one that has ended, but that nobody has asked about, does not run."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()[:1] not in ("", "Z")


# ------------------------------------------------------------------------------------------------------ the judge


def test_the_judge_takes_any_fix_and_no_change_of_the_tests(tmp_path: Path) -> None:
    slugs = repositories()["slugs"]
    another = slugs.files["slugs.py"].replace(
        'findall(r"[a-z0-9]*", title.lower())', 'split("[^a-z0-9]+", title.lower())'
    )
    another = another.replace("join(words)", "join(filter(None, words))")
    cheat = {"test_slugs.py": "def test_nothing():\n    pass\n"}
    for name, files, right in (
        ("expert", slugs.mended, True),
        ("another", {**slugs.files, "slugs.py": another}, True),
        ("untouched", slugs.files, False),
        ("cheat", {**slugs.files, **cheat}, False),
    ):
        write_files(files, tmp_path / name)
        assert is_mended(slugs, tmp_path / name) is right, name


def test_it_is_a_set_of_assignments_each_run_with_files_of_its_own(tmp_path: Path) -> None:
    given = task_set("repos").assignments(100, 0)
    assert [task.id for task in given] == [repository.name for repository in ALL]
    assert [task.id for task in task_set("repos").assignments(3, 7)] == [task.id for task in given[:3]]
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    with given[0].stage(one) as stage, given[0].stage(other):
        edit = {tool.__name__: tool for tool in stage.tools}["edit"]
        step = next(step for step in ALL[0].steps if step.tool == "edit")
        edit(**step.args)
        assert read_files(one) != read_files(other) == dict(sorted(ALL[0].files.items()))
