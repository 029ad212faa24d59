"""The page of settings is made from the program and misses nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec import Struct

from ops.config.documentation import FILE, described, document, toml
from ops.config.environment import variables
from ops.config.structure import Salvage
from ops.config.words import bare
from schemas.config import Config
from schemas.directory import Directory
from streams.ingest.source import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


def settings(kind: type[Struct]) -> Iterator[tuple[type[Struct], msgspec.structs.FieldInfo]]:
    """Give every setting of a struct and of the structs inside it."""
    for field in msgspec.structs.fields(kind):
        yield kind, field
        for part in parts(field.type):
            yield from settings(part)


def parts(kind: Any) -> Iterator[type[Struct]]:
    inner, _ = bare(kind)
    if isinstance(inner, type) and issubclass(inner, Struct):
        yield inner
    for argument in getattr(inner, "__args__", ()):
        yield from parts(argument)


ALL = [
    (owner, field)
    for root in (Config, Directory, *(kind.settings for kind in kinds().values()))
    for owner, field in settings(root)
]


def test_the_page_is_what_the_program_says() -> None:
    assert (ROOT / FILE).read_text(encoding="utf-8") == document(), f"run `jun config docs --file {FILE}`"


@pytest.mark.parametrize(("owner", "field"), ALL, ids=lambda one: getattr(one, "name", getattr(one, "__name__", "")))
def test_every_setting_has_a_description_and_a_row(owner: type[Struct], field: msgspec.structs.FieldInfo) -> None:
    inner, meta = bare(field.type)
    section = isinstance(inner, type) and issubclass(inner, Struct) and meta.description is None
    assert meta.description or (section and inner.__doc__)
    wanted = f"## `[{field.encode_name}]`" if section and owner is Config else f"| `{field.encode_name}` | "
    assert wanted in document()


def test_every_variable_is_listed() -> None:
    page = document()
    assert all(f"| `{name}` | " in page for name in variables())


def test_times_and_counts_have_their_unit_in_a_column_of_its_own() -> None:
    rows = [line.split(" | ") for line in document().splitlines() if "_seconds` |" in line and line.startswith("| `")]
    assert rows
    assert all(row[3].startswith("seconds") for row in rows if not row[0].startswith("| `JUN_"))


@pytest.mark.parametrize(("description", "wanted"), [
    ("how long (seconds)", ("how long", "seconds")),
    ("share (0 to 1)", ("share", "0 to 1")),
    ("a Java (17 or later); empty to find one", ("a Java (17 or later); empty to find one", "")),
    ("a Java (17 or later)", ("a Java (17 or later)", "")),
    ("how long (seconds); as [time] if not set", ("how long; as [time] if not set", "seconds")),
])  # fmt: skip
def test_a_unit_is_one_of_a_few_words_in_brackets(description: str, wanted: tuple[str, str]) -> None:
    assert described(description) == wanted


def test_the_defaults_as_the_page_spells_them_are_a_configuration_without_faults() -> None:
    lines = []
    for section in msgspec.structs.fields(Config):
        kind, _ = bare(section.type)
        if isinstance(kind, type) and issubclass(kind, Struct):
            lines.append(f"[{section.encode_name}]")
            lines += [
                f"{field.encode_name} = {toml(field.default)}"
                for field in msgspec.structs.fields(kind)
                if field.default is not msgspec.NODEFAULT and field.default is not None  # nothing has no spelling
            ]
    read = Salvage(Config, tomllib.loads("\n".join(lines)))
    assert read.problems == []
    assert read.value == Config()


def test_every_example_is_a_value_that_the_setting_takes() -> None:
    for _, field in ALL:
        for example in bare(field.type)[1].examples or ():
            assert msgspec.convert(tomllib.loads(f"x = {toml(example)}")["x"], field.type) is not None
