"""What `jun up` runs for a configuration: which children, with which keys and ports."""

from __future__ import annotations

import io
import socket
import stat
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from rich.console import Console

from ops.config import Loaded, load
from ops.supervision.keys import simulated_keys
from ops.supervision.parts import assemble
from ops.supervision.plans import plans
from ops.table.show import Lines, Live
from schemas.config import Notification, Secret
from streams.errors import OperatorError
from streams.keys import pseudonym_key, public_key

if TYPE_CHECKING:
    from pathlib import Path

JUN = """\
[kafka]
embedded = false
[exporter]
port = 0
[privacy]
pseudonym_key = { file = "keys/pseudonym.key" }
[[source]]
kind = "http"
name = "hooks"
port = 0
token = { file = "token" }
[[source]]
kind = "file"
name = "posts"
path = "posts.jsonl"
"""


@pytest.fixture
def real(tmp_path: Path) -> Loaded:
    (tmp_path / "jun.toml").write_text(JUN)
    (tmp_path / "regions.toml").write_text('[[region]]\nname = "lima"\n')
    return load(tmp_path / "jun.toml", {})


@pytest.fixture
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return load(environ={"JUN_EXPORTER__PORT": "0"})


def test_every_source_the_clock_the_worker_and_the_exporter_are_children_in_the_order_of_their_end(
    real: Loaded,
) -> None:
    sources, workers, exporters = plans(real, {"A": "1"})
    assert [plan.name for plan in sources] == ["ingest-hooks", "ingest-posts", "ingest-clock"]
    assert [plan.name for plan in (*workers, *exporters)] == ["worker", "exporter"]
    assert sources[0].command == (
        sys.executable, "-P", "-m", "ops.cli", "ingest", "hooks", "--config", str(real.path),
    )  # fmt: skip
    assert workers[0].command[-3:] == ("worker", "--config", str(real.path))
    assert all(plan.environment == {"A": "1"} for plan in (*sources, *workers, *exporters))


def test_messages_are_sent_where_somebody_wants_them(real: Loaded) -> None:
    wanted = Notification(name="phone", url=Secret(file="url"))
    told = replace(real, config=structs.replace(real.config, notification=(wanted,)))
    assert [plan.name for plan in plans(told, {})[-1]] == ["exporter", "notify"]


def test_only_sources_may_finish(real: Loaded) -> None:
    sources, *others = plans(real, {})
    assert all(plan.may_finish for plan in sources)
    assert not any(plan.may_finish for group in others for plan in group)


def test_a_simulation_has_no_clock_of_ours(simulated: Loaded) -> None:
    assert "ingest-clock" not in [plan.name for plan in plans(simulated, {})[0]]


def test_the_keys_of_a_simulation_are_made_once_and_for_their_owner_only(simulated: Loaded) -> None:
    variables = simulated_keys(simulated)
    folder = simulated.state / "keys"
    assert variables == {
        "JUN_PRIVACY__PSEUDONYM_KEY__FILE": str(folder / "pseudonym.key"),
        "JUN_PRIVACY__DEADLETTER_PUBLIC_KEY__FILE": str(folder / "deadletter.public"),
    }
    first = (folder / "pseudonym.key").read_text()
    assert len(pseudonym_key(first)) == 32
    assert public_key((folder / "deadletter.public").read_text())
    assert stat.S_IMODE((folder / "pseudonym.key").stat().st_mode) == 0o600
    assert simulated_keys(simulated) == variables
    assert (folder / "pseudonym.key").read_text() == first
    assert [file.name for file in simulated.state.iterdir()] == ["keys"]


def test_a_configuration_with_these_keys_reads_them(simulated: Loaded) -> None:
    again = load(simulated.path, simulated_keys(simulated))
    assert again.config.privacy.pseudonym_key.file == str(simulated.state / "keys" / "pseudonym.key")


def test_keys_are_never_made_for_a_real_organisation(real: Loaded) -> None:
    assert simulated_keys(real) == {}
    assert not real.state.exists()


def test_the_address_of_the_figures_has_the_port_that_the_exporter_is_told(simulated: Loaded) -> None:
    parts = assemble(simulated, Console(file=io.StringIO()))
    exporter = parts.children[2][0]
    port = exporter.environment["JUN_EXPORTER__PORT"]
    assert int(port) > 0
    assert f"metrics at http://127.0.0.1:{port}/metrics;" in parts.ready
    assert str(simulated.state / "logs") in parts.ready


def test_a_taken_port_of_the_exporter_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        loaded = load(environ={"JUN_EXPORTER__PORT": str(server.getsockname()[1])})
        with pytest.raises(OperatorError, match=r"exporter\.port"):
            assemble(loaded, Console(file=io.StringIO()))


def test_a_cluster_that_runs_elsewhere_gets_no_broker_of_ours(real: Loaded, simulated: Loaded) -> None:
    assert assemble(real, Console(file=io.StringIO())).broker is None
    assert assemble(simulated, Console(file=io.StringIO())).broker is not None


def test_a_terminal_gets_the_table_and_anything_else_the_lines(simulated: Loaded) -> None:
    assert isinstance(assemble(simulated, Console(file=io.StringIO())).show, Lines)
    assert isinstance(assemble(simulated, Console(file=io.StringIO(), force_terminal=True)).show, Live)


def test_sources_that_are_called_at_one_address_are_one_process(tmp_path: Path) -> None:
    entries = [
        '[[source]]\nkind = "http"\nname = "one"\ntoken = { environment = "T" }\n',
        '[[source]]\nkind = "file"\nname = "posts"\npath = "posts.jsonl"\n',
        '[[source]]\nkind = "http"\nname = "two"\npath = "/two"\ntoken = { environment = "T" }\n',
        '[[source]]\nkind = "http"\nname = "three"\nport = 8089\ntoken = { environment = "T" }\n',
    ]
    (tmp_path / "jun.toml").write_text('privacy.pseudonym_key = { environment = "K" }\n' + "\n".join(entries))
    (tmp_path / "regions.toml").write_text('[[region]]\nname = "lima"\n')
    sources = plans(load(tmp_path / "jun.toml", {"T": "t" * 16, "K": "k"}), {})[0]
    assert [plan.name for plan in sources] == ["ingest-one-two", "ingest-posts", "ingest-three", "ingest-clock"]
    assert sources[0].command[4:7] == ("ingest", "one", "two")
