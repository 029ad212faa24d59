"""What a status or a notification of Mastodon says that somebody did.

https://docs.joinmastodon.org/entities/Status/ and https://docs.joinmastodon.org/entities/Notification/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import UNSET, Struct, UnsetType

from schemas.codec import UnreadableError
from streams.ingest.markup import plain
from streams.ingest.submission import MAXIMUM_MENTIONS, submission_of
from streams.ingest.typed import Typed
from streams.measures.hashtags import extract, fold

if TYPE_CHECKING:
    from streams.ingest.submission import Submission

MILLISECONDS_BITS: Final = 16
"""An id is the milliseconds of its moment, and below them 16 bits of chance."""
OPEN: Final = frozenset({"", "public", "unlisted"})
"""Visibilities that are read; the others are for followers, or letters."""
OF_NOTIFICATIONS: Final = {"favourite": "reaction", "reblog": "reshare"}


class _Account(Struct, gc=False):
    acct: str = ""
    id: str = ""
    bot: bool | None = False


class _Mention(Struct, gc=False):
    id: str = ""
    acct: str = ""


class _Tag(Struct, gc=False):
    name: str = ""


class _Status(Struct):
    id: str = ""
    created_at: str = ""
    account: _Account | None = None
    content: str | None = ""
    visibility: str = ""
    in_reply_to_id: str | None = None
    in_reply_to_account_id: str | None = None
    reblog: _Status | None = None
    quote: _Quote | None = None
    mentions: list[_Mention] = []
    tags: list[_Tag] = []
    jun_edited: bool = False


class _Quote(Struct):
    quoted_status: _Status | None = None


class _Notification(_Status):
    type: str | UnsetType = UNSET
    status: _Status | None = None


class _Identifier(Struct, gc=False):
    id: str = ""


_read: Final[Typed[_Notification]] = Typed(_Notification)
_identifiers: Final[Typed[_Identifier]] = Typed(_Identifier)


def read(raw: bytes) -> Submission | None:
    """Read a status, or a notification that somebody mentioned, boosted or liked; None for others.

    Raises UnreadableError.
    """
    found = _read.read(raw)
    if found.type is UNSET:
        return _of_status(found)
    if found.status is None:
        return None
    if found.type == "mention":
        return _of_status(found.status)
    kind = OF_NOTIFICATIONS.get(found.type)
    if kind is None:
        return None
    who = found.account or _Account()
    return submission_of(
        {
            "id": f"notification/{found.id}",
            "at": found.created_at,
            "account": who.acct,
            "kind": kind,
            "tags": _tags(found.status) if kind == "reshare" else [],
            "reference": found.status.id,
            "target": (found.status.account or _Account()).acct,
            "bot": bool(who.bot),
        }
    )


def _of_status(status: _Status) -> Submission | None:
    if status.visibility not in OPEN:
        return None
    who = status.account or _Account()
    quoted = status.quote.quoted_status if status.quote else None
    reshared = status.reblog or quoted
    answers = bool(status.in_reply_to_id) and reshared is None
    target = ""
    if reshared is not None:
        target = (reshared.account or _Account()).acct
    elif answers:
        near = [(who.id, who.acct), *((one.id, one.acct) for one in status.mentions)]
        target = next((acct for known, acct in near if known == status.in_reply_to_account_id), "")
    # Who is answered is named by the platform, not by the person.
    named = [one.acct for one in status.mentions if one.acct and not (answers and one.acct == target)]
    return submission_of(
        {
            "id": status.id,
            "at": status.created_at,
            "account": who.acct,
            "kind": "reshare" if reshared is not None else "reply" if answers else "post",
            "tags": _tags(status.reblog or status),
            "reference": reshared.id if reshared is not None else status.in_reply_to_id or "",
            "target": target,
            "mentions": named[:MAXIMUM_MENTIONS],
            "bot": bool(who.bot),
            "edited": status.jun_edited,
        }
    )


def _tags(status: _Status) -> list[str]:
    """Give the hashtags: those of the text, and those that only the server has found.

    Servers cut a tag at a character that they don't know (a zero-width non-joiner): a piece of one of ours is none.
    """
    ours = list(extract(plain(status.content or "")))
    keys = [fold(tag) for tag in ours]
    for tag in status.tags:
        key = fold(tag.name)
        if key and not any(known.startswith(key) for known in keys):
            ours.append(tag.name)
            keys.append(key)
    return ours[:32]


def identifier(raw: bytes) -> str:
    """Give the id of a status or notification; empty where it has none."""
    try:
        return _identifiers.read(raw).id
    except UnreadableError:
        return ""


def moment_of(identifier_: str) -> int:
    """Give the moment (ms) that an id begins with; 0 for ids of another make."""
    if not (identifier_.isascii() and identifier_.isdigit()):
        return 0
    moment = int(identifier_) >> MILLISECONDS_BITS
    return moment if 1_400_000_000_000 < moment < 4_000_000_000_000 else 0
