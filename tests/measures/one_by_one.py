"""Makes the engagement fold decode each record, as it does where nothing is compiled."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

from streams import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def one_by_one() -> Iterator[None]:
    """Read no run by columns."""
    with patch.object(compiled, "COMPILED", new=False):
        yield
