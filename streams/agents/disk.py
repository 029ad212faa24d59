"""Entries of one changelog partition on disk, so that a restart reads only what was written since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rocksdict import Rdict

OFFSET_KEY: Final = b"\0offset"
OFFSET_BYTES: Final = 8


class DiskStore:
    """A RocksDB of entries with the changelog offset up to which they have been taken in; both change together."""

    def __init__(self, folder: Path) -> None:
        import rocksdict  # noqa: PLC0415 - an extra, needed only where the setting asks for it

        folder.parent.mkdir(parents=True, exist_ok=True)
        self._module: Any = rocksdict
        self._base: Rdict = rocksdict.Rdict(str(folder), rocksdict.Options(raw_mode=True))
        stored = self._base.get(OFFSET_KEY)
        self.offset: int | None = None if stored is None else int.from_bytes(stored, "big")

    def load(self) -> dict[bytes, bytes]:
        """Give all entries."""
        return {bytes(key): bytes(value) for key, value in self._base.items() if key != OFFSET_KEY}

    def write(self, entries: Mapping[bytes, bytes | None], offset: int) -> None:
        """Write entries (None deletes) and the changelog offset at once; an older offset is left alone."""
        batch = self._module.WriteBatch(raw_mode=True)
        for key, value in entries.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self.offset = offset if self.offset is None else max(self.offset, offset)
        batch.put(OFFSET_KEY, self.offset.to_bytes(OFFSET_BYTES, "big"))
        self._base.write(batch)

    def close(self) -> None:
        """Close it; another process may open it then."""
        self._base.close()
