"""One look into a mailbox: what became of the newsletters in it since the look before. Blocks: it runs in a thread."""

from __future__ import annotations

import contextlib
import email
import email.errors
import email.header
import email.policy
import hashlib
import socket
import ssl
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct, field

from schemas.config import Port, Secret
from schemas.events import Kind
from streams.errors import OperatorError
from streams.ingest import times
from streams.ingest.extras import needed
from streams.ingest.pull import HOUR, PullSettings
from streams.ingest.web import TroubleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SECONDS: Final = 30.0
"""For one answer of the server."""
AT_ONCE: Final = 200
"""Mails whose heads are asked for together."""
WATCHED: Final = 28 * 24 * HOUR
"""How long (ms) a mail is watched for being opened or deleted."""
MOST_WATCHED: Final = 50_000
LONGEST_SUBJECT: Final = 1_000
_HEAD: Final = b"BODY[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID LIST-ID)]"
_ASKED: Final = ("FLAGS", "INTERNALDATE", "BODY.PEEK[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID LIST-ID)]")


class ImapSettings(PullSettings, frozen=True, kw_only=True, tag="imap"):
    """A mailbox that newsletters come to."""

    host: Annotated[str, Meta(description="name of the IMAP server", min_length=1)]
    user: Annotated[str, Meta(description="who logs in", min_length=1)]
    password: Annotated[Secret, Meta(description="password, or password for apps")] = field(default_factory=Secret)
    senders: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="From addresses, or List-Ids, of the newsletters; other mail is not looked at"),
    ]
    port: Annotated[Port, Meta(description="port of the IMAP server")] = 993
    tls: Annotated[bool, Meta(description="speak TLS from the beginning; without it, only on this machine")] = True
    folders: Annotated[tuple[str, ...], Meta(description="folders that newsletters come to")] = ("INBOX",)
    trash: Annotated[str, Meta(description="folder of what was deleted")] = "Trash"
    account: Annotated[str, Meta(description="account of the mailbox, as the directory has it; `user` where empty")] = (
        ""
    )
    region: Annotated[str, Meta(description="region of the mailbox; that of the account where empty")] = ""

    def __post_init__(self) -> None:
        """Refuse a password in the clear; msgspec makes a ValidationError of it."""
        if not self.tls and self.host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("`tls` may be false only for a server on this machine: the password would be readable")


class Folder(Struct, frozen=True):
    """How far a folder was looked through: UIDs hold while `validity` stays."""

    validity: int = 0
    uid: int = 0


class Watched(Struct, frozen=True):
    """A newsletter that was delivered at `at` (ms), where it lies, and whether it was opened or deleted since."""

    at: int
    folder: str
    uid: int
    subject: str = ""
    opened: bool = False
    deleted: bool = False


class Happening(Struct, frozen=True, omit_defaults=True):
    """One thing that became of a newsletter; its JSON is the input of its dead letter."""

    mail: str
    kind: Kind
    at: int
    account: str
    subject: str = ""
    region: str = ""


class Position(Struct, frozen=True):
    """How far each folder is, the newsletters that are watched, by the hash of their Message-ID, and what is about to
    be sent: it has the moment of the look that found it, also after a crash. `oldest` is where the first start began.
    """

    folders: dict[str, Folder] = field(default_factory=dict)
    mails: dict[str, Watched] = field(default_factory=dict)
    pending: list[Happening] = field(default_factory=list)
    oldest: int = 0


class Found(Struct, frozen=True):
    """What a look found, and the position after it."""

    happened: list[Happening]
    after: Position


class _Mail(Struct, frozen=True):
    key: str
    uid: int
    at: int
    seen: bool
    subject: str


