"""What comes in before names end: the layout that sources accept, and one reason for each fault in it.

A submission may also be spelt like a wire Event, with `actor` for the account. Version 2 is today's; version 1, with
`ts` in seconds instead of `at`, is upgraded. Only milliseconds, text and bounded names come out.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.codec import UnreadableError, explain_bytes, upgrade
from schemas.events import KINDS, MAXIMUM_TAGS, Kind
from schemas.version import VERSION
from streams.ingest import times

MAXIMUM_NAME: Final = 1024
MAXIMUM_TAG: Final = 140
MAXIMUM_MENTIONS: Final = 256
FUTURE: Final = 120_000
"""How far (ms) a happening may lie ahead of its source's clock before it is not believed."""

_Name = Annotated[str, Meta(max_length=MAXIMUM_NAME)]
_Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_Written = Annotated[str, Meta(min_length=1, max_length=MAXIMUM_TAG)]
_Tags = Annotated[list[_Written], Meta(max_length=MAXIMUM_TAGS)]
_Mentions = Annotated[list[_Name | _Number], Meta(max_length=MAXIMUM_MENTIONS)]


class Submission(Struct, frozen=True, gc=False):
    """One thing that somebody did, as a source tells it, still with names; it never leaves the process.

    `at` is in ms. Tags are as written; where there are none they are taken out of `text`. `reference` is the source's
    own id of what is answered or reshared, `target` the account that is answered, reshared, asked or recognised.
    `mentions` are the accounts that the person named, without those that a platform puts before an answer by itself.
    `bot` says that the platform calls the account one, `machine` that a machine acted for a person, `edited` that this
    is a later form of what was done at `at` under the same id.
    """

    id: str
    at: int
    account: str
    kind: Kind = "post"
    text: str = ""
    tags: tuple[str, ...] = ()
    region: str = ""
    channel: str = ""
    reference: str = ""
    target: str = ""
    mentions: tuple[str, ...] = ()
    bot: bool = False
    machine: bool = False
    edited: bool = False


class _Posted(Struct, gc=False):
    """The layout on the wire, wider than what comes out of it."""

    id: Annotated[str, Meta(min_length=1, max_length=MAXIMUM_NAME)] | _Number
    at: int | str
    account: _Name | _Number = ""
    actor: _Name | _Number = ""
    kind: Kind = "post"
    text: str = ""
    tags: _Tags = []
    labels: _Tags = []
    region: _Name = ""
    channel: _Name = ""
    reference: _Name | _Number = ""
    target: _Name | _Number = ""
    mentions: _Mentions = []
    bot: bool = False
    machine: bool = False
    edited: bool = False
    v: Literal[2] = 2


_decode: Final = msgspec.json.Decoder(_Posted).decode


def read_submission(raw: bytes) -> Submission:
    """Read one JSON object; raises UnreadableError with the one reason of its fault."""
    try:
        posted = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return submission_of(explain_bytes(raw, error))
    if b"\\u0000" in raw:
        _refuse_null_bytes(msgspec.to_builtins(posted))
    return _clean(posted)


def submission_of(loose: dict[str, Any]) -> Submission:
    """Read fields that a source has put together; raises UnreadableError with the one reason of its fault."""
    loose = _of_today(loose)
    _refuse_null_bytes(loose)
    try:
        posted = msgspec.convert(loose, _Posted)
    except msgspec.ValidationError as error:
        raise _fault(loose, error) from error
    return _clean(posted)


def check_time(submission: Submission, now: int) -> None:
    """Refuse what lies ahead of the source's clock (ms); raises UnreadableError."""
    if submission.at > now + FUTURE:
        ahead = (submission.at - now) // 1000
        raise UnreadableError("future", f"wanted a time at most {FUTURE // 1000} s ahead, got one {ahead} s ahead")


