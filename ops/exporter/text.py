"""Lines of the exposition formats. Samples are written alike in both, so that a line can be kept and used in either.

Formats: Prometheus text 0.0.4 and OpenMetrics 1.0.0; they differ in the heads of families (and in the end, which is
prometheus_client's to write).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ops.exporter.family import Family

_TO_ESCAPE: Final = re.compile(r'[\\"\x00-\x1f\x7f\ud800-\udfff]')
_ESCAPES: Final = {"\\": r"\\", '"': r"\"", "\n": r"\n"}


@lru_cache(maxsize=8192)
def escape(value: str) -> str:
    r"""Write a label's value; what no reader is sure to take (control characters, half a pair) becomes \\x or \\u."""
    return _TO_ESCAPE.sub(_escape, value) if _TO_ESCAPE.search(value) else value


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return _ESCAPES.get(character) or "\\" + character.encode("unicode_escape").decode()


def line(family: Family, values: tuple[str, ...], value: float) -> str:
    """Write one sample; `values` are those of the family's labels, in their order.

    The value must be finite, as everything is that was read from JSON.
    """
    return _template(family.name, family.labels) % (*map(escape, values), float(value))


@cache
def _template(name: str, labels: tuple[str, ...]) -> str:
    """Make the form of a line once for each metric: one `%` is most of the work of a page."""
    inside = ",".join(f'{label}="%s"' for label in labels)
    return f"{name}{{{inside}}} %r\n" if labels else f"{name} %r\n"


def head(family: Family, *, openmetrics: bool) -> str:
    """Write what stands before the samples of a family."""
    if not openmetrics:
        kind = "gauge" if family.kind == "info" else family.kind
        return f"# HELP {family.name} {family.about}\n# TYPE {family.name} {kind}\n"
    unit = f"# UNIT {family.stem} {family.unit}\n" if family.unit else ""
    return f"# HELP {family.stem} {family.about}\n# TYPE {family.stem} {family.kind}\n{unit}"
