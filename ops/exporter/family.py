"""What a metric is: name, kind, labels and meaning."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["gauge", "counter", "info"]
Unit = Literal["", "seconds"]


class Family(Struct, frozen=True):
    """One metric: `about` is its help text; every value of `labels` comes from a bounded set (docs/metrics.md)."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    about: str

    @property
    def unit(self) -> Unit:
        """The base unit, as the name says it; empty for counts and flags."""
        return "seconds" if self.name.endswith("_seconds") else ""

    @property
    def stem(self) -> str:
        """The name of the family in OpenMetrics, which leaves the sample's suffix out."""
        return self.name.removesuffix({"counter": "_total", "info": "_info", "gauge": ""}[self.kind])


def gauge(name: str, labels: tuple[str, ...], about: str) -> Family:
    """Declare a gauge."""
    return Family(name, "gauge", labels, about)


def counter(name: str, labels: tuple[str, ...], about: str) -> Family:
    """Declare a counter."""
    return Family(name, "counter", labels, about)


def info(name: str, labels: tuple[str, ...], about: str) -> Family:
    """Declare a constant 1 whose labels are what it says."""
    return Family(name, "info", labels, about)
