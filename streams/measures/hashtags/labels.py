"""Labels: the form of a tag that most people wrote, and the fields of an event that carry tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from schemas.events import MAXIMUM_TAGS
from streams.measures.hashtags.alphabet import MAXIMUM_LENGTH
from streams.measures.hashtags.fold import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

MAXIMUM_FORMS: Final = 8
"""Written forms that are kept for one tag."""


class LabelVotes(Struct, omit_defaults=True):
    """Who wrote a tag how: people by written form, for at most MAXIMUM_FORMS forms.

    A Misra-Gries summary (Misra and Gries 1982; merging as in Agarwal et al., "Mergeable Summaries", 2012): exact as
    long as there are no more forms than are kept; beyond that each count is too low by at most N / (MAXIMUM_FORMS + 1)
    of N people, so that a form that leads by more than this is the label whatever flood of forms comes in.

    To count people and not posts, add a person's form once, when the person is new to the tag.
    """

    forms: dict[str, int] = field(default_factory=dict)

    def add(self, written: str, people: int = 1) -> None:
        """Count `people` more who wrote this form."""
        self.forms[written] = self.forms.get(written, 0) + people
        self._shrink()

    def merge(self, other: LabelVotes) -> None:
        """Count in what another shard has counted; the order of merging two does not matter."""
        for written, people in other.forms.items():
            self.forms[written] = self.forms.get(written, 0) + people
        self._shrink()

    def label(self, key: str) -> str:
        """Give the form that most people wrote, of equals the first by code points; `key` where there is none."""
        return min(self.forms, key=lambda written: (-self.forms[written], written), default=key)

    def _shrink(self) -> None:
        if len(self.forms) > MAXIMUM_FORMS:
            surplus = sorted(self.forms.values(), reverse=True)[MAXIMUM_FORMS]
            self.forms = {written: people - surplus for written, people in self.forms.items() if people > surplus}


def tags_and_labels(written: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the `tags` and `labels` of an Event for the forms written in a post.

    Each key stands once, with the form that came first, at most MAXIMUM_TAGS of them; `labels` is empty where every
    form is its own key, and otherwise as long as `tags`.
    """
    forms: dict[str, str] = {}
    for form in written:
        key = fold(form)
        if key and key not in forms:
            forms[key] = form if len(form) <= MAXIMUM_LENGTH else key
            if len(forms) == MAXIMUM_TAGS:
                break
    tags, labels = tuple(forms), tuple(forms.values())
    return tags, () if labels == tags else labels
