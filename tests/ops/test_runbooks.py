"""Runbooks and the operators' page name only what is there: commands, boards, metrics, settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.cli import COMMANDS, GROUPS
from ops.exporter.families import FAMILIES
from ops.prometheus.recording import recordings
from tests.support.boards import boards

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "ops/runbooks").glob("*.md")), ROOT / "docs/operate.md"]
TEXT = {page.stem: page.read_text(encoding="utf-8") for page in PAGES}
each = pytest.mark.parametrize("name", TEXT)


@each
def test_commands_that_are_named_exist(name: str) -> None:
    for first, second in re.findall(r"`jun ([a-z]+)(?: ([a-z]+))?[ `]", TEXT[name]):
        assert first in {*COMMANDS, *GROUPS}, first
        assert first in COMMANDS or second in GROUPS[first][1], f"{first} {second}"


@each
def test_metrics_that_are_named_exist(name: str) -> None:
    known = {family.name for family in FAMILIES} | {rule.record for rule in recordings()}
    named = set(re.findall(r"\bjun[_:][a-z0-9_:]+", TEXT[name]))
    assert named <= known


@each
def test_boards_and_rows_that_are_named_exist(name: str) -> None:
    titles = {board["title"].removeprefix("Jun: ").capitalize(): board for board in boards().values()}
    for title, row in re.findall(r"board \*([A-Z][a-z ]+)\*(?:, row \*([^*]+)\*)?", TEXT[name]):
        assert title in titles
        rows = {panel["title"] for panel in titles[title]["panels"] if panel["type"] == "row"}
        assert not row or row in rows


@each
def test_links_to_other_pages_lead_somewhere(name: str) -> None:
    page = next(page for page in PAGES if page.stem == name)
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT[name]):
        assert (page.parent / target).exists(), target
