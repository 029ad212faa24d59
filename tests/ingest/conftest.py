"""Fixtures of the tests of ingest agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stamina

from tests.support.ingest import NOW, Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True, scope="session")
def _no_waiting() -> Iterator[None]:
    """Let retries follow at once."""
    with stamina.set_testing(True, attempts=4):
        yield


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., Bench]:
    """Make benches in a folder of the test's own."""

    def make(clock: Callable[[], int] = lambda: NOW, **entry: Any) -> Bench:
        return Bench(tmp_path, {"name": "posts", **entry}, clock)

    return make
