from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from streams.errors import OperatorError
from streams.ingest.checkpoint import Checkpoint

if TYPE_CHECKING:
    from pathlib import Path


class Place(msgspec.Struct, frozen=True):
    """A position such as any source may have."""

    offset: int = 0


def test_what_was_saved_last_is_restored(tmp_path: Path) -> None:
    first = Checkpoint(tmp_path / "new", "posts")
    assert first.restore(Place) is None
    first.save(Place(1))
    first.save(Place(2))
    first.close()
    assert Checkpoint(tmp_path / "new", "posts").restore(Place) == Place(2)
    assert Checkpoint(tmp_path / "new", "other").restore(Place) is None


def test_a_half_written_position_is_never_seen(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, "posts")
    checkpoint.save(Place(1))
    (tmp_path / "posts.new").write_bytes(b'{"off')
    assert checkpoint.restore(Place) == Place(1)
    checkpoint.save(Place(2))
    assert checkpoint.restore(Place) == Place(2)


def test_a_damaged_position_is_told_and_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "posts.json").write_bytes(b'{"offset":"x"}')
    with pytest.raises(OperatorError, match="remove it"):
        Checkpoint(tmp_path, "posts").restore(Place)


def test_a_source_has_one_process_at_a_time(tmp_path: Path) -> None:
    first = Checkpoint(tmp_path, "posts")
    with pytest.raises(OperatorError, match="another process"):
        Checkpoint(tmp_path, "posts")
    first.close()
    Checkpoint(tmp_path, "posts").close()
