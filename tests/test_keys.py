from __future__ import annotations

import base64
import stat
from typing import TYPE_CHECKING

import pytest
from nacl.public import SealedBox

from streams import keys
from streams.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path


def test_new_keys_are_three_files_that_only_their_owner_reads(tmp_path: Path) -> None:
    files = keys.new_keys(tmp_path / "keys")
    assert [file.name for file in files] == ["pseudonym.key", "deadletter.private", "deadletter.public"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert len(keys.pseudonym_key(files[0].read_text())) == 32


def test_the_private_key_opens_what_is_sealed_to_the_public_one(tmp_path: Path) -> None:
    _, private, public = keys.new_keys(tmp_path)
    sealed = SealedBox(keys.public_key(public.read_text())).encrypt(b"raw")
    assert SealedBox(keys.private_key(private.read_text())).decrypt(sealed) == b"raw"


@pytest.mark.parametrize("present", ["pseudonym.key", "deadletter.private", "deadletter.public"])
def test_no_key_is_ever_overwritten(tmp_path: Path, present: str) -> None:
    (tmp_path / present).write_text("kept")
    with pytest.raises(OperatorError, match="already"):
        keys.new_keys(tmp_path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(present, "kept")]


@pytest.mark.parametrize("text", ["", "not base64!", base64.b64encode(bytes(31)).decode()])
def test_a_weak_or_spoilt_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(OperatorError) as caught:
        keys.pseudonym_key(text)
    assert not text or text not in str(caught.value)
