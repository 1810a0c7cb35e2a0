"""Settings that change while the service runs: which of them, and what becomes of the others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from server.settings import (
    Applies,
    LiveSettings,
    Settings,
    applies_of,
    configuration_schema,
    known_variables,
    load_settings,
    region_for,
    setting_paths,
    variable_of,
)

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*known_variables(), "SALI_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def test_what_needs_no_restart_holds_and_the_rest_is_named() -> None:
    live = LiveSettings(Settings())
    change = live.take(
        Settings(
            auth={"token": "another-token"},
            session={"max_sessions": 3, "max_viewers": 2},
            listen={"port": 9000, "names": ("room.example",)},
            worker={"threads": 2},
        )
    )
    assert change.applied == (
        "listen.names", "auth.token", "session.max_sessions", "session.max_viewers"
    )  # fmt: skip
    assert change.waiting == live.waiting == ("listen.port", "worker.threads")
    now = live.current
    assert (now.session.max_sessions, now.listen.names) == (3, ("room.example",))
    assert (now.listen.port, now.worker.threads) == (8000, 0)
    assert now.auth.token is not None


def test_what_waited_waits_no_more_once_it_is_taken_back() -> None:
    live = LiveSettings(Settings())
    live.take(Settings(worker={"threads": 2}))
    assert live.take(Settings()).waiting == ()


def test_listeners_hear_of_changes_only() -> None:
    live, heard = LiveSettings(Settings()), []
    live.add_listener(lambda settings: heard.append(settings.log.level))
    live.take(Settings())
    live.take(Settings(worker={"threads": 2}))
    assert heard == []
    live.take(Settings(log={"level": "debug"}))
    assert heard == ["debug"]


def test_whether_a_region_was_chosen_is_part_of_what_is_taken() -> None:
    live = LiveSettings(Settings())
    assert region_for(live.current, "frames") == "full"
    live.take(Settings(region="auto"))
    assert region_for(live.current, "frames") == "auto"
    live.take(Settings())
    assert region_for(live.current, "frames") == "full"


def test_each_value_tells_where_it_comes_from_also_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "sali.yaml"
    file.write_text("worker: {threads: 1}")
    live = LiveSettings(load_settings(file))
    file.write_text("log: {level: warning}")
    live.take(load_settings(file))
    assert live.current.origin_of("log.level") == str(file)
    assert live.current.origin_of("worker.threads") == str(file)
    assert live.current.worker.threads == 1


@pytest.mark.parametrize(
    ("name", "when"),
    [
        (("auth", "token"), Applies.AT_ONCE),
        (("connect", "silent_after_s"), Applies.NEW_SESSIONS),
        (("masks", "max_age_ms"), Applies.RESTART),
        (("sources",), Applies.RESTART),
    ],
)
def test_the_schema_tells_when_a_change_takes_effect(name: tuple[str, ...], when: Applies) -> None:
    assert applies_of(name) is when
    schema = configuration_schema()
    field: dict[str, Any] = schema
    for part in name:
        group = field["$ref"].rpartition("/")[2] if "$ref" in field else ""
        field = (schema["$defs"][group] if group else field)["properties"][part]
    assert field["x-applies"] == when.value


def test_the_documentation_tells_it_of_every_setting() -> None:
    text = (REPOSITORY / "docs/configuration.md").read_text()
    told = dict(re.findall(r"^\| `(SALI_\w+)` \|.*\| ([a-z ]+) \|$", text, re.MULTILINE))
    assert told == {variable_of(path): applies_of(path).value for path in setting_paths()}
