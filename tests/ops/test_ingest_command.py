from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ops.commands.ingest import Terminal, ingest
from ops.commands.key import new
from ops.config import ConfigError, load
from ops.config.load import SIMULATED
from streams.errors import OperatorError
from streams.ingest.outlet import Record

if TYPE_CHECKING:
    from pathlib import Path


def test_a_source_that_is_not_configured_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "jun.toml").write_text('[[source]]\nkind = "clock"\nname = "sundial"\n')
    (tmp_path / "regions.toml").write_text('[[region]]\nname = "granada"\n')
    with pytest.raises(OperatorError, match="sundial, clock"):
        ingest("mail", config=tmp_path / "jun.toml")


def test_a_configuration_with_faults_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "jun.toml").write_text("colour = 1\n")
    with pytest.raises(ConfigError):
        ingest("clock", config=tmp_path / "jun.toml")


def test_the_world_s_clock_is_refused_beside_a_simulated_one() -> None:
    with pytest.raises(OperatorError, match="leave the clock out"):
        ingest("simulated", "clock", dry_run=True, config=SIMULATED)


def test_a_source_that_is_gone_for_good_is_ended_by_an_empty_file_under_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ops/runbooks/source-down.md tells."""
    new(tmp_path / "keys")
    monkeypatch.setenv("JUN_PRIVACY__PSEUDONYM_KEY__FILE", str(tmp_path / "keys/pseudonym.key"))
    monkeypatch.setenv("JUN_PRIVACY__DEADLETTER_PUBLIC_KEY__FILE", str(tmp_path / "keys/deadletter.public"))
    entry = '[[source]]\nkind = "file"\nname = "chat"\npath = "/dev/null"\nfollow = false\n'
    (tmp_path / "jun.toml").write_text(entry)
    (tmp_path / "regions.toml").write_text('[[region]]\nname = "granada"\n')
    capsys.readouterr()
    ingest("chat", dry_run=True, config=tmp_path / "jun.toml")
    beats = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert {beat["status"] for beat in beats if beat.get("type") == "heartbeat"} == {"ended"}


async def test_the_terminal_shows_a_heartbeat_once(capsys: pytest.CaptureFixture[str]) -> None:
    beats = [Record("events", number, None, b"beat") for number in range(3)]
    await Terminal(3).deliver([Record("events", 2, b"granada", b"event"), *beats])
    assert capsys.readouterr().out == "event\nbeat\n"


def test_new_keys_are_what_the_configuration_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new(tmp_path / "keys")
    said = capsys.readouterr().out
    section = said[said.index("[privacy]") : said.index("Keep")]
    (tmp_path / "jun.toml").write_text(section)
    (tmp_path / "regions.toml").write_text('[[region]]\nname = "granada"\n')
    privacy = load(tmp_path / "jun.toml").config.privacy
    assert privacy.pseudonym_key.file == str(tmp_path / "keys" / "pseudonym.key")
    assert (tmp_path / "keys" / "pseudonym.key").read_text().strip() not in said
    with pytest.raises(OperatorError, match="already"):
        new(tmp_path / "keys")
