"""The rules of release: how large a group must be, and how often the figures of a window are renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from schemas.config import PrivacySettings

FLOOR_GROUP: Final = 5
FLOOR_ROUNDING: Final = 5

RENEWALS: Final[tuple[int, ...]] = (1, 60, 360, 1_440)
"""Minutes between two renewals of each of schemas.activity.WINDOWS, on the grid that begins with the Unix epoch.

A wide window on the grid of a narrow one would show, minute by minute, who arrives in it for the first time, and so
count a hidden hour person by person. Each renewal lies on the grid of all the shorter ones.
"""


class Rules(Struct, frozen=True):
    """`group` is the smallest group that is shown and the step in which counts are (people); `renewals` in minutes."""

    group: int = 10
    renewals: tuple[int, ...] = RENEWALS

    def __post_init__(self) -> None:
        if self.group < FLOOR_GROUP:
            raise ValueError(f"wanted a minimum group of at least {FLOOR_GROUP} people, got {self.group}")
        if self.renewals[0] < 1 or any(b % a for a, b in zip(self.renewals, self.renewals[1:], strict=False)):
            raise ValueError(f"wanted renewals each a multiple of the one before, got {self.renewals}")


def rules_of(settings: PrivacySettings) -> Rules:
    """Give the rules of the settings, which can only be stricter than the floors.

    The step is the minimum group, raised to a multiple of the rounding: so every count that is shown is rounded to it.
    """
    group = max(FLOOR_GROUP, settings.minimum_group)
    rounding = max(FLOOR_ROUNDING, settings.rounding)
    return Rules(group=-(-group // rounding) * rounding)
