"""The public names: all there, documented, and loaded only when used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import asyncfc_sim


@pytest.mark.parametrize("name", asyncfc_sim.__all__)
def test_every_public_name_resolves_is_documented_and_is_listed(name: str) -> None:
    found = getattr(asyncfc_sim, name)
    assert found.__doc__
    assert asyncfc_sim.__doc__ is not None
    assert name in asyncfc_sim.__doc__
    assert name in dir(asyncfc_sim)


def test_one_table_names_them_all() -> None:
    assert sorted(asyncfc_sim._HOME) == sorted(asyncfc_sim.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = asyncfc_sim.no_such_name


def test_importing_the_package_loads_nothing_of_it() -> None:
    code = "import asyncfc_sim, sys; print([m for m in sys.modules if m.startswith('asyncfc_sim.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
