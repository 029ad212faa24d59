"""The configuration: read from TOML, CSV and the environment, checked with all its faults at once, documented."""

from __future__ import annotations

from ops.config.load import Loaded, load
from ops.config.problems import ConfigError, Fault

__all__ = ["ConfigError", "Fault", "Loaded", "load"]
