"""Hypothesis profiles: `dev` looks for something new on each run; `ci` is the same on each run and on each machine.

And what takes long to start, and is shared by all tests of a run.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.mcp_servers import Notes

settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session")
def notes_over_http(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Notes]":
    """An MCP server at a URL. Forget what it saw before, and write only notes that no other test reads."""
    from tests.mcp_servers import over_http

    with over_http(tmp_path_factory.mktemp("notes")) as notes:
        yield notes
