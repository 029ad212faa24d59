"""The version that every message carries.

Version 1 is the layout before this one: an event's time was `ts`, in seconds since the epoch as a float, and its
text form had no role. A reader takes VERSION and VERSION - 1; anything else is refused with a sentence.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import field

Version = Literal[2]
VERSION: Final[Version] = 2


def current() -> Version:
    """Give the version that is written today."""
    return VERSION


def version_field() -> Version:
    """Declare the field `v`; by a factory, since msgspec leaves out a field that equals a plain default."""
    return field(default_factory=current)
