"""Source `file`: JSON Lines and CSV, from the beginning to the end, and on as the file grows.

Nothing is lost or counted twice: the position is saved after Kafka has acknowledged what stands before it, and what is
sent again after a kill has the same ids, either from the file's id column or from the identity of the file and the
record's place in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import structlog
from msgspec import Meta, Struct, field

from schemas.codec import UnreadableError
from schemas.events import Kind
from streams.errors import OperatorError
from streams.ingest import times
from streams.ingest.columns import Columns, Format, Mapping
from streams.ingest.fileset import FileSet, Position
from streams.ingest.records import MAXIMUM_RECORD, RawRecord
from streams.ingest.source import (
    Item,
    RefusedInput,
    Rereader,
    SourceKind,
    SourceSettings,
    Standing,
    Surroundings,
    Timing,
)

if TYPE_CHECKING:
    from streams.ingest.intake import Intake
    from streams.ingest.tail import Tail

RECORDS_AT_ONCE: Final = 500
AFTER_MOVE: Final = 5_000
"""How long (ms) a renamed file must stay as it is: its writer may not know yet that it was renamed."""
CLOSING: Final = 60_000
"""What a finished file adds (ms) to its last time and the lateness, so that its last minute closes."""

log = structlog.get_logger(__name__)


class FileSettings(SourceSettings, frozen=True, kw_only=True, tag="file"):
    """A file, or several, to be read."""

    path: Annotated[str, Meta(description="file, or pattern such as logs/*.csv", min_length=1)]
    format: Annotated[Format, Meta(description="how records are written")] = "json-lines"
    columns: Annotated[
        Columns, Meta(description="which column holds what; without it each line is an event of ours")
    ] = field(default_factory=Columns)
    delimiter: Annotated[str, Meta(description="between the columns of a CSV file", min_length=1, max_length=1)] = ","
    header: Annotated[tuple[str, ...], Meta(description="names of the columns, if no header line says them")] = ()
    time_format: Annotated[
        str, Meta(description="how times are written: iso, seconds, milliseconds, or a pattern of strptime")
    ] = "iso"
    time_zone: Annotated[str, Meta(description="IANA time zone of times that don't say their own")] = "UTC"
    event_kind: Annotated[Kind, Meta(description="what was done, where no column says it")] = "post"
    kinds: Annotated[
        dict[str, Kind], Meta(description="what the column of `kind` says, and which kind of ours that is")
    ] = field(default_factory=dict)
    region: Annotated[str, Meta(description="region of all events, where no column says it")] = ""
    follow: Annotated[bool, Meta(description="go on reading as the file grows, through its rotation")] = True
    live: Annotated[
        bool, Meta(description="the end of the file is the present: while nothing is added, nothing has happened")
    ] = True
    ordered: Annotated[
        bool, Meta(description="events stand in order of time; if not, no time is complete before the file's end")
    ] = True
    poll_seconds: Annotated[float, Meta(gt=0, le=60, description="between two looks at the file (seconds)")] = 0.5

    def __post_init__(self) -> None:
        """Refuse settings that can't work together; msgspec makes a ValidationError of it."""
        columns = self.columns
        if (self.format == "csv" or columns != Columns()) and not (columns.at and columns.account):
            raise ValueError("`columns` must name at least the columns of `at` and `account`")
        times.reader(self.time_format, self.time_zone)


