"""All boards, in the order in which they are read."""

from __future__ import annotations

from typing import Final

from ops.grafana.boards.campaign import one_campaign
from ops.grafana.boards.channels import channels
from ops.grafana.boards.overview import overview
from ops.grafana.boards.pipeline import pipeline
from ops.grafana.boards.recognition import recognition
from ops.grafana.boards.region import one_region

BOARDS: Final = (overview, one_region, one_campaign, channels, recognition, pipeline)
