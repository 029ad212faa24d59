"""The JSON Schema files and the page of settings are what the structs say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ops.json_schema import DOCUMENTS, FOLDER, drift, generate, write
from schemas.config import Campaign, Config
from schemas.directory import Region

ROOT = Path(__file__).parents[2]


def test_the_files_are_what_the_structs_say() -> None:
    assert drift() == [], "run `jun schemas write`"


def test_a_changed_a_missing_and_a_strange_file_are_drift(tmp_path: Path) -> None:
    write(tmp_path)
    assert drift(tmp_path) == []
    (tmp_path / "events.json").write_text("{}")
    (tmp_path / "regions.json").unlink()
    (tmp_path / "old.json").write_text("{}")
    assert [file.name for file in drift(tmp_path)] == ["events.json", "old.json", "regions.json"]
    assert [file.name for file in write(tmp_path)] == ["events.json", "old.json", "regions.json"]
    assert drift(tmp_path) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_names_its_dialect_and_describes_itself(name: str) -> None:
    schema = json.loads(generate()[f"{name}.json"])
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"]
    assert not [text for text in descriptions(schema) if "\n    " in text]


def descriptions(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [text for item in schema for text in descriptions(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema["description"]] if isinstance(schema.get("description"), str) else []
    return own + [text for value in schema.values() for text in descriptions(value)]


def test_an_event_is_described_with_its_bounds() -> None:
    event = json.loads((FOLDER / "events.json").read_text())["$defs"]["Event"]
    assert set(event["required"]) == {"type", "id", "at", "region", "actor", "kind", "source"}
    assert event["properties"]["v"]["enum"] == [2]
    assert event["properties"]["id"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 64,
        "pattern": r"^(?![\s\S]*[\u0000-\u001f])",
    }


@pytest.mark.parametrize("kind", [Config, Campaign, Region])
def test_every_setting_is_in_its_schema(kind: type[msgspec.Struct]) -> None:
    name = "directory" if kind is Region else "configuration"
    schema = json.loads((FOLDER / f"{name}.json").read_text())["$defs"][kind.__name__]
    assert set(schema["properties"]) == {field.encode_name for field in msgspec.structs.fields(kind)}
    assert schema["additionalProperties"] is False
