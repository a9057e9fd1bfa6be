"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest

from asyncfc_sim.traces.files import atomic_write


def test_what_cannot_be_written_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    wanted = tmp_path / "no-such-folder" / "run.jsonl"
    with pytest.raises(FileNotFoundError) as refused, atomic_write(wanted):
        pass
    assert refused.value.filename == str(wanted)


def test_a_file_stays_as_it_was_if_its_writing_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError, match="half"), atomic_write(path) as out:
        _break_off(out)
    assert path.read_bytes() == b"before"
    with atomic_write(path) as out:
        out.write(b"after")
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def _break_off(out: BinaryIO) -> None:
    out.write(b"half")
    out.flush()
    raise RuntimeError("half of it")
