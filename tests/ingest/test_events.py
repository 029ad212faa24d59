from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schemas.directory import Account, Directory, Region
from streams.ingest.events import EventMaker
from streams.ingest.pseudonyms import Pseudonyms
from streams.ingest.resolve import Resolver
from streams.ingest.submission import Submission
from tests.support.ingest import KEY, NOW

if TYPE_CHECKING:
    from schemas.events import Event

PSEUDONYMS = Pseudonyms(KEY)
DIRECTORY = Directory(
    region=(
        Region(
            name="granada",
            accounts=(
                Account(source="*", account="boss", role="leader", person="p1"),
                Account(source="other", account="the-boss", role="leader", person="p1"),
                Account(source="posts", account="ayuntamiento", role="office"),
                Account(source="posts", account="police", role="office"),
                Account(source="*", account="ana"),
            ),
        ),
        Region(
            name="tokyo",
            accounts=(
                Account(source="posts", account="tokyo-office", role="office"),
                Account(source="*", account="kenji"),
            ),
        ),
    ),
    bots=("posts:feed",),
)
MAKER = EventMaker("posts", Resolver(DIRECTORY, "posts", PSEUDONYMS), PSEUDONYMS)


def actor(account: str, source: str = "posts") -> str:
    return PSEUDONYMS.account(source, account)


def made(**fields: Any) -> list[Event]:
    return MAKER.events(Submission(**{"id": "1", "at": NOW, "account": "kenji", **fields}))


def told(events: list[Event]) -> list[tuple[str, str, str, str]]:
    """Give kind, region, role and target's role of each."""
    return [(event.kind, event.region, event.role, event.target_role) for event in events]


def test_a_leaders_reshare_of_an_employee_is_told_in_both_regions() -> None:
    reshare, recognised = made(account="boss", kind="reshare", target="kenji", reference="0", text="#Jun")
    assert told([reshare, recognised]) == [
        ("reshare", "granada", "leader", "person"),
        ("recognised", "tokyo", "leader", "person"),
    ]
    assert reshare.actor == recognised.actor == PSEUDONYMS.person("p1")
    assert reshare.target == recognised.target == actor("kenji", "*")
    assert reshare.reference == recognised.reference == PSEUDONYMS.original("posts", "0")
    assert reshare.id != recognised.id


def test_a_repeated_reshare_gives_the_same_ids_so_that_recognition_counts_once() -> None:
    first, again = (made(account="boss", kind="reshare", target="ana") for _ in range(2))
    assert first == again
    assert len({event.id for event in first}) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"target": "stranger"},
        {"target": "kenji", "account": "kenji"},
        {"target": "ana", "account": "feed"},
        {"target": "ana", "bot": True},
        {"target": "ana", "machine": True},
        {"target": ""},
    ],
)
def test_nobody_is_recognised_by_a_machine_by_themselves_or_where_the_directory_knows_nobody(
    fields: dict[str, Any],
) -> None:
    assert [event.kind for event in made(kind="reshare", **fields)] == ["reshare"]


def test_ones_own_post_under_another_account_is_no_recognition() -> None:
    other = EventMaker("other", Resolver(DIRECTORY, "other", PSEUDONYMS), PSEUDONYMS)
    post = Submission(id="1", at=NOW, account="the-boss", kind="reshare", target="@Boss")
    assert told(other.events(post)) == [("reshare", "granada", "leader", "leader")]


def test_a_resident_who_names_an_office_asks_it() -> None:
    (request,) = made(account="resident", mentions=("someone", "@Ayuntamiento"), text="The lamp is broken #Jun")
    assert told([request]) == [("request", "granada", "person", "office")]
    assert request.target == actor("ayuntamiento")
    assert request.tags == ("jun",)


def test_a_colleague_of_the_region_who_names_its_office_asks_it_and_takes_part_once() -> None:
    assert told(made(account="ana", mentions=("ayuntamiento", "police"))) == [
        ("request", "granada", "person", "office")
    ]


def test_a_colleague_of_another_region_takes_part_there_and_asks_here() -> None:
    post, request = made(account="kenji", mentions=("ayuntamiento",), text="#Jun")
    assert told([post, request]) == [("post", "tokyo", "person", "person"), ("request", "granada", "person", "office")]
    assert post.id == request.id  # the answer's reference is the id of the request
    assert (post.target, request.target) == ("", actor("ayuntamiento"))


def test_each_office_that_is_named_is_asked() -> None:
    events = made(account="resident", mentions=("tokyo-office", "ayuntamiento"))
    assert [(event.kind, event.region) for event in events] == [("request", "tokyo"), ("request", "granada")]


def test_an_offices_answer_is_a_reply_that_refers_to_the_request() -> None:
    (request,) = made(id="ask", account="resident", mentions=("ayuntamiento",))
    (answer,) = made(id="answer", account="ayuntamiento", kind="reply", reference="ask", target="resident")
    assert told([answer]) == [("reply", "granada", "office", "person")]
    assert answer.reference == request.id
    assert answer.region == request.region


def test_a_reply_to_somebody_else_that_names_an_office_is_a_request_as_well() -> None:
    (request,) = made(account="ana", kind="reply", reference="0", mentions=("ayuntamiento",))
    assert (request.kind, request.reference) == ("request", PSEUDONYMS.original("posts", "0"))


@pytest.mark.parametrize(
    "fields",
    [
        {"account": "ayuntamiento", "mentions": ("ayuntamiento", "police")},
        {"account": "ana", "mentions": ("kenji", "boss", "stranger")},
        {"account": "feed", "mentions": ("ayuntamiento",)},
        {"account": "ana", "bot": True, "mentions": ("ayuntamiento",)},
    ],
)
def test_an_office_does_not_ask_itself_and_neither_people_nor_bots_make_requests(fields: dict[str, Any]) -> None:
    assert [event.kind for event in made(**fields)] == ["post"]


def test_a_reaction_that_carries_names_stays_one() -> None:
    assert [event.kind for event in made(kind="reaction", mentions=("ayuntamiento",))] == ["reaction"]


def test_one_person_with_several_accounts_is_one_actor() -> None:
    other = EventMaker("other", Resolver(DIRECTORY, "other", PSEUDONYMS), PSEUDONYMS)
    (here,) = made(account="boss")
    (there,) = other.events(Submission(id="1", at=NOW, account="the-boss"))
    assert here.actor == there.actor
