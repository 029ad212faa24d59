from __future__ import annotations

import os

from streams import compiled


def test_the_inner_loops_are_compiled_where_that_is_not_left_out() -> None:
    assert compiled.COMPILED or os.environ.get("JUN_COMPILE") == "no"
