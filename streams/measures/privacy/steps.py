"""Steps: how a count becomes one that may be shown, and what a shown count says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from schemas.regions import Released

HIDDEN: Final = "hidden"


def step(count: int, group: int) -> Released:
    """Give 0 for 0, `hidden` for 1 to group - 1, else the largest multiple of `group` that is not above `count`.

    So a shown count says "at least": it never promises more people than there are. As all steps are as wide as the
    smallest group, the difference of two counts never tells for certain of a group smaller than that.
    """
    if count >= group:
        return count - count % group
    return HIDDEN if count > 0 else 0


def bounds(released: Released, group: int) -> tuple[int, int]:
    """Give the least and the largest count that `released` can stand for; `hidden` may stand for none at all."""
    if released == HIDDEN:
        return 0, group - 1
    return (released, released + group - 1) if released else (0, 0)


def larger(one: Released, other: Released) -> Released:
    """Give the larger of two released counts; `hidden` is more than 0 and less than any other."""
    if isinstance(one, str):
        return other or HIDDEN
    if isinstance(other, str):
        return one or HIDDEN
    return one if one >= other else other  # noqa: FURB136 - max() takes twice as long
