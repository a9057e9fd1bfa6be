"""The Hypothesis plug-in, as somebody else meets it: in a fresh interpreter, with nothing imported for its sake."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(code: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **environ}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_entry_point_is_the_one_that_hypothesis_runs() -> None:
    (entry,) = importlib.metadata.entry_points(group="hypothesis", name="asyncfc")
    assert entry.value == "asyncfc_sim._hypothesis:register"


OURS = "import sys; print(sorted(m for m in sys.modules if m.split('.')[0] in ('asyncfc_sim', 'numpy', 'pydantic')))"


def test_importing_hypothesis_loads_next_to_nothing_of_ours() -> None:
    assert run(f"import hypothesis.strategies; {OURS}") == "['asyncfc_sim', 'asyncfc_sim._hypothesis']"


KNOWN = """
import warnings
{first}
from hypothesis import strategies as st
from asyncfc_sim.core.syntax import Program
from asyncfc_sim.verify.choices import Schedule
from asyncfc_sim.workloads.key_world import KeyWorld
from asyncfc_sim.workloads.workload import World

def known(type, made=None):
    try:
        return all(isinstance(st.from_type(type).example(), made or type) for _ in range(3))
    except Exception:
        return False

warnings.simplefilter("ignore")  # that examples are for looking at
legal = all(min(st.from_type(Schedule).example().choices, default=0) >= 0 for _ in range(10))
print(known(Program), known(KeyWorld), known(World, KeyWorld), legal)
"""


@pytest.mark.parametrize("first", ["pass", "import asyncfc_sim.verify.choices", "import asyncfc_sim.verify.strategies"])
def test_our_types_are_known_whether_they_or_hypothesis_were_imported_first(first: str) -> None:
    assert run(KNOWN.format(first=first)) == "True True True True"


def test_where_plug_ins_are_not_wanted_there_is_none() -> None:
    assert run(f"import hypothesis.strategies; {OURS}", HYPOTHESIS_NO_PLUGINS="1") == "[]"
    assert run(KNOWN.format(first="pass"), HYPOTHESIS_NO_PLUGINS="1") == "False False False False"


USERS = """
from hypothesis import given, strategies as st

from asyncfc_sim import Program
from asyncfc_sim.verify.choices import Schedule
from asyncfc_sim.verify.setting import Setting
from asyncfc_sim.workloads.toolbox_tools import TOOLS
from asyncfc_sim.workloads.workload import World


@given(st.from_type(Program), st.from_type(Schedule), st.from_type(World))
def test_async_refines_sync(program, schedule, world):
    setting = Setting(program, TOOLS, world.copy, granularity="steps")
    assert schedule.run(setting) == setting.in_order()
"""


def test_three_lines_are_a_test(tmp_path: Path) -> None:
    (tmp_path / "test_equiv.py").write_text(USERS)
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
