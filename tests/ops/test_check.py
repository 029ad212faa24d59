"""`jun check`: each fault is a sentence with file and line, and all of them come at once."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from ops.config.check import check

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
organisation = "Example"
[privacy]
pseudonym_key = { file = "pseudonym.key" }
[[source]]
kind = "file"
name = "posts"
path = "posts.jsonl"
[[source]]
kind = "http"
name = "hooks"
port = 8088
token = { file = "token" }
[[campaign]]
name = "spring"
tags = ["#Spring", "#PrimaVera"]
regions = ["madrid"]
start = 2026-03-01
end = 2026-03-01
goal = { share = 0.5 }
"""
REGIONS = """\
bots = ["posts:weatherbot"]
[[region]]
name = "madrid"
time_zone = "Europe/Madrid"
holidays = "ES-MD"
quiet_on_holidays = true
working_hours = "08:00-17:30"
headcount = 120
channels = ["hooks:office"]
accounts = [
  { source = "posts", account = "MadridOffice", role = "office" },
]
[[region]]
name = "lima"
time_zone = "America/Lima"
headcount = 80
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jun.toml").write_text(GOOD)
    (tmp_path / "regions.toml").write_text(REGIONS)
    for name in ("pseudonym.key", "token"):
        (tmp_path / name).write_text("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=\n")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def faults(folder: Path) -> list[str]:
    return [str(fault) for fault in check(folder / "jun.toml", {})]


def change(file: Path, old: str, new: str) -> int:
    """Replace `old`, which must be there once, and give the line (from 1) on which the new text starts."""
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ('"http"\nport = 8089', "the secret source late, token, but it has neither a file nor an environment variable"),
        ('"slack"', "the secret source late, signing_secret, but it has neither"),
        ('"x-activity"', "the secret source late, consumer_secret, but it has neither"),
        ('"microsoft"', "the secret source late, client_state, but it has neither"),
        ('"cloudevents"', "the secret source late, token, but it has neither"),
        ('"mail"\nprovider = "sendgrid"', "the secret source late, secret, but it has neither"),
        ('"mail"\nprovider = "ses"', "`topics`"),
        ('"mail"\nprovider = "mandrill"\nsecret = { file = "token" }', "the `url` that Mandrill calls"),
        ('"x"\nquery = "#Jun"\nmonthly_posts = 9', "the secret source late, token, but it has neither"),
        ('"imap"\nhost = "mail.example"\nuser = "a"\nsenders = ["n@x"]', "the secret source late, password, but"),
        ('"viva-engage"', "the secret source late, token, but it has neither"),
    ],
)
def test_a_source_without_what_it_needs_to_start_is_told_what_to_set(folder: Path, kind: str, words: str) -> None:
    file = folder / "jun.toml"
    file.write_text(file.read_text() + f'[[source]]\nkind = {kind}\nname = "late"\n')
    (found,) = faults(folder)
    assert "source[late]: wants " in found
    assert words in found


def test_a_good_configuration_has_no_faults(folder: Path) -> None:
    assert faults(folder) == []


IN_JUN = [
    ("organisation =", "organization =", 'organization: is not a setting. Did you mean "organisation"?'),
    ('"Example"', "5", "organisation: must be text, but is 5."),
    ('name = "posts"', 'name = "hooks"', None),
    ('kind = "http"', 'kind = "htpp"', "source[hooks].kind: is not a kind of source; they are "),
    ('name = "posts"\n', "", "source[#1].name: is missing: it must be text that matches"),
    ("port = 8088", "prot = 8088", 'source[hooks].prot: is not a setting. Did you mean "port"?'),
    (
        "port = 8088",
        "port = 9464",
        ("source[hooks].port: is 9464, which the exporter (exporter.port) wants as well; choose another port."),
    ),
    (
        "port = 8088",
        "port = 19092",
        (
            "source[hooks].port: is 19092, which the embedded broker (kafka.bootstrap_servers) "
            "wants as well; choose another port."
        ),
    ),
    ('"#PrimaVera"', '""', 'campaign[spring].tags[#2]: "" is not a hashtag.'),
    (
        '["madrid"]',
        '["lima", "Madrid"]',
        ('campaign[spring].regions[#2]: "Madrid" is not a region of the directory. Did you mean "madrid"?'),
    ),
    (
        "end = 2026-03-01",
        "end = 2026-02-28",
        ("campaign[spring].end: is 2026-02-28, before the campaign starts on 2026-03-01."),
    ),
    (
        "{ share = 0.5 }",
        "{ share = 0.5, posts = 7 }",
        ("campaign[spring].goal: must have exactly one number, but has share and posts."),
    ),
    ("{ share = 0.5 }", "{ }", "campaign[spring].goal: must have exactly one number, but has none above 0."),
    ("{ share = 0.5 }", "{ share = 50 }", "campaign[spring].goal.share: must be a number from 0 to 1, but is 50."),
    (
        "[privacy]",
        "[privacy]\nminimum_group = 4",
        ("privacy.minimum_group: must be a whole number of at least 5, but is 4."),
    ),
    (
        "[privacy]",
        "[topics]\nreplication = 3\n[privacy]",
        ("topics.replication: must be 1 with an embedded broker (kafka.embedded), which is a single node, but is 3."),
    ),
    (
        "[privacy]",
        "[kafka]\nembedded = false\n[topics]\nreplication = 2\nminimum_in_sync = 3\n[privacy]",
        "topics.minimum_in_sync: is 3, more than the 2 copies of topics.replication.",
    ),
    (
        "[privacy]",
        '[kafka]\nsecurity_protocol = "SSL"\n[privacy]',
        ("kafka.security_protocol: must be PLAINTEXT with an embedded broker (kafka.embedded), but is SSL."),
    ),
    (
        "[privacy]",
        '[kafka]\nbootstrap_servers = "a:1,b:2"\n[privacy]',
        (
            "kafka.bootstrap_servers: must be one host:port "
            "with an embedded broker (kafka.embedded), which is a single node, but has 2."
        ),
    ),
    (
        "[privacy]",
        '[kafka]\nbootstrap_servers = "kafka:9092"\n[privacy]',
        "kafka.bootstrap_servers: must be 127.0.0.1:port with an embedded broker (kafka.embedded), which is a single",
    ),
    (
        "[privacy]",
        '[kafka]\nembedded = false\nbootstrap_servers = "kafka"\n[privacy]',
        ('kafka.bootstrap_servers: "kafka" is not host:port.'),
    ),
    (
        "[privacy]",
        '[kafka]\nembedded = false\nsecurity_protocol = "SASL_SSL"\nsasl_username = "x"\n[privacy]',
        "kafka.sasl_password: is missing: SASL_SSL needs it.",
    ),
    (
        "[privacy]",
        "[time]\nheartbeat_seconds = 15\n[privacy]",
        ("time.timeout_seconds: is 15, but must exceed time.heartbeat_seconds (15)."),
    ),
    (
        '"pseudonym.key"',
        '"nowhere.key"',
        ("privacy.pseudonym_key: is missing: there is no file nowhere.key. `jun key` makes keys."),
    ),
    (
        '{ file = "pseudonym.key" }',
        '{ environment = "PSEUDONYMS" }',
        ("privacy.pseudonym_key: is missing: the environment variable PSEUDONYMS is not set."),
    ),
    (
        '{ file = "pseudonym.key" }',
        '{ file = "pseudonym.key", environment = "X" }',
        ("privacy.pseudonym_key: must be in a file or in an environment variable, but both are named."),
    ),
    (
        'pseudonym_key = { file = "pseudonym.key" }',
        "",
        ("privacy.pseudonym_key: is missing: sources need it to make pseudonyms."),
    ),
    ('{ file = "token" }', '{ file = "nowhere" }', "source[hooks].token: is missing: there is no file nowhere."),
]


@pytest.mark.parametrize(("old", "new", "wanted"), IN_JUN)
def test_a_fault_in_jun_toml_is_told(folder: Path, old: str, new: str, wanted: str | None) -> None:
    change(folder / "jun.toml", old, new)
    found = faults(folder)
    wanted = wanted or "source[hooks].name: is the name of source 1 as well; names must differ."
    assert any(re.sub(r"^jun\.toml(:\d+)?: ", "", fault).startswith(wanted) for fault in found), found


IN_REGIONS = [
    (
        '"Europe/Madrid"',
        '"Europe/Madird"',
        (
            'region[madrid].time_zone: "Europe/Madird" is not a time zone of the IANA '
            'database. Did you mean "Europe/Madrid"?'
        ),
    ),
    ('"ES-MD"', '"XX"', 'region[madrid].holidays: "XX": there is no holiday calendar of the country "XX".'),
    ('"ES-MD"', '"ES-ZZ"', 'region[madrid].holidays: "ES-ZZ": ES has no subdivision "ZZ"; it has '),
    (
        'holidays = "ES-MD"\n',
        "",
        ("region[madrid].quiet_on_holidays: is set, but the region has no `holidays`: name its calendar."),
    ),
    ('"08:00-17:30"', '"8-17"', 'region[madrid].working_hours: must be hours such as 08:00-17:30, but is "8-17".'),
    ("headcount = 120", "headcount = -1", "region[madrid].headcount: must be at least 0, but is -1."),
    (
        "headcount = 120",
        "headcount = [{ people = 1 }, { people = 2 }]",
        ("region[madrid].headcount: has two numbers since 1970-01-01; a day has one."),
    ),
    ("headcount = 120", "shards = 9", "region[madrid].shards: is 9, more than the 8 partitions of topics.partitions."),
    (
        "headcount = 120",
        "planned_quiet = [{ from = 2026-01-02T00:00:00Z, to = 2026-01-02T00:00:00Z }]",
        "region[madrid].planned_quiet[#1].to: must be after `from`.",
    ),
    ('name = "lima"', 'name = "madrid"', "region[madrid].name: is the name of region 1 as well; names must differ."),
    (
        'name = "lima"',
        'name = "Li ma"',
        'region[Li ma].name: must be lower case without spaces or control characters, but is "Li ma".',
    ),
    (
        'name = "lima"',
        'name = "unassigned"',
        ('region[unassigned].name: "unassigned" is kept for accounts that no region knows; choose another name.'),
    ),
    (
        'name = "lima"',
        'name = "lima"\nchannels = ["hooks:office"]',
        ('region[lima].channels[#1]: "hooks:office" belongs to the region "madrid" already; a channel has one region.'),
    ),
    (
        '"hooks:office"',
        '"office"',
        ("region[madrid].channels[#1]: must be a source and what it is on that source, with a colon between them."),
    ),
    ('"posts:weatherbot"', '"post:weatherbot"', 'bots[#1]: "post" is not the name of a source. Did you mean "posts"?'),
    (
        'source = "posts", account',
        'source = "post", account',
        ('region[madrid].accounts[#1].source: "post" is not the name of a source. Did you mean "posts"?'),
    ),
    (
        'role = "office" }',
        'role = "office", region = "lima" }',
        ('region[madrid].accounts[#1].region: is "lima", but the account stands under "madrid".'),
    ),
    (
        'role = "office" }',
        "since = 2026-02-02, until = 2026-02-01 }",
        ("region[madrid].accounts[#1].until: is 2026-02-01, before `since` (2026-02-02)."),
    ),
]


@pytest.mark.parametrize(("old", "new", "wanted"), IN_REGIONS)
def test_a_fault_in_regions_toml_is_told_with_its_line(folder: Path, old: str, new: str, wanted: str) -> None:
    change(folder / "regions.toml", old, new)
    found = faults(folder)
    assert len(found) == 1
    assert re.sub(r"^regions\.toml:\d+: ", "", found[0]).startswith(wanted), found


def test_a_fault_stands_on_the_line_of_its_setting(folder: Path) -> None:
    jun = change(folder / "jun.toml", "port = 8088", 'port = "x"')
    regions = change(folder / "regions.toml", '"America/Lima"', '"America/Lina"')
    assert [fault.rpartition(": ")[0] for fault in faults(folder)] == [
        f"jun.toml:{jun}: source[hooks].port",
        f"regions.toml:{regions}: region[lima].time_zone",
    ]


def test_all_faults_come_at_once_though_some_entries_could_not_be_read(folder: Path) -> None:
    change(folder / "jun.toml", 'tags = ["#Spring", "#PrimaVera"]', "tags = 3")
    with (folder / "jun.toml").open("a") as file:
        file.write('[[campaign]]\nname = "autumn"\ntags = ["#autumn"]\nregions = ["nowhere"]\n[exporter]\nport = -1\n')
    change(folder / "regions.toml", "headcount = 120", 'headcount = "many"')
    change(folder / "regions.toml", '"America/Lima"', '"Lima"')
    assert [fault.split(": ", 2)[:2] for fault in faults(folder)] == [
        ["jun.toml:15", "campaign[spring].tags"],
        ["jun.toml:23", "campaign[autumn].regions[#1]"],
        ["jun.toml:25", "exporter.port"],
        ["regions.toml:8", "region[madrid].headcount"],
        ["regions.toml:15", "region[lima].time_zone"],
    ]


def test_a_region_that_could_not_be_read_still_counts_as_there(folder: Path) -> None:
    change(folder / "regions.toml", 'time_zone = "Europe/Madrid"', "time_zone = 1")
    assert [fault.split(": ", 2)[1] for fault in faults(folder)] == ["region[madrid].time_zone"]


@pytest.mark.parametrize("tag", ["#spring", "SPRING", "#Ｓｐｒｉｎｇ"])
def test_a_tag_that_two_campaigns_share_in_any_spelling_is_told(folder: Path, tag: str) -> None:
    with (folder / "jun.toml").open("a") as file:
        file.write(f'[[campaign]]\nname = "autumn"\ntags = ["#autumn", "{tag}"]\n')
    assert faults(folder) == [
        (
            f'jun.toml:22: campaign[autumn].tags[#2]: "{tag}" ("spring") counts for the campaign "spring" already; '
            "a tag has one campaign."
        )
    ]


def test_an_account_that_two_rows_claim_on_the_same_days_is_told_without_being_named(folder: Path) -> None:
    change(
        folder / "regions.toml",
        'name = "lima"',
        'name = "lima"\naccounts = [{ source = "posts", account = "madridoffice" }]',
    )
    assert faults(folder) == [
        (
            "regions.toml:15: region[lima].accounts[#1].account: is the same account as in regions.toml:11 "
            "on the same days; part them by `since` or `until`."
        )
    ]


def test_an_account_may_move_from_one_day_to_the_next(folder: Path) -> None:
    change(folder / "regions.toml", 'role = "office"', "until = 2026-01-31")
    change(
        folder / "regions.toml", 'name = "lima"',
        'name = "lima"\naccounts = [{ source = "posts", account = "MadridOffice", since = 2026-02-01 }]',
    )  # fmt: skip
    assert faults(folder) == []
    change(folder / "regions.toml", "since = 2026-02-01", "since = 2026-01-31")
    assert len(faults(folder)) == 1


def test_accounts_of_a_table_are_checked_like_those_of_the_directory(folder: Path) -> None:
    change(folder / "regions.toml", "bots =", 'accounts_csv = "accounts.csv"\nbots =')
    (folder / "accounts.csv").write_text("source,account,region\nposts,MADRIDOFFICE,madrid\nposts,x,lina\nposts,y,\n")
    assert faults(folder) == [
        (
            "accounts.csv:2: account: is the same account as in regions.toml:12 on the same days; "
            "part them by `since` or `until`."
        ),
        'accounts.csv:3: region: "lina" is not a region. Did you mean "lima"?',
        "accounts.csv:4: region: is missing: an account belongs to a region.",
    ]


@pytest.mark.parametrize(("mode", "wanted"), [(0o600, 0), (0o640, 0), (0o644, 1), (0o602, 1)])
def test_a_secret_that_others_can_read_is_a_fault(folder: Path, mode: int, wanted: int) -> None:
    (folder / "pseudonym.key").chmod(mode)
    found = faults(folder)
    assert len(found) == wanted
    assert not found or found[0] == (
        "jun.toml:3: privacy.pseudonym_key: pseudonym.key can be read by others: run `chmod o= pseudonym.key`."
    )


def test_the_key_to_which_dead_letters_are_sealed_may_be_read_by_all(folder: Path) -> None:
    (folder / "deadletter.public").write_text("x")
    (folder / "deadletter.public").chmod(0o644)
    change(folder / "jun.toml", "[privacy]", '[privacy]\ndeadletter_public_key = { file = "deadletter.public" }')
    assert faults(folder) == []


def test_a_folder_or_an_empty_file_is_no_secret(folder: Path) -> None:
    (folder / "pseudonym.key").write_text("")
    assert faults(folder) == ["jun.toml:3: privacy.pseudonym_key: pseudonym.key is empty."]
    change(folder / "jun.toml", '"pseudonym.key"', '"."')
    assert faults(folder)[0].endswith("is not a file.")


def test_a_secret_that_this_user_cannot_read_is_a_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda file, _mode: not str(file).endswith("pseudonym.key"))
    assert faults(folder) == ["jun.toml:3: privacy.pseudonym_key: pseudonym.key can't be read by this user."]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('token = { file = "token" }', 'token = "hunter2"'),
        ('token = { file = "token" }', 'token = ["hunter2"]'),
        ('pseudonym_key = { file = "pseudonym.key" }', 'pseudonym_key = "hunter2"'),
        ('pseudonym_key = { file = "pseudonym.key" }', 'pseudonym_key = { value = "hunter2" }'),
        ("[privacy]", '[kafka]\nsasl_password = "hunter2"\n[privacy]'),
        ("[privacy]", '[kafka]\npassword = "hunter2"\n[privacy]'),
    ],
)
def test_a_secret_in_the_wrong_place_is_never_shown(folder: Path, old: str, new: str) -> None:
    change(folder / "jun.toml", old, new)
    found = faults(folder)
    assert found
    assert "hunter2" not in "\n".join(found)


def test_no_fault_names_an_account(folder: Path) -> None:
    change(
        folder / "regions.toml", '{ source = "posts", account = "MadridOffice", role = "office" }',
        '{ source = "posts", account = "jane", name = "Jane", role = "jane" }, { source = "jan", account = 5 }',
    )  # fmt: skip
    found = "\n".join(faults(folder))
    assert "must be one of office, leader, person, bot" in found
    assert not re.search("jane", found, re.IGNORECASE)


def test_nothing_to_read_from_and_nobody_to_watch_are_faults(tmp_path: Path) -> None:
    (tmp_path / "jun.toml").write_text("")
    (tmp_path / "regions.toml").write_text("")
    assert [fault.rpartition(".toml: ")[2] for fault in faults(tmp_path)] == [
        "has no [[source]]: name at least one place to read from.",
        "has no [[region]]: describe at least one.",
    ]


def test_the_packaged_simulation_has_no_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check(None, {}) == []
