from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.codec import UnreadableError
from streams.errors import OperatorError
from streams.ingest import times
from streams.ingest.columns import Columns, Mapping
from streams.ingest.records import RawRecord
from streams.ingest.submission import Submission

CSV = Columns(at="when", account="who", text="said", id="number", tags="tags", kind="what", region="office")
NAMES = ["number", "when", "who", "said", "tags", "what", "office"]


def mapping(columns: Columns = CSV, *, delimiter: str = ",", **constant: Any) -> Mapping:
    made = Mapping(
        columns, delimiter=delimiter, read_time=times.reader("iso", "UTC"), **{"kind": "post", "region": "", **constant}
    )
    if delimiter:
        made.use_header(NAMES, "posts.csv")
    return made


def record(raw: bytes, offset: int = 10, **more: Any) -> RawRecord:
    return RawRecord(raw, offset, 2, more.pop("size", len(raw)), **more)


def fault(read: Submission | UnreadableError) -> str:
    assert isinstance(read, UnreadableError)
    assert "secret" not in str(read)
    return read.reason


def test_the_columns_of_a_row_become_the_fields_of_a_submission() -> None:
    row = '7,2026-05-31 08:00:00,ana,"#Jun, hello","Jun #España;más",reply,granada\r\n'.encode()
    assert mapping().read(record(row), "file") == Submission(
        id="7",
        at=1_780_214_400_000,
        account="ana",
        kind="reply",
        text="#Jun, hello",
        tags=("Jun", "#España", "más"),
        region="granada",
    )


def test_what_no_cell_says_is_said_by_the_settings() -> None:
    row = b"7,2026-05-31 08:00:00,ana,,,,\n"
    read = mapping(kind="reaction", region="tokyo").read(record(row), "file")
    assert isinstance(read, Submission)
    assert (read.kind, read.region, read.tags) == ("reaction", "tokyo", ())


def test_without_a_column_of_ids_the_place_in_the_file_is_the_id() -> None:
    columns = Columns(at="when", account="who")
    read = mapping(columns).read(record(b"7,2026-05-31 08:00:00,ana,,,,\n", offset=99), "identity")
    assert isinstance(read, Submission)
    assert read.id == "identity:99"


@pytest.mark.parametrize(
    ("raw", "more", "reason"),
    [
        (b"7,2026-05-31 08:00:00,secret,,,\n", {}, "wrong_type"),
        (b"7,secret,ana,,,,\n", {}, "wrong_type"),
        (b"7,2026-05-31 08:00:00,,,,,\n", {}, "wrong_type"),
        (b",2026-05-31 08:00:00,ana,,,,\n", {}, "no_id"),
        (b"7,2026-05-31 08:00:00,ana,,,secret,\n", {}, "unknown_kind"),
        (b"7,2026-05-31 08:00:00,ana,\0secret,,,\n", {}, "null_bytes"),
        (b"7,2026-05-31 08:00:00,ana,\xffsecret,,,\n", {}, "not_utf8"),
        (b'7,2026-05-31 08:00:00,ana,"secret\n', {"unclosed": True}, "unreadable"),
        (b"7,2026-05-31 08:00:00,ana,a\rsecret,,,\n", {}, "unreadable"),
        (b"7", {"size": 10_000_000}, "too_large"),
    ],
)
def test_a_row_that_cannot_be_read_gives_its_reason(raw: bytes, more: dict[str, Any], reason: str) -> None:
    assert fault(mapping().read(record(raw, **more), "file")) == reason


def test_a_header_may_begin_with_a_byte_order_mark() -> None:
    made = mapping()
    names = made.header(record(b"\xef\xbb\xbf" + ",".join(NAMES).encode() + b"\n", offset=0), "posts.csv")
    assert names == NAMES


def test_a_column_that_the_header_has_not_is_told_to_the_operator() -> None:
    with pytest.raises(OperatorError, match="office"):
        mapping().header(record(b"number,when,who,said,tags,what\n", offset=0), "posts.csv")


def test_a_file_without_a_header_does_not_have_its_first_record_told_as_one() -> None:
    with pytest.raises(OperatorError) as raised:
        mapping().header(record(b"1,2026-05-31,ana.lopez,Good morning,jun,post\n", offset=0), "posts.csv")
    assert "ana" not in str(raised.value)
    assert "6 columns" in str(raised.value)


def test_lines_without_mapping_are_submissions() -> None:
    made = mapping(Columns(), delimiter="")
    raw = b'{"id":"1","at":1700000000005,"account":"ana"}\n'
    assert made.read(record(raw), "file") == Submission(id="1", at=1_700_000_000_005, account="ana")
    assert made.read(record(b"\xef\xbb\xbf" + raw, offset=0), "file") == Submission(
        id="1", at=1_700_000_000_005, account="ana"
    )


def test_lines_are_mapped_by_paths_into_their_objects() -> None:
    columns = Columns(at="created.at", account="user.name", id="id", tags="entities.tags", text="a.b")
    line = {
        "id": 5,
        "created": {"at": "2026-05-31T08:00:00Z"},
        "user": {"name": "ana"},
        "entities": {"tags": ["Jun"]},
        "a.b": "x",
    }
    assert mapping(columns, delimiter="").read(record(json.dumps(line).encode()), "file") == Submission(
        id="5", at=1_780_214_400_000, account="ana", tags=("Jun",), text="x"
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"secret", "not_json"),
        (b"[1]", "wrong_type"),
        (b'{"who":{"secret":1},"when":"2026-05-31T08:00:00Z","number":1}', "wrong_type"),
        (b'{"who":"ana","when":[],"number":1}', "wrong_type"),
        (b'{"who":"ana","when":"2026-05-31T08:00:00Z"}', "no_id"),
    ],
)
def test_a_line_that_cannot_be_mapped_gives_its_reason(raw: bytes, reason: str) -> None:
    assert fault(mapping(delimiter="").read(record(raw), "file")) == reason


def test_the_words_of_a_log_are_kinds_of_ours_whatever_their_case() -> None:
    read = mapping(kinds={"Opened": "open", "Soft Bounce": "bounce"})
    kinds = []
    for word in (b"opened", b" soft bounce ", b"reply"):
        found = read.read(record(b"7,2026-05-31 08:00:00,ana,,," + word + b",\n"), "file")
        assert isinstance(found, Submission)
        kinds.append(found.kind)
    assert kinds == ["open", "bounce", "reply"]
    assert fault(read.read(record(b"7,2026-05-31 08:00:00,ana,,,secret,\n"), "file")) == "unknown_kind"
