from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.measures.hashtags import CheckedTags, check_entities, extract, fold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def checked(*written: str, unconfirmed: tuple[str, ...] = ()) -> CheckedTags:
    return CheckedTags(written, unconfirmed)


def test_without_claims_the_text_alone_counts_and_each_tag_once() -> None:
    assert check_entities("#Jun and #jun and #granada", None) == checked("Jun", "granada")


def test_a_claim_in_another_spelling_is_confirmed_and_the_form_of_the_text_is_kept() -> None:
    assert check_entities("#MayMac tonight", ["maymac"]) == checked("MayMac")
    assert check_entities("#كتاب", ["#کتاب"]) == checked("كتاب")


def test_a_tag_that_the_platform_missed_counts() -> None:
    assert check_entities("#TMT#TKO", []) == checked("TMT", "TKO")
    assert check_entities("#one and #two", ["two"]) == checked("one", "two")


def test_a_claim_that_the_text_does_not_bear_out_does_not_count_and_is_handed_back() -> None:
    assert check_entities("about jun", ["jun"]) == checked(unconfirmed=("jun",))
    assert check_entities("#jun", ["jun", "", ":"]) == checked("jun", unconfirmed=("", ":"))


def test_a_tag_that_the_platform_broke_at_the_non_joiner_is_whole_by_the_text() -> None:
    assert check_entities("#کتاب\u200cخوانی", ["کتاب"]) == checked("کتاب\u200cخوانی", unconfirmed=("کتاب",))


def test_a_tag_whose_accents_the_platform_took_away_is_the_one_of_the_text() -> None:
    assert check_entities("feliz #año", ["ano"]) == checked("año", unconfirmed=("ano",))


def test_a_tag_that_only_the_platform_sees_counts_where_it_follows_a_number_sign() -> None:
    assert check_entities("日本語#タグ です", None) == checked()
    assert check_entities("日本語#タグ です", ["タグ"]) == checked("タグ")
    assert check_entities("日本語#タグ です", ["タ"]) == checked(unconfirmed=("タ",))


@pytest.mark.parametrize("end", ["…", "... ", "… https://t.co/5OuaA72r7x", "…\nhttps://t.co/5OuaA72r7x\n"])
def test_a_tag_cut_off_by_the_end_of_the_text_is_completed_by_its_claim(end: str) -> None:
    assert check_entities(f"#Mac and #Mayweather{end}", ["Mac", "MayweatherVsMcGregor"]) == checked(
        "Mac", "MayweatherVsMcGregor"
    )


def test_a_tag_cut_off_that_no_claim_completes_is_left_out_only_where_claims_are_listed() -> None:
    assert check_entities("#Mac and #Maywea…", ["Mac"]) == checked("Mac")
    assert check_entities("#Mac and #Maywea…", []) == checked("Mac")
    assert check_entities("#Mac and #Maywea…", None) == checked("Mac", "Maywea")


def test_a_claimed_tag_before_an_ellipsis_is_whole() -> None:
    assert check_entities("so much #Love…", ["love"]) == checked("Love")
    assert check_entities("so much #love…", ["love", "lovely"]) == checked("love", unconfirmed=("lovely",))


def test_a_tag_cut_off_is_completed_by_a_claim_that_is_not_written_out_already() -> None:
    assert check_entities("#MayMac and #May…", ["maymac", "Mayweather"]) == checked("MayMac", "Mayweather")
    assert check_entities("#MayMac and #May…", ["maymac"]) == checked("MayMac")


def test_a_tag_written_out_before_it_is_cut_off_is_kept() -> None:
    assert check_entities("#May and #May…", []) == checked("May")


def test_an_ellipsis_in_the_middle_of_a_text_cuts_nothing() -> None:
    assert check_entities("#Maywea… and more", ["MayweatherVsMcGregor"]) == checked(
        "Maywea", unconfirmed=("MayweatherVsMcGregor",)
    )


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from objects(part)


def documents(text: str) -> Iterator[Any]:
    while text := text.lstrip():
        document, end = json.JSONDecoder().raw_decode(text)
        text = text[end:]
        yield document


def test_the_tags_of_real_posts_on_x_are_those_that_x_says(shared_data: Path) -> None:
    tags = 0
    for path in sorted((shared_data / "payloads").glob("x-api-*/**/*.json")):
        for post in objects(list(documents(path.read_text(encoding="utf-8")))):
            hashtags = (post.get("entities") or {}).get("hashtags")
            if "text" in post and hashtags is not None:
                claimed = [entity.get("text") or entity["tag"] for entity in hashtags]
                found = check_entities(html.unescape(post["text"]), claimed)
                assert found.unconfirmed == ()
                assert {fold(written) for written in found.written} == {fold(claim) for claim in claimed}
                tags += len(claimed)
    assert tags == 14


@given(
    st.text(st.sampled_from("#＃ aAñکك\u200c…日本語_1/"), max_size=30),
    st.none() | st.lists(st.text(st.sampled_from("#aAñکك日本_1:"), max_size=5), max_size=5),
)
def test_every_tag_has_a_key_of_its_own_and_every_claim_is_either_there_or_handed_back(
    text: str, claimed: list[str] | None
) -> None:
    written, unconfirmed = check_entities(text, claimed)
    keys = [fold(form) for form in written]
    assert "" not in keys
    assert len(set(keys)) == len(keys)
    for claim in claimed or []:
        assert (fold(claim) in keys) != (claim in unconfirmed)
    if claimed is None or "…" not in text:
        assert set(keys) >= {fold(form) for form in extract(text)}
