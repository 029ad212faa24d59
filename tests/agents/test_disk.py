"""Entries on disk: what was written is there after a restart, together with how far it had been written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.agents.disk import DiskStore

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_written_is_there_after_a_restart_and_what_was_deleted_is_not(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "tables" / "state-0")
    assert store.offset is None
    assert store.load() == {}
    store.write({b"a": b"1", b"b": b"2"}, 7)
    store.write({b"a": None, b"c": b"\0\xff"}, 9)
    store.close()
    again = DiskStore(tmp_path / "tables" / "state-0")
    assert again.offset == 9
    assert again.load() == {b"b": b"2", b"c": b"\0\xff"}
    again.close()


def test_an_offset_never_goes_back(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "state")
    store.write({b"a": b"1"}, 9)
    store.write({b"a": b"2"}, 4)
    assert store.offset == 9
    store.close()
    again = DiskStore(tmp_path / "state")
    assert (again.offset, again.load()) == (9, {b"a": b"2"})
    again.close()
