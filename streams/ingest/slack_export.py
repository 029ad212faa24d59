"""Source `slack-export`: an archive of a Slack workspace, as history; a folder, or the zip file that Slack makes.

slack-sdk is not needed: an archive is JSON files, and a message in it is the message of an event. What a message says
is read as the source `slack` reads it.
"""

from __future__ import annotations

import asyncio
import re
import zipfile
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import msgspec
from msgspec import Meta, Raw, Struct, field

from schemas.codec import UnreadableError, encode
from streams.errors import OperatorError
from streams.ingest import times
from streams.ingest.rereading import items_of, rereader_of
from streams.ingest.slack import moment_of_stamp, submission_of_event
from streams.ingest.source import Item, Rereader, SourceKind, SourceSettings, Standing, Surroundings, Timing
from streams.ingest.submission import Submission, submission_of, too_large
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.ingest.intake import Intake

LARGEST_FILE: Final = 64 * 1024 * 1024
"""Bytes of one day of one channel."""
AT_ONCE: Final = 500
CLOSING: Final = 60_000
"""What the end adds (ms) to the last time and the lateness, so that the last minute closes."""
_DAY: Final = re.compile(r"^(?:[^/]+/)?([^/]+)/(\d{4}-\d{2}-\d{2})\.json$")


class SlackExportSettings(SourceSettings, frozen=True, kw_only=True, tag="slack-export"):
    """An archive that was exported from Slack."""

    path: Annotated[str, Meta(description="zip file, or folder into which it was unpacked", min_length=1)]
    since: Annotated[str, Meta(description="leave out what was before this moment (RFC 3339)")] = ""
    until: Annotated[
        str, Meta(description="leave out what was at or after this moment (RFC 3339): what a live source has counted")
    ] = ""
    reactions: Annotated[
        bool, Meta(description="count reactions; an archive does not say when, so they get the moment of their message")
    ] = True

    def __post_init__(self) -> None:
        """Refuse moments that are none; msgspec makes a ValidationError of it."""
        for moment in (self.since, self.until):
            if moment:
                times.from_rfc3339(moment)


class Position(Struct, frozen=True):
    """The day (`2026-05-31`) and channel that were sent last, and the latest moment (ms) so far."""

    done: str = ""
    latest: int = 0


class _Named(Struct, gc=False):
    id: str = ""
    name: str = ""
    is_bot: bool = False


class _Reaction(Struct, gc=False):
    name: str = ""
    users: list[str] = field(default_factory=list)


class _Reacted(Struct, gc=False):
    ts: str = ""
    user: str = ""
    reactions: list[_Reaction] | None = None


class _Reacting(Struct, frozen=True):
    """One reaction; its JSON is the input of its dead letter."""

    reaction: str
    channel: str
    ts: str
    user: str
    target: str = ""
    bot: bool = False


class _Written(Struct, frozen=True):
    """One message with what the archive says elsewhere."""

    channel: str
    message: Raw
    bot: bool = False


_names: Final[Typed[list[_Named]]] = Typed(list[_Named])
_days: Final[Typed[list[Raw]]] = Typed(list[Raw])
_reacted: Final[Typed[_Reacted]] = Typed(_Reacted)
_reactings: Final[Typed[_Reacting]] = Typed(_Reacting)
_inputs: Final[Typed[dict[str, Any]]] = Typed(dict[str, Any])


class SlackExportSource:
    """Reads one archive from its first day to its last."""

    def __init__(self, settings: SlackExportSettings, surroundings: Surroundings) -> None:
        self.name = settings.name
        self.clock = surroundings.clock
        self.timing = Timing.of(surroundings.config.time, settings)
        self.regions = settings.regions
        self._settings = settings
        self._path = surroundings.folder / settings.path
        self._since = times.from_rfc3339(settings.since) if settings.since else 0
        self._until = times.from_rfc3339(settings.until) if settings.until else times.LIMIT
        self._complete_to = 0
        self._ended = False

    def standing(self, now: int) -> Standing:  # noqa: ARG002 (the truth changes when a day ends)
        """Tell up to which day everything is sent."""
        return Standing(self._complete_to, "ended" if self._ended else "ok", "everything has been read" * self._ended)

    async def run(self, intake: Intake) -> str:
        """Read to the end, or until asked to stop."""
        position = intake.restore(Position) or Position()
        with _open(self._path) as archive:
            channels = {one.name: one.id for one in archive.names("channels.json") + archive.names("groups.json")}
            self._bots = {one.id for one in archive.names("users.json") if one.is_bot}
            for day, folder, name in archive.days():
                if intake.stopping:
                    return "stopped; goes on from there at the next start"
                if folder not in channels or f"{day}/{folder}" <= position.done:
                    continue
                latest = await self._read(archive, name, channels[folder], intake)
                position = Position(f"{day}/{folder}", max(position.latest, latest))
                self._complete_to = max(self._complete_to, times.from_rfc3339(f"{day}T00:00:00Z"))
                await intake.save(position)
        self._complete_to = max(self._complete_to, position.latest + self.timing.lateness + CLOSING)
        self._ended = True
        return f"read {self._path} to its end"

    async def _read(self, archive: _Archive, name: str, channel: str, intake: Intake) -> int:
        raw = await asyncio.to_thread(archive.read, name)
        if isinstance(raw, UnreadableError):
            await intake.take([Item(b"", name, raw)])
            return 0
        try:
            messages = _days.read(raw)
        except UnreadableError as fault:
            await intake.take([Item(raw, name, fault)])
            return 0
        latest = 0
        items = [item for message in messages for item in self._items(bytes(message), channel, name)]
        for start in range(0, len(items), AT_ONCE):
            latest = max(latest, (await intake.take(items[start : start + AT_ONCE])).latest)
        return latest

    def _items(self, message: bytes, channel: str, name: str) -> Iterator[Item]:
        try:
            reacted = _reacted.read(message)
        except UnreadableError as fault:
            yield Item(message, name, fault)
            return
        inputs = [encode(_Written(channel, Raw(message), reacted.user in self._bots))]
        if self._settings.reactions:
            inputs += [
                encode(_Reacting(one.name, channel, reacted.ts, user, reacted.user, user in self._bots))
                for one in reacted.reactions or ()
                for user in one.users
            ]
        for raw in inputs:
            for item in items_of(raw, name, read):
                submission = item.submission
                if isinstance(submission, UnreadableError) or self._since <= submission.at < self._until:
                    yield item


