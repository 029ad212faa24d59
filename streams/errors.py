"""Errors that people read: what was wanted, what came, what to do, and whether trying again can help."""

from __future__ import annotations


class OperatorError(Exception):
    """Something that an operator can put right, said in one sentence.

    `retry` tells whether the same call may succeed later without anybody doing anything.
    """

    def __init__(self, wanted: str, came: str, remedy: str, *, retry: bool) -> None:
        again = "trying again can help" if retry else "trying again can't help before that"
        super().__init__(f"wanted {wanted}, but {came}: {remedy} ({again})")
        self.wanted = wanted
        self.came = came
        self.remedy = remedy
        self.retry = retry
