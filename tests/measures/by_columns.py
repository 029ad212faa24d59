"""Makes the engagement fold read every run by columns, which it does only where it is worth it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

from streams.measures.engagement import fold, open_minutes

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def columns_always() -> Iterator[None]:
    """Let no run be too small, too unusual or too scattered for columns."""
    with (
        patch.object(fold, "MANY", 1),
        patch.object(fold, "FEW_ALONE", 0),
        patch.object(open_minutes, "FEW", 0),
    ):
        yield
