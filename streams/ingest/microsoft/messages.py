"""What a message of Teams or Viva Engage says. Chats are private and not read; only channels and communities are."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

from schemas.codec import UnreadableError
from streams.ingest.submission import MAXIMUM_MENTIONS, submission_of
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.ingest.submission import Submission

FORWARDED: Final = "forwardedMessageReference"
TEAMS: Final = "chatmessage"
ENGAGE: Final = "engagementconversation"

_MENTION: Final = re.compile(r"<at\b[^>]*>.*?</at>", re.DOTALL | re.IGNORECASE)
_MARKUP: Final = re.compile(r"<[^<>]*>")


class _Identity(Struct):
    id: str | None = None


class _From(Struct):
    user: _Identity | None = None
    application: _Identity | None = None
    group: _Identity | None = None
    tag: _Identity | None = None


class _Body(Struct):
    content: str | None = None


class _Mention(Struct):
    mentioned: _From | None = None


class _Reaction(Struct, rename="camel"):
    reaction_type: str | None = None
    created_date_time: str | None = None
    user: _From | None = None


class _Channel(Struct, rename="camel"):
    channel_id: str | None = None


class _Attachment(Struct, rename="camel"):
    content_type: str | None = None
    content: Any = None


class _Forwarded(Struct, rename="camel"):
    original_message_id: str = ""
    original_conversation_id: str | None = None
    original_message_sender: _From | None = None


class _Message(Struct, rename="camel"):
    odata_type: str | None = field(name="@odata.type", default=None)
    id: str = ""
    reply_to_id: str | None = None
    created_date_time: str = ""
    last_edited_date_time: str | None = None
    deleted_date_time: str | None = None
    message_type: str | None = None
    sender: _From | None = field(name="from", default=None)
    body: _Body | None = None
    channel_identity: _Channel | None = None
    mentions: list[_Mention] | None = None
    reactions: list[_Reaction] | None = None
    attachments: list[_Attachment] | None = None


_messages: Final[Typed[_Message]] = Typed(_Message)
_forwarded: Final[Typed[_Forwarded]] = Typed(_Forwarded)


def submissions(raw: bytes, odata_type: str, *, created: bool) -> Iterator[Submission]:
    """Give what a message says: itself, and, where it has been updated, the reactions to it. Raises UnreadableError.

    `odata_type` is the type that the notification names. A later notification repeats the message and all of its
    reactions: they are marked as edited, so that old ones are passed over.
    """
    message = _messages.read(raw)
    named = (message.odata_type or odata_type).rpartition(".")[2].casefold()
    sender = message.sender or _From()
    if named == TEAMS:
        channel = (message.channel_identity.channel_id if message.channel_identity else None) or ""
        if not channel or (message.message_type or "message") != "message":
            return
        prefix = channel
    elif named.startswith(ENGAGE):
        if "system" in named:
            return
        channel = _id(sender.group)
        prefix = "engage"
    else:
        raise UnreadableError(
            "wrong_type", "wanted a chatMessage or an engagementConversationMessage, got another type"
        )
    if message.deleted_date_time is None and (created or message.last_edited_date_time is not None):
        yield _written(message, sender, prefix, channel, edited=not created)
    for reaction in message.reactions or ():
        who = _id(reaction.user.user) if reaction.user else ""
        if who:
            yield submission_of(
                {
                    "id": f"reaction/{prefix}/{message.id}/{who}/{reaction.reaction_type}",
                    "at": reaction.created_date_time or "",
                    "account": who,
                    "kind": "reaction",
                    "channel": channel,
                    "reference": f"{prefix}/{message.id}",
                    "target": _id(sender.user),
                    "edited": True,
                }
            )


def _written(message: _Message, sender: _From, prefix: str, channel: str, *, edited: bool) -> Submission:
    shared = next((part for part in message.attachments or () if part.content_type == FORWARDED), None)
    kind = "post"
    reference = target = ""
    if shared is not None and isinstance(shared.content, str):
        original = _forwarded.read(shared.content)
        # Its id is known within its own channel, which may be another one; a reply's name goes on after it.
        home = (original.original_conversation_id or prefix).partition(";")[0]
        kind, reference = "reshare", f"{home}/{original.original_message_id}"
        target = _id(original.original_message_sender.user) if original.original_message_sender else ""
    elif message.reply_to_id:
        kind, reference = "reply", f"{prefix}/{message.reply_to_id}"
    mentioned = [one.mentioned for one in message.mentions or () if one.mentioned is not None]
    return submission_of(
        {
            "id": f"{prefix}/{message.id}",
            "at": message.created_date_time,
            "account": _id(sender.user) or _id(sender.application),
            "kind": kind,
            "text": text_of((message.body.content if message.body else None) or ""),
            "channel": channel,
            "reference": reference,
            "target": target,
            "mentions": [who for one in mentioned if (who := _id(one.user) or _id(one.tag))][:MAXIMUM_MENTIONS],
            "bot": sender.user is None and sender.application is not None,
            "edited": edited,
        }
    )


def text_of(content: str) -> str:
    """Give the text of a message in HTML, without the names in it."""
    return html.unescape(_MARKUP.sub(" ", _MENTION.sub(" ", content)))


def _id(identity: _Identity | None) -> str:
    return (identity.id if identity else None) or ""
