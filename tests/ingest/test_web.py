"""The way to a web service: what is tried again, what is waited for, what somebody must see to."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from streams.errors import OperatorError
from streams.ingest.web import ATTEMPTS, TroubleError, Web
from tests.support.ingest import NOW
from tests.support.services import script, serving

if TYPE_CHECKING:
    from collections.abc import Callable


async def asked(*answers: Any, then: Any = b"ok", secret: str = "") -> tuple[Any, int]:
    """Ask once; give the answer, or the error, and how often the service was asked."""
    async with serving(script(*answers, then=then)) as service:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        async with Web(service.address, lambda: NOW, headers) as there:
            try:
                return await there.get("/x", {"q": "1"}), len(service.asked)
            except (OperatorError, TroubleError) as error:
                return error, len(service.asked)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_what_passes_is_tried_again(status: int) -> None:
    answer, times = await asked(status)
    assert (answer.status, answer.body, times) == (200, b"ok", 2)
    error, times = await asked(then=status)
    assert (str(error), times) == (f"127.0.0.1 answered {status}", ATTEMPTS)


def limited(status: int, **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=status, headers={name.replace("_", "-"): one for name, one in headers.items()})


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (limited(429, Retry_After="17"), 17),
        (limited(503, Retry_After="17"), 17),
        (limited(429, Retry_After=formatdate(NOW / 1000 + 40, usegmt=True)), 40),
        (limited(429, x_rate_limit_reset=str(NOW // 1000 + 600)), 600),
        (limited(429, X_RateLimit_Reset="2026-05-28T20:36:40.000Z"), 600),
        (limited(429, RateLimit_Reset="30"), 30),
        (limited(429, Retry_After="a while"), 0),
        (limited(429), 0),
        (limited(429, Retry_After="999999"), 3600),
    ],
)
async def test_a_limit_is_told_at_once_with_the_seconds_to_wait(
    answer: Callable[[], web.Response], wait: float
) -> None:
    error, times = await asked(answer)
    assert isinstance(error, TroubleError)
    assert (error.wait, times) == (wait, 1)
    until = time.strftime("%H:%M:%S", time.gmtime(NOW / 1000 + wait))
    assert not wait or f"until {until} UTC" in str(error)


@pytest.mark.parametrize("status", [401, 403, 400, 404, 410, 302])
async def test_what_somebody_must_see_to_is_an_error_without_the_secret(status: int) -> None:
    error, times = await asked(limited(status, Location="/elsewhere"), secret="hush")
    assert isinstance(error, OperatorError)
    assert (error.retry, times, "hush" in str(error)) == (True, 1, False)


async def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.ingest.web.MAXIMUM_BODY", 1_000)
    error, _ = await asked(b"x" * 1_001)
    assert isinstance(error, OperatorError)
    answer, _ = await asked(b"x" * 1_000)
    assert len(answer.body) == 1_000


async def test_who_is_patient_waits_and_goes_on_where_it_was() -> None:
    waited: list[float] = []

    async def patient(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) < 3

    answers = script(limited(429, Retry_After="9"), limited(429), b"ok", then=limited(429))
    async with serving(answers) as service, Web(service.address, lambda: NOW) as there:
        there.patient = patient
        assert (await there.get("/x")).body == b"ok"
        assert waited == [9, 5]
        with pytest.raises(TroubleError):
            await there.get("/x")
    assert len(waited) == 3


async def test_a_service_that_is_not_there_is_named_by_its_host_alone() -> None:
    async with Web("http://127.0.0.1:9/?token=hush", lambda: NOW) as there:
        with pytest.raises(TroubleError, match=r"^127\.0\.0\.1 can't be reached") as raised:
            await there.get("")
    assert "hush" not in str(raised.value)
