from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from schemas.directory import Account, Directory, Region
from streams.ingest.pseudonyms import Pseudonyms
from streams.ingest.resolve import Resolver, Who

PSEUDONYMS = Pseudonyms(bytes(32))
TOKYO = ZoneInfo("Asia/Tokyo")
MOVED = dt.date(2026, 4, 1)

DIRECTORY = Directory(
    region=(
        Region(
            name="granada",
            time_zone="Europe/Madrid",
            accounts=(
                Account(source="slack", account="U1", role="office"),
                Account(source="*", account="mayor@jun.example", role="leader"),
            ),
            channels=("slack:plaza",),
        ),
        Region(name="tokyo", time_zone="Asia/Tokyo", accounts=(Account(source="slack", account="U2", person="yui"),)),
    ),
    people=(
        Account(source="mail", account="yui@jp.example", region="tokyo", person="yui"),
        Account(source="slack", account="U3", region="granada", until=MOVED - dt.timedelta(days=1)),
        Account(source="slack", account="U3", region="tokyo", since=MOVED),
        Account(source="slack", account="U4", region="atlantis"),
    ),
    bots=("slack:UBOT", "*:news", "mail:U1"),
)


def resolver(source: str = "slack") -> Resolver:
    return Resolver(DIRECTORY, source, PSEUDONYMS)


def ms(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)


def test_an_account_of_the_directory_has_its_region_and_role() -> None:
    assert resolver().who("U1", 0) == Who(PSEUDONYMS.account("slack", "u1"), "granada", "office")
    assert resolver().who("@u1 ", 0) == resolver().who("U1", 0)


def test_an_unknown_account_is_a_person_of_no_region() -> None:
    assert resolver().who("stranger", 0) == Who(PSEUDONYMS.account("slack", "stranger"), "", "person")
    assert resolver("mail").who("U1", 0).region == ""


def test_an_account_of_every_source_is_one_actor_on_all() -> None:
    assert resolver("slack").who("mayor@jun.example", 0) == resolver("mail").who("Mayor@Jun.example", 0)


def test_the_accounts_of_one_person_are_one_actor() -> None:
    assert resolver("slack").who("U2", 0).actor == resolver("mail").who("yui@jp.example", 0).actor
    assert resolver("slack").who("U2", 0).actor == PSEUDONYMS.person("yui")


def test_a_dated_row_ends_and_begins_at_midnight_of_its_own_region() -> None:
    leaves = ms(dt.datetime(2026, 4, 1, tzinfo=ZoneInfo("Europe/Madrid")))
    arrives = ms(dt.datetime(2026, 4, 1, tzinfo=TOKYO))
    who = resolver().who
    # Tokyo's first of April begins seven hours before Granada's ends; the row that is written first holds.
    assert [who("U3", at).region for at in (arrives, leaves - 1, leaves)] == ["granada", "granada", "tokyo"]
    assert len({who("U3", at).actor for at in (0, leaves - 1, leaves)}) == 1


def test_before_and_after_its_dates_an_account_has_no_region_but_is_the_same_actor() -> None:
    directory = Directory(
        region=(Region(name="tokyo", time_zone="Asia/Tokyo"),),
        people=(Account(source="slack", account="U5", region="tokyo", since=MOVED, until=MOVED, person="p"),),
    )
    begins = ms(dt.datetime(2026, 4, 1, tzinfo=TOKYO))
    who = Resolver(directory, "slack", PSEUDONYMS).who
    day = 86_400_000
    assert [who("U5", at).region for at in (begins - 1, begins, begins + day - 1, begins + day)] == [
        "", "tokyo", "tokyo", ""
    ]  # fmt: skip
    assert who("U5", 0).actor == PSEUDONYMS.person("p")


def test_bots_are_told_by_source_and_account() -> None:
    assert [resolver().who(account, 0).role for account in ("ubot", "news", "U1")] == ["bot", "bot", "office"]
    assert resolver("mail").who("U1", 0).role == "bot"


def test_the_region_is_what_the_source_says_then_the_accounts_then_the_channels() -> None:
    one = resolver()
    known, unknown = one.who("U2", 0), one.who("stranger", 0)
    assert one.region("granada", known, "plaza") == "granada"
    assert one.region("", known, "plaza") == "tokyo"
    assert one.region("", unknown, "plaza") == "granada"
    assert one.region("", unknown, "other") == "unassigned"
    assert one.region("", unknown, "") == "unassigned"
    assert one.region("atlantis", known, "plaza") == "unassigned"
    assert one.region("", one.who("U4", 0), "") == "unassigned"
