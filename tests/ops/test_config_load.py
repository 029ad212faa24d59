from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from ops.config import ConfigError, load
from ops.config.environment import variables
from ops.config.load import SIMULATED, find
from schemas.directory import Account, Headcount

JUN = """\
organisation = "Example"
directory = "places/regions.toml"
[kafka]
embedded = false
bootstrap_servers = "kafka:9092"
tls_ca = "ca.pem"
[privacy]
pseudonym_key = { file = "keys/pseudonym.key" }
[[source]]
kind = "file"
name = "posts"
"""
REGIONS = """\
accounts_csv = "accounts.csv"
headcounts_csv = "headcounts.csv"
[[region]]
name = "madrid"
headcount = 100
[[region]]
name = "lima"
headcount = [{ people = 7, since = 2024-01-01 }]
"""
ACCOUNTS = "source,account,region,role,since\nposts,one,madrid,office,\nposts,two,lima,,2024-02-01\n\n"
HEADCOUNTS = "region,since,people\nmadrid,2025-01-01,120\nlima,2023-01-01,5\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "places").mkdir()
    (tmp_path / "jun.toml").write_text(JUN)
    (tmp_path / "places" / "regions.toml").write_text(REGIONS)
    (tmp_path / "places" / "accounts.csv").write_text(ACCOUNTS)
    (tmp_path / "places" / "headcounts.csv").write_text(HEADCOUNTS)
    return tmp_path


def test_settings_not_named_have_their_defaults(folder: Path) -> None:
    loaded = load(folder / "jun.toml", {})
    assert loaded.config.organisation == "Example"
    assert loaded.config.exporter.port == 9464
    assert not loaded.simulated


def test_relative_paths_begin_at_the_folder_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    loaded = load(folder / "jun.toml", {})
    assert loaded.folder == folder
    assert loaded.state == folder / ".jun"
    assert loaded.config.kafka.tls_ca == str(folder / "ca.pem")
    assert loaded.config.privacy.pseudonym_key.file == str(folder / "keys/pseudonym.key")
    assert loaded.config.directory == str(folder / "places/regions.toml")


def test_an_empty_path_stays_empty_and_an_absolute_one_as_it_is(folder: Path) -> None:
    loaded = load(folder / "jun.toml", {"JUN_STATE__FOLDER": "/var/lib/jun"})
    assert loaded.config.kafka.tls_key == ""
    assert loaded.state == Path("/var/lib/jun")


def test_tables_of_accounts_are_added_to_the_people(folder: Path) -> None:
    assert load(folder / "jun.toml", {}).directory.people == (
        Account(source="posts", account="one", region="madrid", role="office"),
        Account(source="posts", account="two", region="lima", since=dt.date(2024, 2, 1)),
    )


def test_tables_of_headcounts_are_merged_by_date_with_what_the_directory_says(folder: Path) -> None:
    madrid, lima = load(folder / "jun.toml", {}).directory.region
    assert madrid.headcount == (Headcount(people=100), Headcount(people=120, since=dt.date(2025, 1, 1)))
    assert lima.headcount == (
        Headcount(people=5, since=dt.date(2023, 1, 1)),
        Headcount(people=7, since=dt.date(2024, 1, 1)),
    )


def test_the_environment_wins_over_the_file(folder: Path) -> None:
    environ = {
        "JUN_KAFKA__BOOTSTRAP_SERVERS": "other:1",
        "JUN_KAFKA__EMBEDDED": "true",
        "JUN_TIME__HEARTBEAT_SECONDS": "0.5",
        "JUN_PRIVACY__PSEUDONYM_KEY__FILE": "/run/secrets/key",
        "JUN_ORGANISATION": "7",
    }
    config = load(folder / "jun.toml", environ).config
    assert config.kafka.bootstrap_servers == "other:1"
    assert config.kafka.embedded is True
    assert config.time.heartbeat_seconds == 0.5
    assert config.privacy.pseudonym_key.file == "/run/secrets/key"
    assert config.organisation == "7"