class Looking:
    """One look."""

    def __init__(self, settings: ImapSettings, position: Position, now: int) -> None:
        self._settings = settings
        self._position = position
        self._now = now
        self._folders = dict(position.folders)
        self._mails = dict(position.mails)
        self._happened: list[Happening] = []
        self._server: Any = None

    def abandon(self) -> None:
        """Break the connection off, from any thread: who waits in it gets an OSError."""
        if self._server is not None:
            with contextlib.suppress(OSError):
                self._server.socket().shutdown(socket.SHUT_RDWR)

    def run(self, password: str) -> Found:
        """Log in and look through the folders. Raises OSError, TroubleError, and OperatorError for a refused login."""
        settings = self._settings
        imap = needed("imapclient", f"the source {settings.name}")
        errors = needed("imapclient.exceptions", f"the source {settings.name}")
        context = ssl.create_default_context() if settings.tls else None
        try:
            with imap.IMAPClient(
                settings.host, settings.port, ssl=settings.tls, ssl_context=context, timeout=SECONDS, use_uid=True
            ) as server:
                self._server = server
                try:
                    server.login(settings.user, password)
                except errors.LoginError:
                    raise OperatorError(
                        f"to log in to {settings.host}", "the login was refused", "correct `user` and `password`",
                        retry=True,
                    ) from None  # fmt: skip
                for folder in settings.folders:
                    self._look_into(server, folder)
                self._look_into_trash(server)
        except errors.IMAPClientError as error:
            # Its text may quote what the server said of the mailbox.
            raise TroubleError(f"{settings.host} refused something ({type(error).__name__})") from None
        kept = [(key, mail) for key, mail in self._mails.items() if mail.at > self._now - WATCHED]
        after = Position(self._folders, dict(kept[-MOST_WATCHED:]), [], self._position.oldest)
        return Found(self._happened, after)

    def _look_into(self, server: Any, folder: str) -> None:
        for mail in self._new(server, folder):
            known = self._mails.get(mail.key)
            if known is not None:
                # Moved here from another folder of ours, or the folder's UIDs are others by now.
                self._mails[mail.key] = msgspec.structs.replace(known, folder=folder, uid=mail.uid)
            elif mail.at >= self._position.oldest:
                self._mails[mail.key] = Watched(mail.at, folder, mail.uid, mail.subject)
                self._note("delivered", mail.key, mail.at)
        waiting = {one.uid: key for key, one in self._mails.items() if one.folder == folder and not one.opened}
        if waiting:
            for uid in server.search(["SEEN", "UID", f"{min(waiting)}:{max(waiting)}"]):
                if uid in waiting:
                    self._opened(waiting[uid])

    def _look_into_trash(self, server: Any) -> None:
        for mail in self._new(server, self._settings.trash):
            known = self._mails.get(mail.key)
            if known is None:
                if mail.at < self._position.oldest:
                    continue
                # Deleted between two looks.
                known = self._mails[mail.key] = Watched(mail.at, self._settings.trash, mail.uid, mail.subject)
                self._note("delivered", mail.key, mail.at)
            if mail.seen and not known.opened:
                self._opened(mail.key)
            if not known.deleted:
                self._mails[mail.key] = msgspec.structs.replace(self._mails[mail.key], deleted=True)
                self._note("delete", mail.key, self._now)

    def _opened(self, key: str) -> None:
        self._mails[key] = msgspec.structs.replace(self._mails[key], opened=True)
        self._note("open", key, self._now)

    def _note(self, kind: Kind, key: str, at: int) -> None:
        settings = self._settings
        account = settings.account or settings.user
        self._happened.append(Happening(key, kind, at, account, self._mails[key].subject, settings.region))

    def _new(self, server: Any, folder: str) -> Iterator[_Mail]:
        """Give the newsletters that came into a folder since the look before."""
        selected = server.select_folder(folder, readonly=True)
        validity = int(selected.get(b"UIDVALIDITY", 0))
        known = self._folders.get(folder, Folder())
        uid = known.uid if known.validity == validity else 0
        criteria: list[str] = ["UID", f"{uid + 1}:*"]
        if not uid and self._position.oldest:
            first = times.EPOCH + times.MILLISECOND * max(0, self._position.oldest - 24 * HOUR)
            criteria += ["SINCE", first.strftime("%d-%b-%Y")]
        # `n:*` names the last mail even where its UID is below n.
        uids = sorted(one for one in server.search(criteria) if one > uid)
        for start in range(0, len(uids), AT_ONCE):
            heads = server.fetch(uids[start : start + AT_ONCE], _ASKED)
            for number in sorted(heads):
                mail = self._mail(number, heads[number])
                if mail is not None:
                    yield mail
        self._folders[folder] = Folder(validity, max([uid, *uids]))

    def _mail(self, uid: int, told: Any) -> _Mail | None:
        """Read the head of a mail; None where it is no newsletter of ours."""
        head = email.message_from_bytes(bytes(told.get(_HEAD) or b""), policy=email.policy.compat32)
        names = (_text(head.get(name)).casefold() for name in ("From", "List-Id"))
        if not _is_of(names, self._settings.senders):
            return None
        name = _text(head.get("Message-ID")).strip() or f"{uid}/{told.get(b'INTERNALDATE')}"
        moment = told.get(b"INTERNALDATE")
        return _Mail(
            key=hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32],
            uid=uid,
            at=max(0, round(moment.timestamp() * 1000)) if moment is not None else self._now,
            seen=b"\\Seen" in (told.get(b"FLAGS") or ()),
            subject=_text(head.get("Subject"))[:LONGEST_SUBJECT],
        )


def _text(value: Any) -> str:
    """Give the text of a head, which may be in parts of several encodings (RFC 2047), or not be what it says."""
    if value is None:
        return ""
    try:
        text = str(email.header.make_header(email.header.decode_header(value)))
    except (ValueError, LookupError, email.errors.MessageError):
        text = str(value)
    return text.encode("utf-8", "replace").decode()


def _is_of(names: Iterable[str], senders: Iterable[str]) -> bool:
    """Tell whether one of the senders stands in one of the heads, whole: `<news@a.example>` or `<list.a.example>`."""
    parts = {part for name in names for part in name.replace("<", " ").replace(">", " ").split()}
    return any(sender.casefold().strip("<>") in parts for sender in senders)