def _clean(posted: _Posted) -> Submission:
    account = posted.account if posted.account != "" else posted.actor
    if account == "":
        raise UnreadableError("wrong_type", "wanted an `account`, got none")
    at = posted.at
    try:
        moment = times.from_rfc3339(at) if isinstance(at, str) else times.checked(at)
    except times.MomentError as error:
        raise UnreadableError("wrong_type", f"{error}, in `at`") from error
    # A wire Event has folded tags, and beside them the forms that were written.
    written = posted.labels if len(posted.labels) == len(posted.tags) else posted.tags
    return Submission(
        id=str(posted.id),
        at=moment,
        account=str(account),
        kind=posted.kind,
        text=posted.text,
        tags=tuple(written),
        region=posted.region,
        channel=posted.channel,
        reference=str(posted.reference),
        target=str(posted.target),
        mentions=tuple(map(str, posted.mentions)),
        bot=posted.bot,
        machine=posted.machine,
        edited=posted.edited,
    )


def _of_today(loose: dict[str, Any]) -> dict[str, Any]:
    version = loose.get("v", VERSION)
    if not isinstance(version, int) or isinstance(version, bool):
        raise UnreadableError("wrong_type", f"wanted a version number in `v`, got {type(version).__name__}")
    wanted = f"wanted version {VERSION} or {VERSION - 1}, got {version}"
    if version > VERSION:
        raise UnreadableError("new_version", f"{wanted}: update this process")
    if version < VERSION - 1:
        raise UnreadableError("old_version", f"{wanted}: too old to read")
    try:
        return upgrade(loose) if version < VERSION else loose
    except OverflowError as error:
        raise UnreadableError("wrong_type", "wanted `ts` as seconds since 1970, got too large a number") from error


_EXPECTED: Final = {
    "id": "a text of 1 to 1024 characters or a whole number",
    "at": "RFC 3339 or whole milliseconds",
    "account": "a text of at most 1024 characters or a whole number",
    "actor": "a text of at most 1024 characters or a whole number",
    "text": "a text",
    "tags": f"a list of texts of 1 to {MAXIMUM_TAG} characters",
    "labels": f"a list of texts of 1 to {MAXIMUM_TAG} characters",
    "region": "a text",
    "channel": "a text",
    "reference": "a text or a whole number",
    "target": "a text or a whole number",
    "mentions": f"a list of at most {MAXIMUM_MENTIONS} texts or whole numbers",
    "bot": "true or false",
    "machine": "true or false",
    "edited": "true or false",
    "kind": "a text",
}


def _fault(loose: dict[str, Any], error: msgspec.ValidationError) -> UnreadableError:
    """Name the fault without quoting what came, as msgspec's own message may."""
    tags = loose.get("tags")
    if isinstance(tags, list) and len(tags) > MAXIMUM_TAGS:
        return UnreadableError("too_many_tags", f"wanted at most {MAXIMUM_TAGS} tags, got {len(tags)}")
    if loose.get("id") in (None, ""):
        return UnreadableError("no_id", "wanted an `id`, got none")
    kind = loose.get("kind")
    if isinstance(kind, str) and kind not in KINDS:
        return UnreadableError("unknown_kind", f"wanted a `kind` out of {', '.join(KINDS)}, got another text")
    if "at" not in loose:
        return UnreadableError("wrong_type", f"wanted `at` as {_EXPECTED['at']}, got none")
    name = str(error).rpartition("`$.")[2].rstrip("`").partition("[")[0]
    expected = _EXPECTED.get(name)
    if expected is None:
        return UnreadableError("wrong_type", "wanted the fields of an event, got other types")
    came = type(loose.get(name)).__name__
    return UnreadableError("wrong_type", f"wanted `{name}` as {expected}, got {_JSON_NAMES.get(came, came)}")


_JSON_NAMES: Final = {
    "dict": "an object",
    "list": "a list that is not so",
    "str": "a text that is not so",
    "int": "a number that is not so",
    "float": "a number with a fraction",
    "bool": "true or false",
    "NoneType": "null",
}


def _refuse_null_bytes(value: Any, depth: int = 0) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise UnreadableError("null_bytes", "wanted text without NUL, got one in a field")
    elif depth < 2:  # deeper there is nothing that is read
        parts: list[Any] = value if isinstance(value, list) else []
        if isinstance(value, dict):
            parts = [*value, *value.values()]
        for part in parts:
            _refuse_null_bytes(part, depth + 1)


def too_large(size: int, limit: int) -> UnreadableError:
    """Give the fault of an input of `size` bytes where `limit` were allowed."""
    return UnreadableError("too_large", f"wanted at most {limit} bytes, got {size}")
