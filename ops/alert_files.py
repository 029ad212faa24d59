"""The files for Prometheus and Alertmanager: those that are shipped, and those of an installation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ops.alertmanager import routes
from ops.prometheus import rules
from ops.prometheus.thresholds import Thresholds
from schemas.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Sequence


def shipped() -> dict[Path, str]:
    """Give the text of each file in this package that is made: with default thresholds, for whatever directory."""
    made = {rules.FOLDER / name: text for name, text in rules.documents(Thresholds()).items()}
    return {**made, routes.FOLDER / routes.FILE_NAME: routes.document(Directory())}


def installation(
    directory: Directory,
    years: Sequence[int],
    *,
    runbooks: str = rules.RUNBOOKS,
    webhook: str = routes.WEBHOOK,
    receivers: str = "",
) -> dict[Path, str]:
    """Give the text of each file of an installation, by its path in a folder for all of them.

    The parameters are those of ops.prometheus.rules.documents and ops.alertmanager.routes.document.
    """
    alertmanager = Path("alertmanager")
    template = routes.FOLDER / "templates" / "jun.tmpl"
    return {
        **{Path("prometheus/rules") / name: text for name, text in rules.documents(Thresholds(), runbooks).items()},
        Path("prometheus/prometheus.yml"): (rules.FOLDER.parent / "prometheus.yml").read_text(encoding="utf-8"),
        alertmanager / routes.FILE_NAME: routes.document(directory, years, webhook=webhook, receivers=receivers),
        alertmanager / "templates" / template.name: template.read_text(encoding="utf-8"),
    }


def drift(files: dict[Path, str]) -> list[Path]:
    """Give the files that are missing or don't have the text that they should."""
    return [file for file, text in files.items() if not file.is_file() or file.read_text(encoding="utf-8") != text]


def write(files: dict[Path, str]) -> list[Path]:
    """Write the files and give those that changed."""
    changed = drift(files)
    for file in changed:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(files[file], encoding="utf-8")
    return changed
