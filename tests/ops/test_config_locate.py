from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.config.locate import line_of, locate

if TYPE_CHECKING:
    from ops.config.locate import Path

DOCUMENT = """\
# a comment with [brackets] and a = sign
title = "a # in a text" # and one after it

[kafka]
"quoted.key" = 1
tls.ca = 'C:\\not an escape'
many = [
  1, # one
  [2, 3],
  { a = 1, b = "]" },
]
text = \"\"\"
[not.a.table]
fake = 1
\"\"\"
raw = '''
also = "not a key"'''

[[region]]
name = "first"
[[region.accounts]]
account = 1
[[region.accounts]]
account = 2
[region.more]
deep = true
[[region]]
name = "second"
accounts = [{account = 3},
  {account = 4}]
"""

LINES: list[tuple[Path, int]] = [
    (("title",), 2),
    (("kafka",), 4),
    (("kafka", "quoted.key"), 5),
    (("kafka", "tls"), 6),
    (("kafka", "tls", "ca"), 6),
    (("kafka", "many", 0), 8),
    (("kafka", "many", 1, 1), 9),
    (("kafka", "many", 2, "b"), 10),
    (("kafka", "text"), 12),
    (("kafka", "raw"), 16),
    (("region", 0), 19),
    (("region", 0, "accounts", 0, "account"), 22),
    (("region", 0, "accounts", 1), 23),
    (("region", 0, "accounts", 1, "account"), 24),
    (("region", 0, "more", "deep"), 26),
    (("region", 1), 27),
    (("region", 1, "name"), 28),
    (("region", 1, "accounts", 0, "account"), 29),
    (("region", 1, "accounts", 1, "account"), 30),
]


@pytest.mark.parametrize(("path", "line"), LINES)
def test_every_key_table_and_item_is_found_on_its_line(path: Path, line: int) -> None:
    assert tomllib.loads(DOCUMENT)
    assert locate(DOCUMENT)[path] == line


def test_what_only_looks_like_a_key_is_not_taken_for_one() -> None:
    found = locate(DOCUMENT)
    assert not [path for path in found if {"fake", "not", "also"} & set(path)]


def test_a_missing_key_is_told_at_the_table_that_should_have_it() -> None:
    lines = locate(DOCUMENT)
    assert line_of(lines, ("region", 1, "time_zone")) == 27
    assert line_of(lines, ("region", 0, "accounts", 1, "source")) == 23


def test_a_missing_table_has_no_line() -> None:
    assert line_of(locate(DOCUMENT), ("exporter", "port")) == 0


KEY = st.text("abcdefgh_-", min_size=1, max_size=6)
VALUE = st.one_of(
    st.integers().map(str),
    st.booleans().map(lambda value: str(value).lower()),
    st.text("ab[]{}=#,. ", max_size=8).map(lambda text: f'"{text}"'),
    st.text("ab[]{}=#,.\n ", max_size=12).map(lambda text: f"'''{text}'''"),
    st.text("ab[]{}=#,.\n\\\\ ", max_size=12).map(lambda text: '"""' + text.replace("\\", "\\\\") + '"""'),
    st.lists(st.integers(0, 99).map(str), max_size=4).map(lambda items: "[" + ",\n ".join(items) + "]"),
    st.just("2026-05-31T08:00:00+02:00"),
    st.just("{ a = [1, 2], b = 'x' }"),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(KEY, st.dictionaries(KEY, VALUE, max_size=5)), max_size=5, unique_by=lambda table: table[0]))
def test_in_any_document_each_key_is_found_where_it_was_written(tables: list[tuple[str, dict[str, str]]]) -> None:
    text, wanted = "", {}
    for name, entries in tables:
        text += "# comment\n"
        wanted[(name,)] = text.count("\n") + 1
        text += f"[{name}]\n"
        for key, value in entries.items():
            wanted[name, key] = text.count("\n") + 1
            text += f"{key} = {value} # [x]\n"
    assert {name: dict.fromkeys(entries) for name, entries in tables} == {
        name: dict.fromkeys(table) for name, table in tomllib.loads(text).items()
    }
    found = locate(text)
    assert {path: found.get(path) for path in wanted} == wanted
