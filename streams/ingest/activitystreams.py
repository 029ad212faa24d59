"""Source `activitystreams`: activities of ActivityStreams 2.0, one, several, or in a collection.

https://www.w3.org/TR/activitystreams-core/. Its JSON leaves much open: a thing may be its id, an object or a list.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final

from schemas.codec import UnreadableError, encode
from schemas.events import MAXIMUM_TAGS
from streams.ingest.bearer import BearerSettings, BearerSource
from streams.ingest.parts import one_or_many
from streams.ingest.rereading import items_of
from streams.ingest.source import Item, Rereader, SourceKind
from streams.ingest.submission import MAXIMUM_MENTIONS, submission_of
from streams.ingest.typed import loose_json

if TYPE_CHECKING:
    from aiohttp import web

    from streams.ingest.source import Surroundings
    from streams.ingest.submission import Submission

OBJECTS: Final = frozenset({"Note", "Article", "Page", "Question", "Image", "Video", "Audio", "Document"})
"""What somebody writes; such a thing alone, without its Create, is a post as well."""
WRITING: Final = frozenset({"Create", "Add", "Update"})
"""Activities whose object somebody has written; an Add is a post to what it is added to."""
REACTIONS: Final = frozenset({"Like", "Dislike", "EmojiReact"})
VIEWS: Final = frozenset({"View", "Read", "Listen"})
BOTS: Final = frozenset({"Application", "Service"})
COLLECTIONS: Final = frozenset({"Collection", "OrderedCollection", "CollectionPage", "OrderedCollectionPage"})

_MARKUP: Final = re.compile(r"<[^<>]*>")

Loose = dict[str, Any]


class ActivityStreamsSettings(BearerSettings, frozen=True, kw_only=True, tag="activitystreams"):
    """Callers that send activities of ActivityStreams 2.0."""


class ActivityStreamsSource(BearerSource):
    """Takes activities from whoever has the token."""

    async def read(self, request: web.BaseRequest, body: bytes) -> list[Item]:
        """Give what the activities of a body say."""
        del request
        raws = enumerate(one_or_many(body))
        return [item for index, raw in raws for item in _items(raw, f"POST {self.path}, activity {index}")]


def _items(raw: bytes, place: str) -> list[Item]:
    """Read an activity, or each of a collection, which are refused one by one."""
    try:
        loose = loose_json(raw)
    except UnreadableError as fault:
        return [Item(raw, place, fault)]
    if not (isinstance(loose, dict) and _types(loose) & COLLECTIONS):
        return items_of(raw, place, _submission)
    parts = _objects(loose.get("orderedItems", loose.get("items")))
    raws = [encode(part) for part in parts if not _types(part) & COLLECTIONS]
    return [item for part in raws for item in items_of(part, place, _submission)]


def _submission(raw: bytes) -> Submission | None:
    loose = loose_json(raw)
    if not isinstance(loose, dict):
        raise UnreadableError("wrong_type", "wanted an activity as a JSON object, got another type")
    return submission_in(loose)


def submission_in(activity: Loose) -> Submission | None:
    """Give what an activity says; None where it is nothing that counts. Raises UnreadableError."""
    types = _types(activity)
    if not types:
        raise UnreadableError("wrong_type", "wanted an activity with a `type`, got none")
    thing = _first(activity.get("object"))
    if types & WRITING and isinstance(thing, dict):
        return _written(activity, thing, edited="Update" in types) if _types(thing) & OBJECTS else None
    if types & OBJECTS:
        return _written({"actor": activity.get("attributedTo")}, activity, edited=False)
    kind = "reshare" if "Announce" in types else "reaction" if types & REACTIONS else "view" if types & VIEWS else ""
    if not kind:
        return None
    who, about = _first(activity.get("actor")), _id(thing)
    return submission_of(
        {
            "id": _id(activity) or "/".join((kind, _id(who), about)),
            "at": activity.get("published", ""),
            "account": _id(who),
            "kind": kind,
            "channel": _id(_first(activity.get("audience"))),
            "reference": about,
            "target": _id(_first(thing.get("attributedTo"))) if isinstance(thing, dict) else "",
            "text": _text(thing) if kind == "reshare" and isinstance(thing, dict) else "",
            "tags": _tags(thing) if kind == "reshare" and isinstance(thing, dict) else [],
            "bot": _is_bot(who),
        }
    )


def _written(activity: Loose, thing: Loose, *, edited: bool) -> Submission:
    who = _first(activity.get("actor")) or _first(thing.get("attributedTo"))
    reference = _id(_first(thing.get("inReplyTo")))
    named = [_text_of(tag.get("href")) for tag in _objects(thing.get("tag")) if "Mention" in _types(tag)]
    return submission_of(
        {
            # The id of the thing itself, so that its update is the same event.
            "id": _id(thing) or _id(activity),
            "at": thing.get("published", activity.get("published", "")),
            "account": _id(who),
            "kind": "reply" if reference else "post",
            "text": _text(thing),
            "tags": _tags(thing),
            "channel": _id(_first(thing.get("audience"))) or _id(_first(activity.get("audience"))),
            "reference": reference,
            "mentions": [name for name in named if name][:MAXIMUM_MENTIONS],
            "bot": _is_bot(who),
            "edited": edited,
        }
    )


def _types(thing: Loose) -> set[str]:
    return {name for name in _all(thing.get("type", thing.get("@type"))) if isinstance(name, str)}


def _all(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _first(value: Any) -> Any:
    return next(iter(_all(value)), None)


def _objects(value: Any) -> list[Loose]:
    return [one for one in _all(value) if isinstance(one, dict)]


def _id(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("id", value.get("@id"))
    return _text_of(value)


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _text(thing: Loose) -> str:
    content = thing.get("content")
    if content is None:
        mapped = thing.get("contentMap")
        content = next(iter(mapped.values()), "") if isinstance(mapped, dict) else thing.get("name", "")
    return html.unescape(_MARKUP.sub(" ", _text_of(content)))


def _tags(thing: Loose) -> list[str]:
    named = [_text_of(tag.get("name")) for tag in _objects(thing.get("tag")) if "Hashtag" in _types(tag)]
    return [name for name in named if name.strip("#")][:MAXIMUM_TAGS]


def _is_bot(who: Any) -> bool:
    return isinstance(who, dict) and bool(_types(who) & BOTS)


def build(settings: ActivityStreamsSettings, surroundings: Surroundings) -> list[ActivityStreamsSource]:
    """Make the source."""
    return [ActivityStreamsSource(settings, surroundings)]


def rereader(settings: ActivityStreamsSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused activity again."""
    return lambda refused: _items(refused.raw, refused.place)


KIND: Final = SourceKind(ActivityStreamsSettings, build, rereader)
