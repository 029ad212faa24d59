from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest

from schemas.config import Secret
from streams.errors import OperatorError
from streams.secrets import LARGEST, read_secret

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = "correct-horse"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_gives_its_text_without_the_line_end(tmp_path: Path, end: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(f"{HIDDEN} battery{end}".encode())
    assert read_secret(Secret(file=str(file)), wanted_for="kafka.sasl_password") == f"{HIDDEN} battery"


def test_a_variable_gives_its_text_as_it_is() -> None:
    assert read_secret(Secret(environment="KEY"), wanted_for="x", environ={"KEY": f" {HIDDEN} "}) == f" {HIDDEN} "


def test_the_process_environment_is_read_where_no_other_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUN_TEST_SECRET", HIDDEN)
    assert read_secret(Secret(environment="JUN_TEST_SECRET"), wanted_for="x") == HIDDEN


def test_a_secret_does_not_show_in_structures_or_logs(caplog: pytest.LogCaptureFixture) -> None:
    secret = read_secret(Secret(environment="KEY"), wanted_for="x", environ={"KEY": HIDDEN})
    logging.getLogger("test").warning("arguments %s", {"password": secret})
    assert HIDDEN not in repr(secret) + repr([secret]) + f"{secret!r}" + caplog.text
    assert secret.encode() == HIDDEN.encode()


@pytest.mark.parametrize(
    ("secret", "came"),
    [
        (Secret(), "it has neither a file nor an environment variable"),
        (Secret(file="/a", environment="B"), "both the file /a and the variable B are named"),
        (Secret(environment="UNSET"), "the variable UNSET is not set"),
        (Secret(environment="EMPTY"), "the variable EMPTY is empty"),
        (Secret(file="/nowhere/file"), r"/nowhere/file can't be read \(No such file or directory\)"),
    ],
)
def test_a_secret_that_is_not_to_be_had_is_told_with_its_setting(secret: Secret, came: str) -> None:
    with pytest.raises(OperatorError, match=rf"wanted the secret kafka\.sasl_password, but {came}: put it") as told:
        read_secret(secret, wanted_for="kafka.sasl_password", environ={"EMPTY": ""})
    assert not told.value.retry


@pytest.mark.parametrize(
    ("content", "came"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (HIDDEN.encode() + b"\xff", "is no text in UTF-8"),
        (HIDDEN.encode() * LARGEST, "has more than 64 KiB"),
    ],
)
def test_a_bad_file_is_told_without_what_is_in_it(tmp_path: Path, content: bytes, came: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(OperatorError, match=came) as told:
        read_secret(Secret(file=str(file)), wanted_for="x")
    assert HIDDEN not in "".join(traceback.format_exception(told.value))
    assert told.value.__context__ is None


def test_the_largest_file_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"x" * LARGEST)
    assert len(read_secret(Secret(file=str(file)), wanted_for="x")) == LARGEST
