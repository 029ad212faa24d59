from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import streams.ingest
from schemas.config import Config, TimeSettings
from schemas.directory import Directory
from streams.ingest.clock import ClockSettings
from streams.ingest.source import Surroundings, Timing, build, kinds, settings_of
from tests.support.ingest import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW_KIND = '''
from streams.ingest.clock import ClockSource
from streams.ingest.source import SourceKind, SourceSettings


class SundialSettings(SourceSettings, frozen=True, kw_only=True, tag="sundial"):
    """Settings of a kind that is one module."""

    latitude: float = 0


KIND = SourceKind(SundialSettings, lambda settings, surroundings: [ClockSource(settings, surroundings)])
'''


@pytest.fixture
def _one_more_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "sundial.py").write_text(NEW_KIND)
    monkeypatch.setattr(streams.ingest, "__path__", [*streams.ingest.__path__, str(tmp_path)])
    kinds.cache_clear()
    yield
    kinds.cache_clear()


def test_the_kinds_that_are_found_are_those_that_have_a_page() -> None:
    pages = {page.stem for page in (Path(__file__).parents[2] / "docs" / "sources").glob("*.md")}
    assert {"clock", "file", "http", "simulated"} < set(kinds())
    assert set(kinds()) == pages - {"README"}


@pytest.mark.usefixtures("_one_more_module")
def test_a_new_kind_is_one_module(tmp_path: Path) -> None:
    settings = settings_of({"kind": "sundial", "name": "garden", "latitude": 37.7})
    (source,) = build(settings, Surroundings(Config(), Directory(), tmp_path, lambda: NOW))
    assert source.name == "garden"


@pytest.mark.parametrize("entry", [{"name": "a"}, {"kind": "telepathy", "name": "a"}, {"kind": 7, "name": "a"}])
def test_an_unknown_kind_is_refused_with_those_that_there_are(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=", ".join(kinds())):
        settings_of(entry)


@pytest.mark.parametrize("more", [{}, {"name": "Not A Name"}, {"name": "a", "nmae": "b"}, {"name": "a", "regions": 1},
                                  {"name": "a", "lateness_seconds": -0.1}, {"name": "a", "lateness_seconds": 86_401},
                                  {"name": "a", "lateness_seconds": float("nan")}])  # fmt: skip
def test_settings_are_checked(more: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings_of({"kind": "clock", **more})


def test_every_setting_is_described() -> None:
    for kind in kinds().values():
        for setting in msgspec.inspect.type_info(kind.settings).fields:
            extra = setting.type.extra_json_schema if isinstance(setting.type, msgspec.inspect.Metadata) else None
            assert (extra or {}).get("description"), f"{kind.name}: {setting.name}"


def test_a_source_may_have_a_lateness_of_its_own() -> None:
    time = TimeSettings(heartbeat_seconds=2, timeout_seconds=9, lateness_seconds=60)
    assert Timing.of(time, ClockSettings(name="a")) == Timing(2, 9_000, 60_000)
    assert Timing.of(time, ClockSettings(name="a", lateness_seconds=0)) == Timing(2, 9_000, 0)
