"""The change of the pseudonyms' key in ingest: by the time of what happened, and told under both for a while."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from ops.commands.key import following, new
from ops.config.check import check
from schemas.config import PrivacySettings, Secret
from streams.errors import OperatorError
from streams.ingest import agent
from streams.ingest.events import maker_of
from streams.ingest.pseudonyms import Change, Pseudonyms
from streams.ingest.submission import Submission
from tests.support.ingest import DIRECTORY, KEY, NOW

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400_000
OLD = Pseudonyms(bytes(32))
NEW = Pseudonyms(KEY, Change(OLD, NOW, NOW + 28 * DAY))
MAKER = maker_of("posts", DIRECTORY, NEW)


def made(at: int, **fields: str):
    return MAKER.events(Submission(**{"id": "1", "at": at, "account": "ana", **fields}))[0]


def test_what_happened_before_the_change_is_under_the_key_before_whenever_it_comes() -> None:
    event = made(NOW - 1)
    assert (event.id, event.actor, event.formerly) == (OLD.original("posts", "1"), OLD.account("*", "ana"), "")


@pytest.mark.parametrize("at", [NOW, NOW + 28 * DAY - 1])
def test_for_the_overlap_both_pseudonyms_are_told(at: int) -> None:
    event = made(at)
    assert (event.id, event.actor) == (NEW.original("posts", "1"), NEW.account("*", "ana"))
    assert event.formerly == OLD.account("*", "ana")


def test_after_the_overlap_nothing_reminds_of_the_key_before() -> None:
    event = made(NOW + 28 * DAY)
    assert (event.actor, event.formerly) == (NEW.account("*", "ana"), "")


def test_what_follows_from_an_event_says_the_same_actor() -> None:
    reshare, recognised = MAKER.events(
        Submission(id="1", at=NOW, account="kenji", kind="reshare", target="ana", region="tokyo")
    )
    assert reshare.formerly == recognised.formerly == OLD.account("posts", "kenji")


def test_the_keys_are_read_as_they_are_configured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new(tmp_path / "first")
    following(tmp_path / "second")
    assert "previous_pseudonym_key" in capsys.readouterr().out
    with pytest.raises(OperatorError, match="already"):
        following(tmp_path / "second")
    since = dt.datetime.fromtimestamp(NOW / 1000, dt.UTC)
    privacy = PrivacySettings(
        pseudonym_key=Secret(file=str(tmp_path / "second/pseudonym.key")),
        previous_pseudonym_key=Secret(file=str(tmp_path / "first/pseudonym.key")),
        pseudonym_key_since=since,
        pseudonym_overlap_days=30,
    )
    pseudonyms, _ = agent.keys(privacy)
    assert pseudonyms.change is not None
    assert (pseudonyms.change.since, pseudonyms.change.until) == (NOW, NOW + 30 * DAY)
    assert pseudonyms.account("s", "a") != pseudonyms.change.before.account("s", "a")
    without = PrivacySettings(
        pseudonym_key=privacy.pseudonym_key, previous_pseudonym_key=privacy.previous_pseudonym_key
    )
    with pytest.raises(OperatorError, match="pseudonym_key_since"):
        agent.keys(without)


def test_no_key_shows_in_what_is_printed_of_it() -> None:
    assert KEY.hex() not in repr(NEW) + repr(NEW.change)
    assert repr(KEY) not in repr(NEW) + repr(NEW.change)


@pytest.mark.parametrize(
    ("privacy", "region", "words"),
    [
        ('previous_pseudonym_key = { environment = "OLD" }', "", "pseudonym_key_since: is missing"),
        ("pseudonym_key_since = 2026-06-01T00:00:00Z", "", "previous_pseudonym_key: is missing"),
        (
            'previous_pseudonym_key = { environment = "OLD" }\npseudonym_key_since = 2026-06-01T00:00:00Z',
            "shards = 2",
            "while lima has shards",
        ),
    ],
)
def test_what_does_not_go_together_is_told(tmp_path: Path, privacy: str, region: str, words: str) -> None:
    (tmp_path / "regions.toml").write_text(f'[[region]]\nname = "lima"\n{region}\n')
    (tmp_path / "jun.toml").write_text(
        f'[privacy]\npseudonym_key = {{ environment = "NEW" }}\n{privacy}\n'
        '[[source]]\nkind = "clock"\nname = "sundial"\n'
    )
    faults = check(tmp_path / "jun.toml", {"NEW": "x", "OLD": "y"})
    assert any(words in str(fault) for fault in faults), faults
