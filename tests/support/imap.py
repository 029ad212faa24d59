"""An IMAP server on loopback, with as much of RFC 3501 as a mailbox needs that is looked into."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_UID = re.compile(r"UID (\d+):(\d+|\*)")


class Letter(Struct):
    """One mail: its head, and when it came, as IMAP writes that."""

    uid: int
    head: str
    came: str = "28-May-2026 20:20:00 +0000"
    seen: bool = False


class Box(Struct):
    """One folder."""

    letters: list[Letter] = field(default_factory=list)
    validity: int = 1


class MailServer:
    """A mailbox; `drop` ends the next connections after so many commands, `password` is the right one."""

    def __init__(self) -> None:
        self.boxes = {"INBOX": Box(), "Trash": Box()}
        self.password = "right"
        self.drop = 0
        self.logins = 0
        self.fetched = 0
        self.port = 0
        self.open: set[asyncio.StreamWriter] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client to its end."""
        self.open.add(writer)
        writer.write(b"* OK ready\r\n")
        box = Box()
        said = 0
        while line := (await reader.readline()).decode().strip():
            said += 1
            if self.drop and said > self.drop:
                self.drop = 0
                break
            tag, _, command = line.partition(" ")
            name = command.split(" ")[0].upper()
            if name in {"EXAMINE", "SELECT"}:
                wanted = command.split(" ", 1)[1].strip('"')
                if wanted not in self.boxes:
                    writer.write(f"{tag} NO there is no {wanted}\r\n".encode())
                    continue
                box = self.boxes[wanted]
            for answer in self._answers(name, command, box):
                writer.write(answer + b"\r\n")
            refused = name == "LOGIN" and self.password not in command
            writer.write(f"{tag} {'NO refused' if refused else 'OK done'}\r\n".encode())
            await writer.drain()
            if name == "LOGOUT":
                break
        writer.close()

    def _answers(self, name: str, command: str, box: Box) -> list[bytes]:
        if name == "CAPABILITY":
            return [b"* CAPABILITY IMAP4rev1"]
        if name == "LOGIN":
            self.logins += 1
        if name in {"EXAMINE", "SELECT"}:
            count = len(box.letters)
            return [b"* FLAGS (\\Seen)", b"* %d EXISTS" % count, b"* OK [UIDVALIDITY %d] valid" % box.validity]
        if command.upper().startswith("UID SEARCH"):
            return [b"* SEARCH " + b" ".join(b"%d" % one.uid for one in self._found(command, box))]
        if command.upper().startswith("UID FETCH"):
            uids = {int(one) for one in command.split(" ")[2].split(",")}
            return [self._fetched(one) for one in box.letters if one.uid in uids]
        return []

    def _found(self, command: str, box: Box) -> list[Letter]:
        bounds = _UID.search(command, 10)
        assert bounds is not None
        last = max((one.uid for one in box.letters), default=0)
        first, end = int(bounds[1]), last if bounds[2] == "*" else int(bounds[2])
        first, end = min(first, end), max(first, end)  # `9:*` is `*:9` where the last is below
        seen = " SEEN" in command
        return [one for one in box.letters if first <= one.uid <= end and (one.seen or not seen)]

    def _fetched(self, one: Letter) -> bytes:
        self.fetched += 1
        head = one.head.replace("\n", "\r\n").encode() + b"\r\n\r\n"
        flags = "\\Seen" if one.seen else ""
        told = f'* {one.uid} FETCH (UID {one.uid} FLAGS ({flags}) INTERNALDATE "{one.came}" '
        named = "BODY[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID LIST-ID)]"
        return f"{told}{named} {{{len(head)}}}\r\n".encode() + head + b")"


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """Serve a mailbox on a free port of loopback."""
    server = MailServer()
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
        listening.close()
        for writer in server.open:
            writer.transport.abort()  # a client that is in the middle of it must not wait for an answer
