"""The change of the pseudonyms' key: what belongs together, and where it can't be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.config.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import PrivacySettings
    from schemas.directory import Directory


def problems(privacy: PrivacySettings, directory: Directory) -> Iterator[Problem]:
    """Give what is wrong with a change of keys."""
    previous = privacy.previous_pseudonym_key
    changes = bool(previous.file or previous.environment)
    if changes and privacy.pseudonym_key_since is None:
        yield Problem(
            ("privacy", "pseudonym_key_since"),
            "is missing: with a previous key it must say from when the new one holds.",
        )
    if privacy.pseudonym_key_since is not None and not changes:
        yield Problem(
            ("privacy", "previous_pseudonym_key"),
            "is missing: name the key before pseudonym_key_since, or remove that once the overlap has passed.",
        )
    spread = [region.name for region in directory.region if region.shards > 1]
    if changes and spread:
        yield Problem(
            ("privacy", "previous_pseudonym_key"),
            f"can't be used while {spread[0]} has shards: people would move between them and count twice for 28 days.",
        )
