from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Tag
from streams.measures.hashtags import Hashtag, extract, extract_with_indices, fold

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = st.text(
    st.one_of(
        st.sampled_from("##＃& \n/:._-<>'\"…"),
        st.sampled_from("aZß1٣۳کكيی\u200c\u200d\u200f\u0640\u064e\u0301\u20e3\ufe0fし゛～ﾊﾟ漢〇אבं्रทำ≠·"),
        st.characters(codec="utf-8"),
    ),
    max_size=40,
)


def vectors(shared_data: Path, group: str) -> list[dict[str, Any]]:
    path = shared_data / "hashtags" / "twitter-text-extract.yml"
    cases: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["tests"][group]
    return cases


@pytest.mark.parametrize(("group", "number"), [("hashtags", 65), ("hashtags_from_astral", 3)])
def test_every_case_of_twitter_text_gives_its_hashtags(shared_data: Path, group: str, number: int) -> None:
    cases = vectors(shared_data, group)
    assert len(cases) == number
    wrong = [
        (case["description"], extract(case["text"])) for case in cases if extract(case["text"]) != case["expected"]
    ]
    assert wrong == []


def test_every_case_of_twitter_text_gives_its_places(shared_data: Path) -> None:
    cases = vectors(shared_data, "hashtags_with_indices")
    assert len(cases) == 8
    for case in cases:
        expected = [Hashtag(tag["hashtag"], *tag["indices"]) for tag in case["expected"]]
        assert extract_with_indices(case["text"]) == expected, case["description"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Persian, with the non-joiner, and with the marks of direction that keyboards put around it
        ("امروز #کتاب\u200cخوانی را دوست دارم", ["کتاب\u200cخوانی"]),
        ("#\u200fکتاب\u200cخوانی\u200f است", ["کتاب\u200cخوانی"]),
        ("#می\u200cخواهم\u200c دیگر", ["می\u200cخواهم"]),
        ("«#نوروز_۱۴۰۴»، #آفرین!", ["نوروز_۱۴۰۴", "آفرین"]),
        # Arabic, with its own comma, semicolon and question mark after it
        ("#اليوم_الوطني، #مُحَمَّد؛ #لغة؟", ["اليوم_الوطني", "مُحَمَّد", "لغة"]),
        # Hebrew abbreviations, with the signs of Hebrew and with what keyboards have
        ("#צה״ל #צה\"ל #ג'ירפה #צ׳ק", ["צה״ל", 'צה"ל', "ג'ירפה", "צ׳ק"]),
        ('"#שלום" ו\'#חופש\', #כנסת"', ["שלום", "חופש", "כנסת"]),
        ('#שלום"בבית', ["שלום"]),
        # Hindi, with vowel signs, nukta and virama
        ("नमस्ते #हिन्दी_दिवस। #ज़िन्दगी", ["हिन्दी_दिवस", "ज़िन्दगी"]),
        # Japanese, with the wave dash, the prolonged sound mark and the middle dot in both widths
        ("今日は「#ビートルズ」と#ない、#ビートル・ズ #ﾋﾞｰﾄﾙ･ｽﾞ", ["ビートルズ", "ビートル・ズ", "ﾋﾞｰﾄﾙ･ｽﾞ"]),
        # Chinese, with the zero of its years, and closed by a second number sign
        ("祝贺！#二〇二六年 #话题#今天很好 #甲##乙#", ["二〇二六年", "话题", "甲", "乙"]),
        # Thai
        ("รัก #ประเทศไทย ๆ และ #น้ำใจ", ["ประเทศไทย", "น้ำใจ"]),
        # Full-width low line
        ("＃ｈａｓｈ＿ｔａｇ", ["ｈａｓｈ＿ｔａｇ"]),
    ],
)
def test_tags_are_found_where_twitter_text_stops(text: str, expected: list[str]) -> None:
    assert extract(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no sign at all",
        "#",
        "# space",
        "#️⃣ keycap",
        "#\u20e3",
        "#16 #1_2 #१२३ #〇〇 #_",
        "#\u0640\u0640",
        "#\u200c #\u200f\u200f #\ufe71 #\u3164",
        "word#tag 1#tag é#tag e\u0301#tag x\ufe0f#tag _#tag שלום#tag",
        "&#39; &#x27; &#nbsp;",
        "https://example.org/#tag http://example.org/?q=#tag example.org/#tag app.example.co.uk:8080/a/#tag",
        "見てhttps://example.org/#tag",
        "mailbox://x/(a)/#tag",
        "see <#C024BE7LR|general> and <#C024BE7LR>",
        "#http://example.org",
    ],
)
def test_what_is_no_tag_is_left_alone(text: str) -> None:
    assert extract(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text dodge/#answer #dodge/#answer", ["answer", "dodge", "answer"]),
        ("(https://example.org/a)#tag", ["tag"]),
        ("https://example.org/見る。#タグ", ["タグ"]),
        ("https://example.org/ #tag https://example.org/#no #yes", ["tag", "yes"]),
        ("#1/#1a", ["1a"]),
        ("<#gratitude> <#Climate>", ["gratitude", "Climate"]),
        ("≠#tag ✌️#tag", ["tag", "tag"]),
        ("##heading", ["heading"]),
        ("#love…", ["love"]),
        ("#\u200c\u20e3a", ["\u20e3a"]),
    ],
)
def test_a_tag_beside_an_address_or_a_sign_is_found(text: str, expected: list[str]) -> None:
    assert extract(text) == expected


