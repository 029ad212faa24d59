"""What becomes of samples that a receiver takes, refuses, takes in part, or can't take now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stamina

from ops.exporter import families as f
from ops.replay import remote_write, wire
from ops.replay.columns import Window
from ops.replay.remote_write import RemoteWrite, told
from streams.errors import OperatorError
from tests.support.receiver import TAKEN, Answer, Receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytest.importorskip("google.protobuf")
BEGIN = 1_780_300_800
LABELS = {"job": "jun", "instance": "here:9464"}
REGIONS = ("a", "b", "c")
SAMPLES = 3 * len(REGIONS)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made, stamina.set_testing(True, attempts=3):  # no waiting between attempts
        yield made


def window() -> Window:
    made = Window(BEGIN // 7200)
    for minute in range(3):
        made.add(BEGIN + minute * 60, [(f.DUPLICATES, (region,), float(minute)) for region in REGIONS])
    return made


def writer(receiver: Receiver) -> RemoteWrite:
    return RemoteWrite(receiver.url, LABELS, pause=lambda _: None)


def in_turn(*answers: Answer) -> Callable[[Sequence[wire.Line]], Answer]:
    """Give the answers in turn, then take everything."""
    left = iter(answers)
    return lambda _: next(left, TAKEN)


def holds(lines: Sequence[wire.Line], region: str, at: int) -> bool:
    return any(dict(line.labels)["region"] == region and at in line.times for line in lines)


def test_what_is_taken_is_found_again_and_nothing_is_told(receiver: Receiver) -> None:
    to = writer(receiver)
    to.write(window())
    assert told(to.found) == []
    assert to.found.written.samples == SAMPLES
    assert receiver.headers[0]["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert receiver.headers[0]["Content-Encoding"] == "snappy"
    labels = (("__name__", f.DUPLICATES.name), ("instance", "here:9464"), ("job", "jun"), ("region", "b"))
    assert receiver.kept[labels] == {BEGIN: 0.0, BEGIN + 60: 1.0, BEGIN + 120: 2.0}


def test_what_is_there_already_is_not_sent_again_and_what_a_killed_replay_had_not_sent_is(receiver: Receiver) -> None:
    writer(receiver).write(window())
    b = next(labels for labels in receiver.kept if dict(labels)["region"] == "b")
    del receiver.kept[b]
    to = writer(receiver)
    to.write(window())
    assert [dict(line.labels)["region"] for line in receiver.requests[-1]] == ["b"]
    assert (to.found.written.samples, to.found.there) == (3, SAMPLES - 3)
    assert told(to.found) == ["6 samples were there already, with the same sums, and were not sent again"]
    to.write(window())
    assert len(receiver.requests) == 2, "a request of nothing"


@pytest.mark.parametrize(
    "answer", [(429, "slow down"), (500, "the head is busy"), (502, ""), (503, "starting"), (504, "")]
)
def test_an_answer_that_time_may_mend_is_tried_again_with_the_whole_request(receiver: Receiver, answer: Answer) -> None:
    receiver.answer = in_turn(answer, answer)
    to = writer(receiver)
    to.write(window())
    assert [len(lines) for lines in receiver.requests] == [len(REGIONS)] * 3
    assert (to.found.refused, to.found.written.samples) == (0, SAMPLES)


@pytest.mark.parametrize("status", [429, 503])
def test_an_answer_that_does_not_get_better_ends_the_replay_which_can_be_started_again(
    receiver: Receiver, status: int
) -> None:
    receiver.answer = lambda _: (status, "not now")
    with pytest.raises(OperatorError, match=f"{status}: not now") as raised:
        writer(receiver).write(window())
    assert raised.value.retry
    assert len(receiver.requests) == 3


def test_a_receiver_that_is_not_there_ends_the_replay_which_can_be_started_again() -> None:
    with Receiver() as gone:
        to = writer(gone)
    with stamina.set_testing(True, attempts=2), pytest.raises(OperatorError, match="could not be reached") as raised:
        to.write(window())
    assert raised.value.retry


@pytest.mark.parametrize("status", [401, 403, 404, 405, 415])
def test_an_answer_that_nothing_mends_is_not_tried_again(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda _: (status, "no")
    with pytest.raises(OperatorError, match=f"{status}: no") as raised:
        writer(receiver).write(window())
    assert not raised.value.retry
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        (400, "out of order sample"),
        (400, "duplicate sample for timestamp"),
        (500, "sample too old"),
        (500, "out of bounds"),
        (413, "request too large"),
    ],
)
def test_of_a_request_that_is_refused_all_but_the_bad_sample_is_taken_and_that_one_counted(
    receiver: Receiver, answer: Answer
) -> None:
    receiver.answer = lambda lines: answer if holds(lines, "b", BEGIN + 60) else TAKEN
    to = writer(receiver)
    to.write(window())
    assert (to.found.refused, to.found.written.samples) == (1, SAMPLES - 1)
    assert {dict(labels)["region"]: sorted(at - BEGIN for at in kept) for labels, kept in receiver.kept.items()} == {
        "a": [0, 60, 120], "b": [0, 120], "c": [0, 60, 120],
    }  # fmt: skip
    said = told(to.found)
    assert said[0] == f"1 samples were refused; last: {answer[1]}"
    assert to.found.fewer == 1


def test_a_part_that_can_t_be_taken_now_is_tried_again_and_no_other_part_twice(receiver: Receiver) -> None:
    receiver.answer = in_turn((400, "out of order"), (503, "busy"))
    to = writer(receiver)
    to.write(window())
    assert [[dict(line.labels)["region"] for line in lines] for lines in receiver.requests] == [
        ["a", "b", "c"], ["a"], ["a"], ["b", "c"],
    ]  # fmt: skip
    assert (to.found.refused, to.found.written.samples) == (0, SAMPLES)


def test_a_receiver_that_refuses_everything_is_left_after_so_many_samples(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_write, "REFUSED_AT_MOST", 4)
    receiver.answer = lambda _: (400, "out of bounds")
    with pytest.raises(OperatorError, match="out_of_order_time_window") as raised:
        writer(receiver).write(window())
    assert not raised.value.retry


def test_a_receiver_that_has_taken_some_is_not_left_however_many_it_refuses(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_write, "REFUSED_AT_MOST", 4)
    receiver.answer = lambda lines: TAKEN if len(lines) == 1 and holds(lines, "a", BEGIN) else (400, "out of bounds")
    to = writer(receiver)
    to.write(window())
    assert to.found.refused == SAMPLES - 3


def test_samples_that_are_answered_with_204_and_thrown_away_are_told(receiver: Receiver) -> None:
    receiver.drops = lambda at: at == BEGIN + 60
    to = writer(receiver)
    to.write(window())
    assert (to.found.refused, to.found.fewer, to.found.other, to.found.more) == (0, len(REGIONS), 0, 0)
    assert "dropped in silence" in told(to.found)[0]


def test_other_values_that_were_there_before_and_samples_between_are_told(receiver: Receiver) -> None:
    labels = (("__name__", f.DUPLICATES.name), ("instance", "here:9464"), ("job", "jun"))
    receiver.keep([wire.Line((*labels, ("region", "a")), [BEGIN], [7.0])])
    receiver.keep([wire.Line((*labels, ("region", "b")), [BEGIN + 30], [0.0])])
    to = writer(receiver)
    to.write(window())
    assert (to.found.fewer, to.found.other, to.found.more) == (0, 1, 1)
    assert 'region="a"' in to.found.example
    assert "sent 3 with a sum of 3, found 3 with 10" in to.found.example


def test_a_token_is_sent_and_stands_in_no_error(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(wire.TOKEN, "only-for-the-server")
    receiver.answer = lambda _: (403, "no")
    with pytest.raises(OperatorError) as raised:
        writer(receiver).write(window())
    assert receiver.headers[0]["Authorization"] == "Bearer only-for-the-server"
    assert "only-for-the-server" not in str(raised.value)
