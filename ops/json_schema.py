"""JSON Schema of everything that flows or is configured, made from the structs, for readers in other languages."""

from __future__ import annotations

import json
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

import msgspec

import schemas
from schemas.activity import ActivityRecord
from schemas.config import Config
from schemas.deadletter import DeadLetterRecord
from schemas.directory import Directory
from schemas.events import EventRecord
from schemas.regions import RegionStatus, Transition

FOLDER: Final = Path(schemas.__file__).parent / "json"

DOCUMENTS: Final[dict[str, tuple[Any, str]]] = {
    "events": (EventRecord, "A value of the topic `events`"),
    "activity": (ActivityRecord, "A value of the topic `activity`"),
    "regions": (RegionStatus, "A value of the topic `regions`"),
    "alerts": (Transition, "A value of the topic `alerts`"),
    "deadletter": (DeadLetterRecord, "A value of the topic `deadletter`"),
    "configuration": (Config, "The file `jun.toml`"),
    "directory": (Directory, "The file `regions.toml`"),
}
"""File name without its ending, type, and what it describes."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def generate() -> dict[str, str]:
    """Give the text of every schema by its file name."""
    return {
        f"{name}.json": json.dumps(
            {"$schema": _DIALECT, "title": title, **_tidy(msgspec.json.schema(kind))}, indent=2, ensure_ascii=False
        )
        + "\n"
        for name, (kind, title) in DOCUMENTS.items()
    }


def _tidy(schema: Any) -> Any:
    """Take the indentation of the source code out of the descriptions, which Python 3.13 does by itself."""
    if isinstance(schema, dict):
        return {key: cleandoc(value) if key == "description" else _tidy(value) for key, value in schema.items()}
    return [_tidy(item) for item in schema] if isinstance(schema, list) else schema


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every schema into `folder`, remove others, and give the files that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = drift(folder)
    for name, text in generate().items():
        (folder / name).write_text(text, encoding="utf-8")
    for stale in set(folder.glob("*.json")) - {folder / name for name in generate()}:
        stale.unlink()
    return changed


def drift(folder: Path = FOLDER) -> list[Path]:
    """Give the files in `folder` that are not what the structs say: changed, missing, or of no struct any more."""
    wanted = generate()
    found = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.json")}
    return sorted(folder / name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