def read(raw: bytes) -> Submission | None:
    """Read a message or a reaction; None where nobody did anything that counts. Raises UnreadableError."""
    loose = _inputs.read(raw)
    if "reaction" in loose:
        told = _reactings.of(loose)
        reference = f"{told.channel}/{told.ts}"
        return submission_of(
            {
                "id": f"reaction/{told.channel}/{told.ts}/{told.user}/{told.reaction}",
                "at": moment_of_stamp(told.ts),
                "account": told.user,
                "kind": "reaction",
                "channel": told.channel,
                "reference": reference,
                "target": told.target,
                "bot": told.bot,
            }
        )
    message = loose.get("message")
    if not isinstance(message, dict):
        raise UnreadableError("wrong_type", "wanted a message of an archive, got something else")
    event = {**message, "channel": loose.get("channel"), "type": "message"}
    submission = submission_of_event(encode(event))
    if submission is not None and loose.get("bot") is True:
        submission = msgspec.structs.replace(submission, bot=True)
    return submission


class _Archive:
    """The files of an archive, in a zip file or in a folder."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path) if path.is_file() else None
        self._folder = path
        if self._zip is not None:
            self._files = {info.filename: info.file_size for info in self._zip.infolist() if not info.is_dir()}
        else:
            self._files = {
                str(file.relative_to(path)): file.stat().st_size for file in path.rglob("*.json") if file.is_file()
            }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def days(self) -> list[tuple[str, str, str]]:
        """Give the days with their channel's folder and file, oldest first."""
        found = [(match, name) for name in self._files if (match := _DAY.match(name))]
        return sorted((match[2], match[1], name) for match, name in found)

    def names(self, file: str) -> list[_Named]:
        """Give what a list of the archive names; nothing where there is none."""
        name = next((one for one in self._files if one == file or one.endswith(f"/{file}")), None)
        if name is None:
            return []
        raw = self.read(name)
        if isinstance(raw, UnreadableError):
            raise _no_archive(self._folder, f"{file} is too large")
        try:
            return _names.read(raw)
        except UnreadableError as error:
            raise _no_archive(self._folder, f"{file} can't be read") from error

    def read(self, name: str) -> bytes | UnreadableError:
        """Read a file; give the fault of one that is too large, whatever its head says of its size."""
        if self._files[name] > LARGEST_FILE:
            return too_large(self._files[name], LARGEST_FILE)
        opened = self._zip.open(name) if self._zip is not None else (self._folder / name).open("rb")
        with opened:
            raw = opened.read(LARGEST_FILE + 1)
        return too_large(len(raw), LARGEST_FILE) if len(raw) > LARGEST_FILE else raw


def _open(path: Path) -> _Archive:
    try:
        archive = _Archive(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise _no_archive(path, getattr(error, "strerror", None) or "it is no zip file") from error
    if not archive.names("channels.json"):
        raise _no_archive(path, "it has no channels.json")
    return archive


def _no_archive(path: Path, came: str) -> OperatorError:
    return OperatorError(
        f"an archive of Slack at {path}", came, "name the zip file that Slack made, or its folder", retry=False
    )


def rereader(settings: SlackExportSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused message again."""
    return rereader_of(read)


def build(settings: SlackExportSettings, surroundings: Surroundings) -> list[SlackExportSource]:
    """Make the source."""
    return [SlackExportSource(settings, surroundings)]


KIND: Final = SourceKind(SlackExportSettings, build, rereader)
