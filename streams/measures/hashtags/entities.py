"""Tags that a platform says a text has, checked by the text.

The text decides. Platforms cut tags in different ways (Mastodon once broke them at the zero-width non-joiner and folds
accents away in its names, X cuts the text of a repeated post, Bluesky takes what the client marks), and one tag must
have one key wherever it is posted. So a claim adds a tag only where the text bears it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import regex

from streams.measures.hashtags.alphabet import MEMBER
from streams.measures.hashtags.extract import Hashtag, extract, extract_with_indices
from streams.measures.hashtags.fold import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

_AFTER_A_SIGN: Final = regex.compile(rf"[#＃]({MEMBER}+)", regex.V1)
# What X leaves of a text that was too long: an ellipsis, and perhaps the address of the whole.
_CUT: Final = regex.compile(r"(?:…|\.\.\.)\s*(?:https?://\S+\s*)?$")


class CheckedTags(NamedTuple):
    """The tags of a text in their written forms, each once, and the claims that the text does not bear out.

    `unconfirmed` is there to be counted: it shows a source that has begun to mangle tags.
    """

    written: tuple[str, ...]
    unconfirmed: tuple[str, ...]


def check_entities(text: str, claimed: Sequence[str] | None) -> CheckedTags:
    """Give the tags of `text`, where the platform has claimed which they are.

    Args:
        text: What was posted, as plain text, entities of HTML and the like resolved.
        claimed: The tags that the payload lists, with or without number sign; None where its kind lists none.

    Every tag that `extract` finds counts, claimed or not. A claim counts besides where the same characters follow a
    number sign in the text though no tag begins there by our rules. A tag cut off by the end of a shortened text is
    completed by the claim that begins with it, or left out where claims are listed and none does.
    """
    tags = extract_with_indices(text)
    keys = [fold(tag.written) for tag in tags]
    if claimed is None:
        return CheckedTags(tuple(_first_forms(keys, tags).values()), ())
    claims = {fold(claim): claim for claim in reversed(claimed)}
    completed = ""
    if tags and keys[-1] not in claims and _CUT.match(text, tags[-1].end):
        cut = keys.pop()
        completed = next((key for key in reversed(claims) if key.startswith(cut) and key not in keys), "")
    forms = _first_forms(keys, tags)
    if completed:
        forms[completed] = claims[completed].lstrip("#＃")
    if any(key not in forms for key in claims):
        for match in _AFTER_A_SIGN.finditer(text):
            for written in extract(f"#{match.group(1)}"):
                key = fold(written)
                if key in claims:
                    forms.setdefault(key, written)
    return CheckedTags(tuple(forms.values()), tuple(claim for claim in claimed if fold(claim) not in forms))


def _first_forms(keys: list[str], tags: list[Hashtag]) -> dict[str, str]:
    forms: dict[str, str] = {}
    for key, tag in zip(keys, tags, strict=False):
        forms.setdefault(key, tag.written)
    return forms