class FileSource:
    """Reads the files that match a path."""

    def __init__(self, settings: FileSettings, surroundings: Surroundings) -> None:
        self.name = settings.name
        self.clock = surroundings.clock
        self.timing = Timing.of(surroundings.config.time, settings)
        self.regions = settings.regions
        self._settings = settings
        self._pattern = surroundings.folder / settings.path
        self._delimiter = settings.delimiter if settings.format == "csv" else ""
        self._files = FileSet(self._pattern, Position(), self._delimiter)
        self._mappings: dict[str, Mapping] = {}
        self._latest = 0
        self._complete_to = 0
        self._reason = ""
        self._half_since = 0
        self._ended = False

    def standing(self, now: int) -> Standing:  # noqa: ARG002 (the truth changes when a look at the file ends)
        """Tell how far the file is read: to the last event's time, or at its end to the time of that look."""
        if self._ended:
            return Standing(self._complete_to, "ended", "everything has been read")
        return Standing(self._complete_to, "degraded" if self._reason else "ok", self._reason)

    async def run(self, intake: Intake) -> str:
        """Read to the end, or until asked to stop."""
        position = intake.restore(Position) or Position()
        self._files = FileSet(self._pattern, position, self._delimiter)
        self._mappings.clear()
        self._passed(position.latest)
        follow = self._settings.follow
        try:
            while not intake.stopping:
                if await self._look(intake) and not follow:
                    self._complete_to = max(self._complete_to, self._latest + self.timing.lateness + CLOSING)
                    self._ended = True
                    return f"read {self._pattern} to its end"
                await intake.pause(self._settings.poll_seconds)
        except OSError as error:
            raise OperatorError(
                f"to read {self._pattern}", f"{error.strerror}", "see to the file and its rights", retry=follow
            ) from error
        finally:
            self._files.close_all()
        return "stopped; goes on from there at the next start"

    async def _look(self, intake: Intake) -> bool:
        """Read all that is there now; tell whether the end of every file was reached."""
        looked_at = intake.now()
        if self._files.look():
            await intake.save(self._files.position(self._latest))
        tails = list(self._files)
        if not tails and not self._settings.follow:
            raise OperatorError(f"a file {self._pattern}", "there is none", "correct `path`", retry=False)
        for tail in tails:
            await self._read(tail, intake)
            if intake.stopping:
                return False
        if tails and self._settings.follow:
            self._complete_to = max(self._complete_to, looked_at if self._settings.live else self._latest)
        self._judge(looked_at, tails)
        return True

    async def _read(self, tail: Tail, intake: Intake) -> None:
        """Read what is in the file now; end with it where nothing more will come."""
        if tail.truncated():
            log.warning("file.truncated", source=self.name, file=str(tail.path))
            self._files.close(tail, forget=True)
            return
        tail.look()
        limit = tail.size()
        while tail.read_to < limit and not intake.stopping:
            tail.quiet_since = intake.now()
            await self._hand_over(tail, tail.read(), intake)
            if tail.size() < limit:
                return  # truncated meanwhile: the next look sees to it
        if intake.stopping:
            return
        late = tail.moved and intake.now() - tail.quiet_since > AFTER_MOVE
        if late or not self._settings.follow:
            await self._hand_over(tail, tail.finish(), intake)
            self._files.close(tail, forget=False)
            await intake.save(self._files.position(self._latest))

    async def _hand_over(self, tail: Tail, records: list[RawRecord], intake: Intake) -> None:
        for start in range(0, len(records), RECORDS_AT_ONCE):
            items = self._items(tail, records[start : start + RECORDS_AT_ONCE])
            taken = await intake.take(items)
            self._passed(taken.latest)
        if records:
            await intake.save(self._files.position(self._latest))

    def _items(self, tail: Tail, records: list[RawRecord]) -> list[Item]:
        mapping = self._mappings.get(tail.identity)
        if mapping is None:
            mapping = self._mapping()
            if self._delimiter:
                if not tail.header and not self._settings.header:
                    tail.header = mapping.header(records[0], tail.path.name)
                    records = records[1:]
                else:
                    mapping.use_header(tail.header or list(self._settings.header), tail.path.name)
            self._mappings[tail.identity] = mapping
        return [
            _item(record, f"{tail.path.name} line {record.line}", mapping, tail.identity, tail.header)
            for record in records
            if not record.raw.isspace()
        ]

    def _mapping(self) -> Mapping:
        return _mapping(self._settings)

    def _passed(self, latest: int) -> None:
        self._latest = max(self._latest, latest)
        if self._settings.ordered:
            self._complete_to = max(self._complete_to, self._latest)

    def _judge(self, now: int, tails: list[Tail]) -> None:
        """Say what an operator should see to: no file, or a last record that is never written to its end."""
        half = sum(tail.waiting for tail in tails)
        self._half_since = (self._half_since or now) if half else 0
        if not tails:
            self._reason = f"there is no file {self._pattern}"
        elif half and now - self._half_since > self.timing.timeout:
            self._reason = f"{half} bytes of a record wait for its end (at most {MAXIMUM_RECORD})"
        else:
            self._reason = ""


class _Spot(Struct, frozen=True, omit_defaults=True):
    """Where a refused record stood, as its id and its columns follow from it."""

    identity: str
    offset: int
    header: list[str] = field(default_factory=list)
    unclosed: bool = False


def _item(record: RawRecord, place: str, mapping: Mapping, identity: str, header: list[str]) -> Item:
    submission = mapping.read(record, identity)
    context = ""
    if isinstance(submission, UnreadableError):
        context = msgspec.json.encode(_Spot(identity, record.offset, header, record.unclosed)).decode()
    return Item(record.raw, place, submission, record.size, context)


def _mapping(settings: FileSettings) -> Mapping:
    return Mapping(
        settings.columns,
        delimiter=settings.delimiter if settings.format == "csv" else "",
        read_time=times.reader(settings.time_format, settings.time_zone),
        kind=settings.event_kind,
        region=settings.region,
        kinds=settings.kinds,
    )


def rereader(settings: FileSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused record again, by the columns of today and from the place where it stood."""

    def read(refused: RefusedInput) -> list[Item]:
        try:
            spot = msgspec.json.decode(refused.context, type=_Spot)
        except msgspec.DecodeError as error:
            raise OperatorError(
                "the place in its file of a refused record", "it was not kept", "send the file again", retry=False
            ) from error
        mapping = _mapping(settings)
        if settings.format == "csv":
            mapping.use_header(spot.header or list(settings.header), refused.place)
        record = RawRecord(refused.raw, spot.offset, 0, len(refused.raw), spot.unclosed)
        return [_item(record, refused.place, mapping, spot.identity, spot.header)]

    return read


def build(settings: FileSettings, surroundings: Surroundings) -> list[FileSource]:
    """Make the source."""
    return [FileSource(settings, surroundings)]


KIND: Final = SourceKind(FileSettings, build, rereader)
