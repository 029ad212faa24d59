"""`jun alerts`: the rules of Prometheus and the routes of Alertmanager."""

from __future__ import annotations

import datetime as dt
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops import alert_files
from ops.alertmanager.routes import WEBHOOK
from ops.commands.page import give_all, refuse_drift
from ops.config import load
from ops.prometheus.rules import RUNBOOKS
from streams.errors import OperatorError


def write(
    folder: Path | None = None,
    *,
    config: Path | None = None,
    receivers: Path | None = None,
    webhook: str = WEBHOOK,
    runbooks: str = RUNBOOKS,
) -> None:
    """Write the files for Prometheus and Alertmanager, with a route for each team and the calendars of the regions.

    Parameters
    ----------
    folder
        Where to; without one, the files that are shipped are made anew.
    config
        File of the configuration; ./jun.toml where none is named.
    receivers
        File with the list `receivers:`, as Alertmanager reads it; without one, all are webhooks.
    webhook
        Address of the webhooks.
    runbooks
        Address or folder of the pages that alerts refer to.
    """
    if folder is None:
        files = alert_files.shipped()
    else:
        year = dt.datetime.now(dt.UTC).year
        made = alert_files.installation(
            load(config).directory,
            (year, year + 1),
            runbooks=runbooks,
            webhook=webhook,
            receivers=_text(receivers) if receivers else "",
        )
        files = {folder / name: text for name, text in made.items()}
    give_all(files)


def check() -> None:
    """Tell whether the files that are shipped are what the program makes."""
    refuse_drift(alert_files.shipped(), "rules and routes", "jun alerts write")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(
            f"the receivers in {file}", f"it can't be read ({error})", "name a file in UTF-8", retry=False
        ) from error
