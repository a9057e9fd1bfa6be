"""The office and its tasks: what there is, that it follows from a seed, and that it lasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncfc_sim.tools.tool_file import load_tools
from asyncfc_sim.workloads.office.judge import expected
from asyncfc_sim.workloads.office.names import a_city, a_name, a_room, a_time
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tasks import OfficeTask, random_task

TOOLS = Path(__file__).resolve().parents[2] / "models" / "tiny-futures" / "office.py"
BOOKED = ("B12", "Friday", "10:00", "u1")


def some_tasks(n: int, seed: int = 3) -> list[OfficeTask]:
    rng = np.random.default_rng(seed)
    return [random_task(rng) for _ in range(n)]


def test_tasks_have_all_there_is() -> None:
    tasks = some_tasks(300)
    calls = Counter(tool for task in tasks for tool, _ in expected(task)[1])
    answers = [answer for task in tasks for answer in expected(task)[0].answers]
    assert calls.keys() == {"find_user", "get_weather", "get_schedule", "book_room", "send_message", "convert"}
    assert {len(task.turns) for task in tasks} == {1, 2, 3}
    assert any("I found no" in answer for answer in answers)
    assert any("is taken" in answer for answer in answers)
    assert len({prompt for task in tasks for prompt in task.prompts}) > 450


def test_a_task_follows_from_its_seed() -> None:
    assert [task.prompts for task in some_tasks(5)] == [task.prompts for task in some_tasks(5)]
    assert [task.prompts for task in some_tasks(5)] != [task.prompts for task in some_tasks(5, seed=4)]


def test_an_office_answers_the_same_wherever_it_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    with Office() as here, Office(tmp_path / "office.db") as there:
        assert not (tmp_path / "office.db").exists()  # nothing was done in it yet
        for _ in range(50):
            city, room, time = a_city(rng), a_room(rng), a_time(rng)
            assert here.get_weather(city, "Monday") == there.get_weather(city, "Monday")
            booked = [_error(office.book_room, room, "Monday", time, a_name(rng)) for office in (here, there)]
            assert booked[0] == booked[1]
        assert len(here.bookings()) == len(there.bookings()) > 30


def test_what_was_done_lasts(tmp_path: Path) -> None:
    with Office(tmp_path / "office.db") as office:
        office.send_message("u1", "sun in Oslo")
        office.send_message("u1", "rain in Rome")
    with Office(tmp_path / "office.db") as again:
        assert again.messages() == {"u1": ["sun in Oslo", "rain in Rome"]}


def test_the_tools_for_the_shell_work_in_memory_unless_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what was done in one run does not stand in the way of the next."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASYNCFC_OFFICE_DB", raising=False)
    for _ in range(2):
        _book()
    assert list(tmp_path.iterdir()) == []
    kept = tmp_path / "office.db"
    monkeypatch.setenv("ASYNCFC_OFFICE_DB", str(kept))
    _book()
    with Office(kept) as office:
        assert office.bookings() == [BOOKED]
    with pytest.raises(ValueError, match="room B12 is taken"):
        _book()


def _book() -> None:
    """As a run does that loads the tools anew."""
    assert load_tools(TOOLS).module.book_room(*BOOKED)["id"]


def _error(act: Callable[..., Any], *args: str) -> Any:
    try:
        return act(*args)
    except ValueError as error:
        return str(error)
