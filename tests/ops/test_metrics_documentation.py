from __future__ import annotations

import re
from pathlib import Path

from ops.commands.metrics import docs
from ops.exporter.documentation import LABELS, document
from ops.exporter.families import FAMILIES

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_what_the_program_makes() -> None:
    """Where this fails, run `jun metrics docs --file docs/metrics.md`."""
    assert PAGE.read_text(encoding="utf-8") == document()


def test_every_metric_and_label_is_told() -> None:
    text = document()
    assert all(f"| `{family.name}` |" in text for family in FAMILIES)
    assert set(LABELS) == {label for family in FAMILIES for label in family.labels}


def test_names_keep_the_customs_of_the_field() -> None:
    for family in FAMILIES:
        assert re.fullmatch(r"jun_[a-z_]+", family.name)
        assert family.labels == tuple(sorted(family.labels))
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert family.name.endswith("_info") == (family.kind == "info")
        assert not family.name.endswith("_ratio"), "ratios are made by rules"
        assert "timestamp" not in family.name or family.name.endswith("_timestamp_seconds")
        assert family.about.endswith(".")
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_links_to_runbooks_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", document())
    assert targets
    assert all((PAGE.parent / target).is_file() for target in targets)


def test_the_page_can_be_written_anywhere(tmp_path: Path) -> None:
    docs(file=tmp_path / "metrics.md")
    assert (tmp_path / "metrics.md").read_text(encoding="utf-8") == document()
