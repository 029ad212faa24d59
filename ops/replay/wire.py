"""Prometheus's remote write, version 1: the bytes of a request, and what an answer means.

Format: "Prometheus Remote-Write 1.0 specification": protobuf WriteRequest, snappy in its block format.
"""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import cramjam
import stamina
from msgspec import Struct

from streams.errors import OperatorError

ATTEMPTS: Final = 8
LONGEST_WAIT: Final = 30.0
SECONDS: Final = 60.0
TOKEN: Final = "JUN_REMOTE_WRITE_TOKEN"  # noqa: S105 (the name of a variable)
"""Environment variable with the bearer token, where the server wants one."""
REFUSED: Final = ("too old", "out of bounds", "out of order", "duplicate sample")
"""What Prometheus says with a 500 of samples that it will never take: trying again would go on for ever."""
TOO_LARGE: Final = 413
TOO_MANY: Final = 429
UNAVAILABLE: Final = 500
HELPLESS: Final = frozenset({401, 403, 404, 405, 415})
_LABELS, _SAMPLES, _SERIES = 1, 2, 1


class Line(Struct, frozen=True):
    """One series of a request: its labels by name, sorted, with `__name__`; times in s."""

    labels: tuple[tuple[str, str], ...]
    times: Sequence[int]
    values: Sequence[float]


class RefusedError(Exception):
    """The server will not take this request as it is; its text says why."""


class _PassingError(Exception):
    """The server can't take it now."""


@cache
def _request_class() -> Any:
    """Make the message class; the schema is four messages long, and so stands here instead of generated code."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: PLC0415 (an optional part)

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="jun/remote_write.proto", package="prometheus", syntax="proto3")

    def message(name: str, *fields: tuple[str, int, int, bool, str]) -> None:
        made = file.message_type.add(name=name)
        for field, number, kind, repeated, of in fields:
            made.field.add(
                name=field,
                number=number,
                type=kind,
                label=kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL,
                type_name=f".prometheus.{of}" if of else None,
            )

    message("Label", ("name", 1, kinds.TYPE_STRING, False, ""), ("value", 2, kinds.TYPE_STRING, False, ""))
    message("Sample", ("value", 1, kinds.TYPE_DOUBLE, False, ""), ("timestamp", 2, kinds.TYPE_INT64, False, ""))
    message(
        "TimeSeries",
        ("labels", 1, kinds.TYPE_MESSAGE, True, "Label"),
        ("samples", 2, kinds.TYPE_MESSAGE, True, "Sample"),
    )
    message("WriteRequest", ("timeseries", 1, kinds.TYPE_MESSAGE, True, "TimeSeries"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))


def body_of(lines: Sequence[Line]) -> bytes:
    """Write the body of a request; times become ms. Raises ModuleNotFoundError without the extra `remote-write`."""
    request = _request_class()()
    for line in lines:
        series = request.timeseries.add()
        for name, text in line.labels:
            series.labels.add(name=name, value=text)
        for at, value in zip(line.times, line.values, strict=True):
            series.samples.add(value=value, timestamp=at * 1_000)
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def read_body(body: bytes) -> list[Line]:
    """Read what body_of() wrote."""
    request = _request_class().FromString(bytes(cramjam.snappy.decompress_raw(body)))
    return [
        Line(
            tuple((label.name, label.value) for label in series.labels),
            [sample.timestamp // 1_000 for sample in series.samples],
            [sample.value for sample in series.samples],
        )
        for series in request.timeseries
    ]


def post(url: str, body: bytes) -> None:
    """Send one request, patiently. Raises RefusedError where it may do in parts, OperatorError where it won't do."""
    try:
        for attempt in stamina.retry_context(
            on=_PassingError, attempts=ATTEMPTS, timeout=None, wait_initial=0.2, wait_max=LONGEST_WAIT
        ):
            with attempt:
                _post_once(url, body)
    except _PassingError as error:
        raise OperatorError(
            f"{_shown(url)} to take samples", str(error), "see to it; started again the replay goes on", retry=True
        ) from error


def _post_once(url: str, body: bytes) -> None:
    headers = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
        "User-Agent": "jun-replay",
    }
    try:
        with urllib.request.urlopen(_request(url, headers, body), timeout=SECONDS) as answer:  # noqa: S310 (looked at)
            answer.read()
    except urllib.error.HTTPError as error:
        said = error.read(2_000).decode("utf-8", "replace").strip()
        words = f"it answered {error.code}: {said or error.reason}"
        if error.code in HELPLESS:
            raise OperatorError(
                f"{_shown(url)} to take samples", words,
                "start Prometheus with --web.enable-remote-write-receiver, and see to its login", retry=False,
            ) from error  # fmt: skip
        passing = error.code == TOO_MANY or error.code >= UNAVAILABLE
        if passing and not any(word in said for word in REFUSED):
            raise _PassingError(words) from error
        raise RefusedError(said or str(error.reason)) from error
    except OSError as error:
        raise _PassingError(f"it could not be reached ({error})") from error


def get(url: str) -> bytes:
    """Ask something; raises OSError."""
    with urllib.request.urlopen(_request(url, {}, None), timeout=SECONDS) as answer:  # noqa: S310 (looked at)
        content: bytes = answer.read()
    return content


def _request(url: str, headers: dict[str, str], body: bytes | None) -> urllib.request.Request:
    if not url.startswith(("http://", "https://")):
        raise OperatorError("a URL that begins with http:// or https://", f"{url} came", "correct it", retry=False)
    token = os.environ.get(TOKEN)
    more = {"Authorization": f"Bearer {token}"} if token else {}
    return urllib.request.Request(url, data=body, headers={**headers, **more})  # noqa: S310 (looked at above)


def _shown(url: str) -> str:
    return url.split("?", maxsplit=1)[0]
