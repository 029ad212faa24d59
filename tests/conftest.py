"""What every test may ask for: a real broker, topics of its own, the shared test data."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from ops.broker import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOLD: Final = "told"
SHARED_DATA: Final = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long tests first, so that no process is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("end_to_end") is None)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says what a test has measured, at the end of the whole run."""
    properties: list[tuple[str, object]] = request.node.user_properties
    return lambda text: properties.append((TOLD, text))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write what the tests told."""
    lines = [
        f"{report.location[0]}: {text}"
        for report in terminalreporter.getreports("passed")
        if report.when == "call"
        for name, text in report.user_properties
        if name == TOLD
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """One embedded broker for the whole run, started when the first test wants it; don't stop it."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), start_timeout=180) as running:
        yield running


@pytest.fixture(scope="session")
def kafka(broker: EmbeddedBroker) -> str:
    """Bootstrap servers of a real broker that all tests share: give your topics the prefix `topic_prefix`."""
    return broker.bootstrap


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for this test's topics, consumer groups and the like, that no other test has."""
    return f"test-{uuid.uuid4().hex[:10]}-"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the shared test data; a test is skipped where it is absent, but on CI it fails."""
    folder = Path(os.environ.get("JUN_SHARED_DATA") or SHARED_DATA)
    if not folder.is_dir():
        missing = f"wanted the shared test data in {folder}: name its folder in JUN_SHARED_DATA"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return folder
