"""The kinds of output, and what each says when it is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from ops.replay.blocks import Blocks
from ops.replay.openmetrics import OpenMetrics
from ops.replay.parquet import Parquet
from ops.replay.remote_write import RemoteWrite, told
from ops.replay.scrape import Scrape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.config import Loaded
    from streams.replay.judge import Sink
    from streams.replay.plan import Plan

Kind = Literal["om", "blocks", "remote-write", "parquet"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
JOB: Final = "jun"
"""The job's name in the packaged prometheus.yml."""


class Series:
    """One output: makes the sink of a plan, and tells at the end what was written where."""

    def __init__(self, loaded: Loaded, kind: Kind, target: str, labels: Mapping[str, str]) -> None:
        self._loaded = loaded
        self._kind = kind
        self._target = target
        folder = Path(target).absolute()
        self._writer: OpenMetrics | RemoteWrite
        if kind == "remote-write":
            self._writer = RemoteWrite(target, labels)
        else:
            self._writer = {"om": OpenMetrics, "blocks": Blocks, "parquet": Parquet}[kind](folder, labels)

    def sink(self, plan: Plan) -> Sink:
        """Make the sink."""
        loaded = self._loaded
        return Scrape(plan, loaded.config, loaded.directory, self._writer, simulated=loaded.simulated)

    @property
    def sound(self) -> bool:
        """Whether everything that was written is there."""
        if not isinstance(self._writer, RemoteWrite):
            return True
        found = self._writer.found
        return not (found.refused or found.fewer or found.other or found.unchecked)

    @property
    def samples(self) -> int:
        """How many were written, or were there before."""
        if isinstance(self._writer, RemoteWrite):
            return self._writer.found.written.samples + self._writer.found.there
        return self._writer.written.samples

    def told(self) -> list[str]:
        """Say what was written."""
        if isinstance(self._writer, RemoteWrite):
            written = self._writer.found.written
            return [f"{written.samples:,} samples were sent to {self._target}.", *told(self._writer.found)]
        written = self._writer.written
        what = {"om": "OpenMetrics files", "blocks": "blocks", "parquet": "Parquet files"}[self._kind]
        return [f"{written.samples:,} samples in {written.files} {what} are in {self._target}."]


def target_labels(loaded: Loaded) -> dict[str, str]:
    """Give the labels that a scrape of the exporter adds, as the packaged prometheus.yml names its target."""
    exporter = loaded.config.exporter
    return {"instance": f"{exporter.host}:{exporter.port}", "job": JOB}
