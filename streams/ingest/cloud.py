"""Source `cloudevents`: CloudEvents 1.0 and 0.3 over HTTP, binary, structured and in batches.

https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final
from urllib.parse import unquote

from aiohttp import web
from msgspec import Meta, Struct, field

from schemas.codec import UnreadableError, encode
from schemas.events import KINDS, Kind
from streams.ingest.bearer import BearerSettings, BearerSource
from streams.ingest.extras import needed
from streams.ingest.parts import many
from streams.ingest.push import RejectedError
from streams.ingest.source import Item, RefusedInput, Rereader, SourceKind
from streams.ingest.submission import submission_of
from streams.ingest.typed import Typed, loose_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.ingest.source import Surroundings
    from streams.ingest.submission import Submission

BATCH: Final = "application/cloudevents-batch+json"
STRUCTURED: Final = "application/cloudevents"
FIELDS: Final = (
    "account", "actor", "at", "text", "tags", "kind", "region", "channel", "reference", "target", "mentions", "bot",
    "machine", "edited",
)  # fmt: skip
"""Our fields that the data of an event may have."""


class CloudEventsSettings(BearerSettings, frozen=True, kw_only=True, tag="cloudevents"):
    """Callers that send CloudEvents."""

    kinds: Annotated[
        dict[str, Kind],
        Meta(
            description="what was done, by the type of the event; events of types that are not listed are passed over"
        ),
    ] = field(default_factory=dict)
    fields: Annotated[
        dict[str, str],
        Meta(description=f"paths in the data, such as user.name, of our fields: {', '.join(FIELDS)}"),
    ] = field(default_factory=dict)
    origins: Annotated[
        tuple[str, ...], Meta(description="origins whose validation requests (OPTIONS) are allowed; * for all")
    ] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.fields) - set(FIELDS))
        if unknown:
            raise ValueError(f"wanted `fields` out of {', '.join(FIELDS)}, got {unknown[0]}")


class _Envelope(Struct):
    """What the library makes up where it is missing: then every repeat would be a new event."""

    id: Any = None
    time: Any = None

    def check(self) -> bool:
        """Say whether there is a time; raises UnreadableError where there is no id."""
        if self.id is None:
            raise UnreadableError("no_id", "wanted an `id`, got none")
        return self.time is not None


_envelopes: Final[Typed[_Envelope]] = Typed(_Envelope)


class CloudEventsSource(BearerSource):
    """Takes CloudEvents from whoever has the token."""

    methods: ClassVar[tuple[str, ...]] = ("POST", "OPTIONS")

    def __init__(self, settings: CloudEventsSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._cloud = settings
        self._binding: Any = None
        self._faults: tuple[type[Exception], ...] = ()

    def prepare(self) -> None:
        """Read the token, and bring the library in."""
        super().prepare()
        self._binding = needed("cloudevents.core.bindings.http", "CloudEvents")
        broken = needed("cloudevents.core.exceptions", "CloudEvents").BaseCloudEventException
        self._faults = (broken, ValueError, TypeError, KeyError, AttributeError, RecursionError)

    def screen(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Answer a validation request, which asks before it sends (HTTP 1.1 Web Hooks for Event Delivery, 4)."""
        if request.method != "OPTIONS":
            return super().screen(request)
        origin = request.headers.get("WebHook-Request-Origin", "")
        if not origin or not {origin, "*"} & set(self._cloud.origins):
            raise RejectedError(403, "wanted a WebHook-Request-Origin out of `origins`")
        return web.Response(headers={"Allow": "POST", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})

    async def read(self, request: web.BaseRequest, body: bytes) -> list[Item]:
        """Give the events of a request."""
        place = f"POST {self.path}"
        if request.content_type == BATCH:
            headers = {"content-type": "application/cloudevents+json"}
            parts = many(body)
            found = [self._item(headers, raw, f"{place}, event {index}") for index, raw in enumerate(parts)]
        else:
            found = [self._item(request.headers, body, place)]
        return [item for item in found if item is not None]

    def _item(self, headers: Mapping[str, str], raw: bytes, place: str) -> Item | None:
        try:
            submission = self._submission(headers, raw)
        except UnreadableError as fault:
            return Item(_whole(headers, raw), place, fault)
        return None if submission is None else Item(_whole(headers, raw), place, submission)

    def again(self, refused: RefusedInput) -> list[Item]:
        """Read a refused event again; one that came binary was kept structured."""
        item = self._item({"content-type": STRUCTURED + "+json"}, refused.raw, refused.place)
        return [] if item is None else [item]

    def _submission(self, headers: Mapping[str, str], raw: bytes) -> Submission | None:
        lowered = {name.lower() for name in headers}
        binary = "ce-specversion" in lowered
        if not binary and not headers.get("content-type", "").startswith(STRUCTURED):
            raise UnreadableError(
                "wrong_type", "wanted CloudEvents, binary (ce-specversion) or structured, got neither"
            )
        has_time = "ce-time" in lowered if binary else _envelopes.read(raw).check()
        if binary and "ce-id" not in lowered:
            raise UnreadableError("no_id", "wanted an `id`, got none")
        message = self._binding.HTTPMessage(headers=dict(headers), body=raw)
        read = self._binding.from_binary_event if binary else self._binding.from_structured_event
        try:
            event = read(message)
            data, moment, kind = event.get_data(), event.get_time(), self._kind(event.get_type())
        except self._faults as error:
            # The library's own words may quote what came.
            raise UnreadableError("wrong_type", f"wanted a CloudEvent, got {type(error).__name__}") from error
        if kind is None:
            return None
        if not isinstance(data, dict):
            raise UnreadableError("wrong_type", "wanted the data of the CloudEvent as a JSON object, got another type")
        fields = {name: value for name in FIELDS if (value := self._field(data, name)) is not None}
        fields["id"] = f"{event.get_source()}#{event.get_id()}"
        if kind:
            fields["kind"] = kind
        elif "kind" not in fields:
            raise UnreadableError("unknown_kind", "wanted a `kind` in the data, or the type in `kinds`, got neither")
        fields.setdefault("at", moment.isoformat() if has_time and moment else "")
        if "account" not in fields and "actor" not in fields:
            fields["account"] = event.get_subject() or ""
        if isinstance(fields.get("reference"), str | int):
            fields["reference"] = f"{event.get_source()}#{fields['reference']}"
        return submission_of(fields)

    def _kind(self, name: str) -> str | None:
        """Give the kind of a type: the one that is set, else its last part if that is a kind; None to pass over."""
        if self._cloud.kinds:
            return self._cloud.kinds.get(name)
        last = name.rpartition(".")[2]
        return last if last in KINDS else ""

    def _field(self, data: dict[str, Any], name: str) -> Any:
        value: Any = data
        for step in self._cloud.fields.get(name, name).split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return value


def _whole(headers: Mapping[str, str], body: bytes) -> bytes:
    """Give an event as one input that says everything itself: a binary one, whose head is apart, in structured mode."""
    parts = {name.lower(): value for name, value in headers.items()}
    if "ce-specversion" not in parts:
        return body
    loose: dict[str, Any] = {name[3:]: unquote(value) for name, value in parts.items() if name.startswith("ce-")}
    loose["datacontenttype"] = parts.get("content-type", "application/json")
    try:
        loose["data"] = loose_json(body)
    except UnreadableError:
        loose["data_base64"] = b64encode(body).decode()
    return encode(loose)


def rereader(settings: CloudEventsSettings, surroundings: Surroundings) -> Rereader:
    """Make what reads a refused event again."""
    source = CloudEventsSource(settings, surroundings)
    source.prepare()
    return source.again


def build(settings: CloudEventsSettings, surroundings: Surroundings) -> list[CloudEventsSource]:
    """Make the source."""
    return [CloudEventsSource(settings, surroundings)]


KIND: Final = SourceKind(CloudEventsSettings, build, rereader)
