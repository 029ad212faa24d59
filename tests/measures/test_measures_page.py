from __future__ import annotations

from pathlib import Path

import pytest

from ops.exporter.families import OF_A_REGION, OF_THE_LINE
from ops.prometheus.recording import recordings

PAGE = (Path(__file__).parents[2] / "docs" / "measures.md").read_text(encoding="utf-8")
NAMES = {family.name for family in (*OF_A_REGION, *OF_THE_LINE)} | {rule.record for rule in recordings()}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_number_on_a_board_has_its_formula_on_the_page(name: str) -> None:
    """Where this fails, give the measure a row in docs/measures.md: formula, unit and source."""
    assert f"`{name}`" in PAGE
