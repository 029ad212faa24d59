"""Puts `jun up` together for one configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.broker import configured_broker
from ops.supervision.broker import BrokerKeeper
from ops.supervision.keys import simulated_keys
from ops.supervision.plans import plans
from ops.supervision.ports import address, claim
from ops.table.feed import follow
from ops.table.render import Frame
from ops.table.show import show_on
from ops.topics import ensure_topics
from ops.up import Parts
from schemas.topics import REGIONS
from streams.kafka import client_arguments, topic_name
from streams.measures.privacy import rules_of

if TYPE_CHECKING:
    from rich.console import Console

    from ops.config import Loaded


def assemble(loaded: Loaded, console: Console) -> Parts:
    """Give the parts, after a look at what is likeliest to be in the way; raises OperatorError."""
    config = loaded.config
    port = claim(config.exporter.host, config.exporter.port, "exporter.port")
    metrics = f"{address(config.exporter.host, port)}/metrics"
    environment = {"JUN_EXPORTER__PORT": str(port), **simulated_keys(loaded)}
    frame = Frame(
        organisation=config.organisation,
        simulated=loaded.simulated,
        metrics=metrics,
        unicode=console.encoding.lower().startswith("utf"),
        campaigns=config.campaign,
        group=rules_of(config.privacy).group,
    )
    show = show_on(console, loaded.directory.region, frame)

    async def feed() -> None:
        name = topic_name(config.topics, REGIONS)
        await follow(client_arguments(config.kafka), name, show.take, show.caught_up)

    async def topics() -> None:
        report = await ensure_topics(config.kafka, config.topics)
        for difference in report.remaining:
            show.say(str(difference))

    return Parts(
        show=show,
        broker=BrokerKeeper(configured_broker(config.kafka, loaded.state), show.say) if config.kafka.embedded else None,
        topics=topics,
        feed=feed,
        children=plans(loaded, environment),
        logs=loaded.state / "logs",
        ready=f"running; metrics at {metrics}; logs in {loaded.state / 'logs'}; Ctrl-C stops",
    )