def test_tags_written_without_a_space_between_are_all_found() -> None:
    assert extract("#TMT#TKO#MayweathervsMcgregor now") == ["TMT", "TKO", "MayweathervsMcgregor"]
    assert extract_with_indices("#a#b") == [Hashtag("a", 0, 2), Hashtag("b", 2, 4)]
    assert extract("#a#1 #16#b") == ["a"]


def test_in_scripts_without_spaces_a_second_sign_closes_the_tag() -> None:
    assert extract("#新年#快乐") == ["新年"]
    assert extract("#Nike#新品") == ["Nike"]


def test_invisible_marks_are_inside_the_place_but_not_in_the_written_form() -> None:
    assert extract_with_indices("#\u200fکتاب\u200f.") == [Hashtag("کتاب", 0, 6)]
    assert extract_with_indices("#super\u00adwoman") == [Hashtag("superwoman", 0, 12)]


def test_a_tag_may_have_140_characters_and_no_more() -> None:
    assert extract("#" + "a" * 140) == ["a" * 140]
    assert extract("#" + "a" * 141) == []
    assert extract("#" + "ä" * 140) == ["ä" * 140]
    assert extract("#" + "ä" * 141) == []


def test_the_length_of_a_tag_does_not_depend_on_its_normal_form() -> None:
    for length, found in ((140, 1), (141, 0)):
        assert len(extract("#" + normalize("NFD", "한" * length))) == found


def test_a_tag_whose_key_would_be_too_long_is_none() -> None:
    # One ligature is four letters of the key.
    assert [len(fold(tag)) for tag in extract("#" + "ﷲ" * 35)] == [140]
    assert extract("#" + "ﷲ" * 36) == []


@settings(max_examples=300)
@given(TEXTS)
def test_every_tag_stands_where_it_says_and_has_a_key_that_an_event_takes(text: str) -> None:
    tag = msgspec.json.Decoder(Tag)
    position = 0
    for written, start, end in extract_with_indices(text):
        assert position <= start < end <= len(text)
        assert text[start] in "#＃"
        assert all(character in text[start + 1 : end] for character in written)
        assert tag.decode(msgspec.json.encode(fold(written)))
        position = end


PIECES = ["#Jun", "#1", "#a_1", "＃a", "://", "#" + "a" * 141, *"#  \n.,:/'xé💪\ufe0f\u200c\u2776🯰"]
PLAIN_TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@settings(max_examples=500)
@given(TEXTS | PLAIN_TEXTS)
def test_tags_are_the_same_with_and_without_their_places(text: str) -> None:
    assert extract(text) == [tag.written for tag in extract_with_indices(text)]


def test_real_posts_have_the_same_tags_with_and_without_their_places(shared_data: Path) -> None:
    path = shared_data / "load" / "mayweather-mcgregor" / "tweets.csv"
    with path.open(encoding="utf-8", newline="") as file:
        posts = [line["text"] for line in csv.DictReader(file)]
    assert len(posts) == 12_118
    tags = 0
    for post in posts:
        found = extract(post)
        tags += len(found)
        assert found == [tag.written for tag in extract_with_indices(post)]
    assert tags > 14_000


@settings(max_examples=300)
@given(TEXTS)
def test_a_text_has_the_same_tags_composed_and_decomposed(text: str) -> None:
    composed = [fold(tag) for tag in extract(normalize("NFC", text))]
    assert [fold(tag) for tag in extract(normalize("NFD", text))] == composed


@settings(max_examples=300)
@given(TEXTS)
def test_the_key_of_a_tag_is_a_tag_with_that_key(text: str) -> None:
    for tag in extract(text):
        key = fold(tag)
        assert extract(f"#{key}") == [key]
