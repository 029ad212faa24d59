"""What a message of a Jetstream says that somebody did; facets count bytes of UTF-8.

Lexicons: https://github.com/bluesky-social/atproto/tree/main/lexicons/app/bsky
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from schemas.codec import UnreadableError
from streams.ingest import times
from streams.ingest.submission import FUTURE, MAXIMUM_MENTIONS, submission_of
from streams.ingest.typed import Typed
from streams.measures.hashtags import extract, fold

if TYPE_CHECKING:
    from streams.ingest.submission import Submission

POST: Final = "app.bsky.feed.post"
REPOST: Final = "app.bsky.feed.repost"
LIKE: Final = "app.bsky.feed.like"
COLLECTIONS: Final = (POST, REPOST, LIKE)
DONE: Final = frozenset({"create", "update"})
"""Operations that are something done; deletions take nothing away."""
_FINER: Final = re.compile(r"(\.\d{6})\d+")
"""Fractions of a second beyond what is read."""
_TAG: Final = "app.bsky.richtext.facet#tag"
_MENTION: Final = "app.bsky.richtext.facet#mention"
_BOT: Final = "bot"


class _Subject(Struct, gc=False):
    uri: str = ""


class _Reply(Struct, gc=False):
    parent: _Subject = field(default_factory=_Subject)


class _Feature(Struct, rename={"kind": "$type"}, gc=False):
    kind: str = ""
    tag: str = ""
    did: str = ""


class _Index(Struct, rename="camel", gc=False):
    byte_start: int = 0
    byte_end: int = 0


class _Facet(Struct, gc=False):
    index: _Index = field(default_factory=_Index)
    features: list[_Feature] = field(default_factory=list)


class _Embedded(Struct, gc=False):
    uri: str = ""
    record: _Subject | None = None


class _Embed(Struct, rename={"kind": "$type"}):
    kind: str = ""
    record: _Embedded | None = None


class _Label(Struct, gc=False):
    val: str = ""


class _Labels(Struct, gc=False):
    values: list[_Label] = field(default_factory=list)


class _Record(Struct, rename="camel"):
    created_at: str = ""
    text: str = ""
    facets: list[_Facet] | None = None
    tags: list[str] | None = None
    reply: _Reply | None = None
    embed: _Embed | None = None
    subject: _Subject | None = None
    labels: _Labels | None = None


class _Commit(Struct, gc=False):
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    record: _Record | None = None


class _Operation(Struct, gc=False):
    operation: str = ""
    collection: str = ""


class _Kind(Struct, gc=False):
    kind: str = ""
    commit: _Operation | None = None


class _Message(Struct):
    did: str = ""
    time_us: int = 0
    commit: _Commit = field(default_factory=_Commit)


_kinds: Final[Typed[_Kind]] = Typed(_Kind)
_messages: Final[Typed[_Message]] = Typed(_Message)


def read(raw: bytes) -> Submission | None:
    """Read a message; None where nobody did anything that counts. Raises UnreadableError."""
    message = _done(raw)
    if message is None:
        return None
    commit = message.commit
    record = commit.record or _Record()
    loose: dict[str, object] = {
        "id": f"at://{message.did}/{commit.collection}/{commit.rkey}",
        "at": _moment(record.created_at, message.time_us // 1000),
        "account": message.did,
        "bot": record.labels is not None and any(label.val == _BOT for label in record.labels.values),
        "edited": commit.operation == "update",
    }
    if commit.collection == POST:
        return submission_of(loose | _of_post(record))
    about = record.subject.uri if record.subject else ""
    kind = "reaction" if commit.collection == LIKE else "reshare"
    return submission_of(loose | {"kind": kind, "reference": about, "target": _owner(about)})


def concerns(raw: bytes, accounts: frozenset[str], tags: frozenset[str]) -> bool:
    """Tell whether a message is by or about one of the accounts, or has one of the tags (folded)."""
    try:
        message = _done(raw)
    except UnreadableError:
        return any(account.encode() in raw for account in accounts)
    if message is None:
        return False
    record = message.commit.record or _Record()
    subjects = (record.subject, record.reply.parent if record.reply else None)
    about = {_owner(subject.uri) for subject in subjects if subject} | {_owner(_quoted(record))}
    if message.did in accounts or not accounts.isdisjoint(about | set(_mentions(record))):
        return True
    return bool(tags) and any(fold(tag) in tags for tag in _tags(record))


def _done(raw: bytes) -> _Message | None:
    what = _kinds.read(raw)
    if what.kind != "commit" or what.commit is None:
        return None
    if what.commit.operation not in DONE or what.commit.collection not in COLLECTIONS:
        return None
    return _messages.read(raw)


def _of_post(record: _Record) -> dict[str, object]:
    quoted = _quoted(record)
    answered = record.reply.parent.uri if record.reply and not quoted else ""
    named = [did for did in _mentions(record) if did != _owner(answered)]
    return {
        "kind": "reshare" if quoted else "reply" if answered else "post",
        "tags": _tags(record)[:32],
        "reference": quoted or answered,
        "target": _owner(quoted or answered),
        "mentions": named[:MAXIMUM_MENTIONS],
    }


def _quoted(record: _Record) -> str:
    """Give the address of the post that a post quotes, with or without pictures beside it."""
    if record.embed is None or record.embed.record is None:
        return ""
    inner = record.embed.record
    uri = inner.record.uri if inner.record else inner.uri
    return uri if f"/{POST}/" in uri else ""


def _tags(record: _Record) -> list[str]:
    """Give the hashtags: those of the facets, as the text has them where it does, those of the text, those beside it.

    A facet whose bytes lie outside of the text, or cut a letter in two, has its tag all the same.
    """
    whole = record.text.encode("utf-8", "surrogatepass")
    found: list[str] = []
    for facet in record.facets or ():
        for feature in facet.features:
            if feature.kind == _TAG and feature.tag:
                written = whole[facet.index.byte_start : facet.index.byte_end].decode("utf-8", "replace").lstrip("#＃")
                found.append(written if fold(written) == fold(feature.tag) else feature.tag)
    found += extract(record.text)
    found += [tag for tag in record.tags or () if tag]
    first: dict[str, str] = {}
    for tag in found:
        first.setdefault(fold(tag), tag)
    return list(first.values())


def _mentions(record: _Record) -> list[str]:
    return [
        feature.did
        for facet in record.facets or ()
        for feature in facet.features
        if feature.kind == _MENTION and feature.did
    ]


def _owner(uri: str) -> str:
    """Give whose record an address `at://did/collection/key` names."""
    return uri.removeprefix("at://").partition("/")[0] if uri.startswith("at://") else ""


def _moment(claimed: str, received: int) -> int:
    """Give the moment (ms) that a record claims; that of its receipt where it claims none, or one that is to come."""
    try:
        moment = times.from_rfc3339(_FINER.sub(r"\1", claimed))
    except times.MomentError:
        return received
    return moment if moment <= received + FUTURE else received