def test_variables_that_are_no_settings_are_faults_only_where_they_look_like_one(folder: Path) -> None:
    load(folder / "jun.toml", {"JUN_DEBUG": "1", "JUN_SHARED_DATA": "/x", "HOME": "/"})
    with pytest.raises(ConfigError) as caught:
        load(folder / "jun.toml", {"JUN_KAFKA__BOOTSTRAP": "x"})
    assert str(caught.value) == (
        'environment: JUN_KAFKA__BOOTSTRAP: is not a setting. Did you mean "JUN_KAFKA__BOOTSTRAP_SERVERS"?'
    )


def test_a_variable_of_a_wrong_type_is_a_fault(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(folder / "jun.toml", {"JUN_EXPORTER__PORT": "many"})
    assert str(caught.value) == (
        'environment: JUN_EXPORTER__PORT: must be a whole number from 0 to 65535, but is "many".'
    )


def test_lists_have_no_variable() -> None:
    assert not [name for name in variables() if "SOURCE" in name or "CAMPAIGN" in name]


def test_the_file_of_the_working_folder_is_taken_where_none_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert load(environ={}).path == folder / "jun.toml"


def test_without_a_file_the_simulated_organisation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find(None) == SIMULATED


def test_the_simulation_keeps_its_state_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load(environ={})
    assert loaded.simulated
    assert loaded.folder == tmp_path
    assert loaded.state.is_relative_to(tmp_path)


def test_a_missing_file_is_one_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.toml", {})
    assert str(caught.value) == f"{tmp_path}/none.toml: can't be read: No such file or directory."


def test_a_missing_directory_is_one_fault(folder: Path) -> None:
    (folder / "places" / "regions.toml").unlink()
    with pytest.raises(ConfigError) as caught:
        load(folder / "jun.toml", {})
    assert str(caught.value) == f"{folder}/places/regions.toml: can't be read: No such file or directory."


def test_broken_toml_is_told_with_its_line(folder: Path) -> None:
    (folder / "jun.toml").write_text("organisation = 'x'\n[kafka\n")
    with pytest.raises(ConfigError) as caught:
        load(folder / "jun.toml", {})
    assert str(caught.value).startswith(f"{folder}/jun.toml:2: is not valid TOML: ")


def test_a_file_that_is_not_utf8_is_told(folder: Path) -> None:
    (folder / "places" / "accounts.csv").write_bytes(b"source,account,region\nposts,\xe9,madrid\n")
    with pytest.raises(ConfigError, match=r"accounts\.csv: is not UTF-8: bad byte at 28"):
        load(folder / "jun.toml", {})


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (
            "source,acount,region\n",
            (
                ":1: acount: is not a column of this table; they are source, account, region, role, "
                'person, since, until. Did you mean "account"?'
            ),
        ),
        ("source,region\n", ":1: account: is a column that this table needs."),
        (
            "source,account,region,role\nposts,x,lima,chief\n",
            ":2: role: must be one of office, leader, person, bot, but is text.",
        ),
        (
            "source,account,region,since\nposts,x,lima,soon\n",
            ":2: since: must be a date such as 2026-05-31, but is text.",
        ),
        (
            "source,account,region\nposts,x,lima,more\n",
            ":2: is not valid CSV: this row has more cells than there are columns.",
        ),
        ("source,account,region\n,x,lima\n", ":2: source: is missing: it must be text."),
    ],
)
def test_a_fault_in_a_table_is_told_with_its_line_and_without_its_people(folder: Path, table: str, fault: str) -> None:
    (folder / "places" / "accounts.csv").write_text(table)
    with pytest.raises(ConfigError) as caught:
        load(folder / "jun.toml", {})
    assert f"{folder}/places/accounts.csv{fault}" in str(caught.value).splitlines()


def test_a_headcount_of_a_region_that_is_not_there_is_told(folder: Path) -> None:
    (folder / "places" / "headcounts.csv").write_text("region,people\nmadird,3\n")
    with pytest.raises(ConfigError) as caught:
        load(folder / "jun.toml", {})
    assert str(caught.value) == (
        f'{folder}/places/headcounts.csv:2: region: "madird" is not a region. Did you mean "madrid"?'
    )
