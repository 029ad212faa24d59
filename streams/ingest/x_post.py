"""What a post of X says that somebody did: https://docs.x.com/x-api/fundamentals/data-dictionary."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from msgspec import Raw, Struct, field

from schemas.codec import UnreadableError, encode
from streams.ingest.submission import MAXIMUM_MENTIONS, submission_of
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from streams.ingest.submission import Submission

FIELDS: Final = {
    "tweet.fields": "id,text,created_at,author_id,in_reply_to_user_id,referenced_tweets,entities,note_tweet,"
    "edit_history_tweet_ids",
    "expansions": "author_id,in_reply_to_user_id,referenced_tweets.id,referenced_tweets.id.author_id",
    "user.fields": "id,username",
}
"""What has to be asked for, so that who is reshared and answered is known."""
EPOCH: Final = 1_288_834_974_657
"""The moment (ms) from which ids count."""
_ADDRESSED: Final = re.compile(r"(?:@\w+\s+)*")
"""Whom X itself puts before an answer."""


class _Mention(Struct, gc=False):
    start: int = 0
    username: str = ""


class _Entities(Struct, gc=False):
    mentions: list[_Mention] = []


class _Note(Struct, gc=False):
    text: str = ""
    entities: _Entities | None = None


class _Reference(Struct, gc=False):
    type: str = ""
    id: str = ""


class _Post(Struct):
    id: str = ""
    text: str = ""
    created_at: str = ""
    author_id: str = ""
    in_reply_to_user_id: str | None = None
    referenced_tweets: list[_Reference] | None = None
    entities: _Entities | None = None
    note_tweet: _Note | None = None
    edit_history_tweet_ids: list[str] | None = None


class _User(Struct, gc=False):
    id: str = ""
    username: str = ""


class Includes(Struct):
    """The posts and people that an answer's posts refer to, as they came."""

    tweets: list[Raw] = []
    users: list[Raw] = []


class _Known(Struct):
    tweets: list[_Post] = []
    users: list[_User] = []


class _Whole(Struct):
    data: _Post
    includes: _Known = field(default_factory=_Known)


_whole: Final[Typed[_Whole]] = Typed(_Whole)
_posts: Final[Typed[_Post]] = Typed(_Post)
_users: Final[Typed[_User]] = Typed(_User)


def narrowed(raw: bytes, includes: Includes) -> bytes:
    """Put one post together with what it refers to, as the stream has it: an input that says everything itself."""
    parts: dict[str, list[Raw]] = {"tweets": [], "users": []}
    try:
        post = _posts.read(raw)
        wanted = {reference.id for reference in post.referenced_tweets or ()}
        people = {post.author_id, post.in_reply_to_user_id}
        for one in includes.tweets:
            other = _posts.read(one)
            if other.id in wanted:
                parts["tweets"].append(one)
                people.add(other.author_id)
        parts["users"] = [one for one in includes.users if _users.read(one).id in people]
    except UnreadableError:
        parts = {}  # the post is a dead letter for its own fault, or does without what can't be read
    return encode({"data": Raw(raw), "includes": parts})


def read(raw: bytes) -> Submission:
    """Read a post with what it refers to; raises UnreadableError."""
    whole = _whole.read(raw)
    post = whole.data
    names = {user.id: user.username for user in whole.includes.users}
    posts = {one.id: one for one in whole.includes.tweets}
    references = {reference.type: reference.id for reference in reversed(post.referenced_tweets or [])}
    reshared = references.get("retweeted") or references.get("quoted") or ""
    answered = "" if reshared else references.get("replied_to", "")
    target = post.in_reply_to_user_id if answered else posts[reshared].author_id if reshared in posts else ""
    # A retweet has its text cut; the whole one is that of the original.
    told = posts.get(references.get("retweeted", ""), post)
    note = told.note_tweet
    text = note.text if note and note.text else told.text
    # Not `edited`: X gives out the last form only, which may be all that is found after a gap, and allows edits for an
    # hour, so that none is of an old post.
    history = post.edit_history_tweet_ids or []
    return submission_of(
        {
            "id": history[0] if history else post.id,
            "at": moment_of(history[0]) if len(history) > 1 else post.created_at,
            "account": names.get(post.author_id) or post.author_id,
            "kind": "reshare" if reshared else "reply" if answered else "post",
            "text": html.unescape(text),
            "reference": reshared or answered,
            "target": names.get(target or "") or target or "",
            "mentions": [] if "retweeted" in references else _named(post, answers=bool(answered)),
        }
    )


def _named(post: _Post, *, answers: bool) -> list[str]:
    """Give whom the person named, without whom X put before the answer."""
    note = post.note_tweet
    text, entities = (note.text, note.entities) if note and note.text else (post.text, post.entities)
    addressed = _ADDRESSED.match(text)
    begins = addressed.end() if answers and addressed else 0
    named = [one.username for one in (entities or _Entities()).mentions if one.username and one.start >= begins]
    return named[:MAXIMUM_MENTIONS]


def moment_of(identifier: str) -> int:
    """Give the moment (ms) that an id begins with; 0 where it is none."""
    if not (identifier.isascii() and identifier.isdigit() and len(identifier) < 20):
        return 0
    return (int(identifier) >> 22) + EPOCH
