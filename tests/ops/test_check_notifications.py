from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ops.config.check import check

if TYPE_CHECKING:
    from pathlib import Path

JUN = """\
[privacy]
pseudonym_key = { file = "key" }
[[source]]
kind = "file"
name = "posts"
path = "posts.jsonl"
[[notification]]
name = "night"
url = { file = "night.url" }
regions = ["madrid"]
teams = ["iberia"]
quiet_hours = "22:00-07:00"
time_zone = "Europe/Madrid"
[[notification]]
name = "day"
url = { environment = "DAY_URL" }
verdicts = ["silent"]
"""
REGIONS = '[[region]]\nname = "madrid"\nteam = "iberia"\n'


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "regions.toml").write_text(REGIONS)
    for name, text in (("key", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="), ("night.url", "json://host")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "jun.toml").write_text(JUN)
    return tmp_path / "jun.toml"


def faults(file: Path, old: str = "", new: str = "", environ: dict[str, str] | None = None) -> list[str]:
    assert old in JUN
    file.write_text(JUN.replace(old, new) if old else JUN)
    return [str(fault) for fault in check(file, {"DAY_URL": "mailto://x"} if environ is None else environ)]


def test_good_receivers_have_no_faults(file: Path) -> None:
    assert faults(file) == []


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('"day"', '"night"', "jun.toml:15: notification[#2].name: is the name of notification 1 as well"),
        ('["madrid"]', '["madird"]', '"madird" is not a region of the directory. Did you mean "madrid"?'),
        ('["iberia"]', '["iberian"]', '"iberian" is not a team of the directory.'),
        ('"22:00-07:00"', '"late"', 'must be like 22:00-07:00, but is "late"'),
        ('"22:00-07:00"', '"00:00-24:00"', "leaves no hour"),
        ('"Europe/Madrid"', '"Europe/Madird"', "is not a time zone of the IANA database"),
        ('{ file = "night.url" }', "{}", "has neither a file nor an environment variable"),
        ('"night.url"', '"none.url"', "there is no file none.url"),
        ('["silent"]', '["quite"]', "quiet"),
    ],
)
def test_a_fault_of_a_receiver_is_told(file: Path, old: str, new: str, wanted: str) -> None:
    found = faults(file, old, new)
    assert len(found) == 1
    assert wanted in found[0]


def test_an_address_that_is_missing_or_open_to_others_is_a_fault(file: Path) -> None:
    assert "DAY_URL is not set" in faults(file, environ={})[0]
    (file.parent / "night.url").chmod(0o644)
    assert "can be read by others" in faults(file)[0]
