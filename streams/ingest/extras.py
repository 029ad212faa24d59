"""Libraries that only some sources need: brought in when one of those starts, with an error that names the extra."""

from __future__ import annotations

import importlib
from typing import Any

from streams.errors import OperatorError


def needed(module: str, wanted_for: str, extra: str = "sources") -> Any:
    """Give a module of an extra; raises OperatorError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise OperatorError(
            f"the library {module.partition('.')[0]} for {wanted_for}",
            "it is not installed",
            f"install it with pip install 'jun-monitor[{extra}]'",
            retry=False,
        ) from error
