"""Hashtags: taken from a text in any script, folded to one key, shown in the form that most people wrote.

The rules, each with its source and with what it must not merge, are in docs/hashtags.md.
"""

from __future__ import annotations

from streams.measures.hashtags.entities import CheckedTags, check_entities
from streams.measures.hashtags.extract import Hashtag, extract, extract_with_indices
from streams.measures.hashtags.fold import fold
from streams.measures.hashtags.labels import LabelVotes, tags_and_labels

__all__ = [
    "CheckedTags",
    "Hashtag",
    "LabelVotes",
    "check_entities",
    "extract",
    "extract_with_indices",
    "fold",
    "tags_and_labels",
]
