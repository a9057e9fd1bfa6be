"""Each call has its own hour and its own chance, whichever order calls run in."""

from __future__ import annotations

import datetime
import os
import random
import time
from pathlib import Path

from asyncfc_sim.verify.effects.check import check_tools
from asyncfc_sim.verify.effects.function_subject import function_subject
from asyncfc_sim.verify.effects.trial import Call
from tests.verify.effects.sources import tools_from

SOURCE = """
    import asyncio, datetime, random, secrets, time, uuid
    from datetime import date
    from random import choice
    from time import sleep, time as seconds

    @tool(reads=[])
    def everything() -> list:
        sleep(60)
        time.sleep(60)
        return [
            seconds(), time.time(), str(datetime.datetime.now()), str(date.today()), random.random(), choice("abc"),
            str(uuid.uuid4()), secrets.token_hex(4), isinstance(datetime.datetime(2024, 1, 1), datetime.datetime),
        ]
    @tool(reads=[])
    async def later() -> str:
        await asyncio.sleep(60)
        return str(uuid.uuid4())
"""


def test_what_a_call_is_told_depends_on_its_number_alone(tmp_path: Path):
    with function_subject(tools_from(tmp_path, SOURCE)) as subject:
        for tool in subject.tools:
            first, second = subject.call(1, Call(tool, {})), subject.call(2, Call(tool, {}))
            assert first != second
            assert subject.call(1, Call(tool, {})) == first


def test_tools_that_ask_for_time_and_chance_can_be_checked(tmp_path: Path):
    assert check_tools(tools_from(tmp_path, SOURCE), examples=5).clean


def test_outside_of_checks_time_and_chance_are_what_they_were(tmp_path: Path):
    tools = tools_from(tmp_path, SOURCE)
    before = dict(vars(tools.module))
    with function_subject(tools):
        assert vars(tools.module)["time"] is not time
    assert {name: value for name, value in vars(tools.module).items() if before[name] is not value} == {}
    assert vars(tools.module)["datetime"] is datetime
    assert os.urandom(8) != os.urandom(8)
    assert random.random() != random.random()
