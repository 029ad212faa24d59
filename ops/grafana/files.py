"""The files for Grafana: the boards as JSON, and the provisioning of the data source and the boards."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ops.yaml_text import block

FOLDER: Final = Path(__file__).parent
BOARDS: Final = FOLDER / "dashboards"
PROMETHEUS: Final = "http://prometheus:9090"
"""Where the data source is, by the name that docker-compose.yml gives it."""
IN_GRAFANA: Final = "/etc/grafana/dashboards"
"""Where Grafana finds the boards, as docker-compose.yml mounts them."""
HEAD: Final = "# Made from ops/grafana by `jun boards write`: change it there.\n"


def boards() -> dict[str, str]:
    """Make the JSON of each board by the name of its file; needs the extra `boards`."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder  # noqa: PLC0415 (an optional package)

    from ops.grafana.boards.all import BOARDS as MADE  # noqa: PLC0415 (as above)

    encoder = JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False)
    made = [make() for make in MADE]
    return {f"{board.uid}.json": encoder.encode(board) + "\n" for board in made}


def provisioning(prometheus: str = PROMETHEUS, folder: str = IN_GRAFANA) -> dict[str, str]:
    """Give the files of provisioning by their names in its folder; `folder` is where Grafana finds the boards."""
    from_prometheus: dict[str, Any] = {
        "name": "Jun",
        "type": "prometheus",
        "uid": "jun-prometheus",
        "access": "proxy",
        "url": prometheus,
        "isDefault": True,
        "editable": False,
        "jsonData": {"timeInterval": "15s", "httpMethod": "POST", "prometheusType": "Prometheus"},
    }
    provider: dict[str, Any] = {
        "name": "jun",
        "folder": "Jun",
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 60,
        "options": {"path": folder, "foldersFromFilesStructure": False},
    }
    return {
        "datasources/jun.yaml": HEAD + block({"apiVersion": 1, "datasources": [from_prometheus]}),
        "dashboards/jun.yaml": HEAD + block({"apiVersion": 1, "providers": [provider]}),
    }


def shipped() -> dict[Path, str]:
    """Make the text of each file in this package that is made; needs the extra `boards`."""
    return {
        **{BOARDS / name: text for name, text in boards().items()},
        **{FOLDER / "provisioning" / name: text for name, text in provisioning().items()},
    }


def installation(prometheus: str, folder: str) -> dict[Path, str]:
    """Give the text of each file of an installation by its path in a folder for all; the boards are those shipped."""
    return {
        **{Path("dashboards") / file.name: file.read_text(encoding="utf-8") for file in sorted(BOARDS.glob("*.json"))},
        **{Path("provisioning") / name: text for name, text in provisioning(prometheus, folder).items()},
    }
