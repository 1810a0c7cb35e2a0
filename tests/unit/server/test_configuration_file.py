"""The configuration file, beside the environment and the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from server.errors import ConfigurationError
from server.settings import (
    Settings,
    configuration_schema,
    known_variables,
    load_settings,
    load_with_origins,
    region_for,
    setting_paths,
    variable_of,
)

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*known_variables(), "SALI_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str) -> Path:
        path = tmp_path / "sali.yaml"
        path.write_text(text)
        return path

    return write_file


FILE = """
sources: [whip, demo]
listen: {port: 9001}
worker:
  device: cpu
  threads: 3
"""


def test_a_file_sets_what_nobody_else_does(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALI_WORKER__DEVICE", "cuda")
    settings = load_settings(write(FILE), listen={"port": 9002})
    assert settings.sources == ("whip", "demo")
    assert settings.listen.port == 9002
    assert (settings.worker.device, settings.worker.threads) == ("cuda", 3)
    assert settings.listen.host == "127.0.0.1"


def test_the_environment_names_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALI_CONFIG", str(write(FILE)))
    assert load_settings().listen.port == 9001


def test_an_empty_file_sets_nothing(write: Write) -> None:
    assert load_settings(write("# nothing yet\n")) == Settings()


def test_a_region_of_the_file_is_a_choice_for_pushed_frames_too(write: Write) -> None:
    assert region_for(load_settings(write("region: auto\n")), "frames") == "auto"
    assert region_for(load_settings(write("loop: true\n")), "frames") == "full"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("listen: {prot: 1}", "sali.yaml: listen.prot: there is no such setting"),
        ("lisen: {port: 1}", "sali.yaml: lisen: there is no such setting"),
        ("listen: {port: many}", "sali.yaml: listen.port: "),
        ("listen: 8000", "sali.yaml: listen: "),
        ("auth: {token: hunter2}", "sali.yaml: auth.token: "),
        ("ice_servers: [{url: 'http://x', credential: hunter2}]", "sali.yaml: ice_servers.0.url: "),
        ("- a\n- b", "write settings as"),
        ("1: a", "write settings as"),
        ("listen: {port: 1\nhunter2: [", "this is not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line_without_its_secrets(
    write: Write, text: str, words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(text))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value).replace("hunter2: [", "")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml: No such file"):
        load_settings(tmp_path / "none.yaml")


def test_a_fault_of_the_environment_names_the_variable_beside_a_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALI_LISTEN__PORT", "seventy")
    with pytest.raises(ConfigurationError, match=r"^SALI_LISTEN__PORT: "):
        load_settings(write(FILE))


def test_each_value_tells_where_it_comes_from(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALI_WORKER__DEVICE", "cuda")
    path = write(FILE)
    _, origins = load_with_origins(path)
    assert origins["listen.port"] == origins["worker.threads"] == str(path)
    assert origins["worker.device"] == "SALI_WORKER__DEVICE"
    assert origins["listen.host"] == "default"
    assert [variable_of(p) for p in setting_paths()] == list(known_variables())


def test_show_tells_values_and_origins_but_no_secret(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALI_AUTH__TOKEN", "a-secret-token")
    monkeypatch.setenv("SALI_PUSH__URLS", '["rtsp://user:hidden@m/1"]')
    path = write(
        "sources: ['rtsp://doctor:hidden@10.0.0.5/stream', /videos/a.mp4]\n"
        "ice_servers: [{url: 'turn:t:3478', username: u, credential: hidden}]\n"
    )
    result = CliRunner().invoke(app, ["config", "show", "--config", str(path), "--json"])
    shown = json.loads(result.stdout)
    assert shown["auth.token"] == {"value": "(set)", "origin": "SALI_AUTH__TOKEN"}
    assert shown["sources"]["value"] == ["rtsp://10.0.0.5/stream", "/videos/a.mp4"]
    assert shown["ice_servers"]["value"][0]["username"] == "u"
    assert set(shown) == {".".join(path) for path in setting_paths()}
    text = CliRunner().invoke(app, ["config", "show", "--config", str(path)]).stdout
    for output in (result.stdout, text):
        assert "hidden" not in output
        assert "a-secret-token" not in output


def test_check_says_yes_or_why_not(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALI_CONFIG", str(write(FILE)))
    result = CliRunner().invoke(app, ["config", "check"])
    assert (result.exit_code, "can be used" in result.stdout) == (0, True)
    monkeypatch.setenv("SALI_CONFIG", str(write("region: middle")))
    assert CliRunner().invoke(app, ["config", "check"]).exit_code != 0


def test_the_schema_describes_every_setting_and_lets_no_other_in() -> None:
    schema = configuration_schema()
    described: list[tuple[str, ...]] = []
    for name, field in schema["properties"].items():
        group = schema["$defs"].get(field.get("$ref", "").removeprefix("#/$defs/"))
        if group is None:
            assert field["description"]
            described.append((name,))
            continue
        assert group["additionalProperties"] is False
        for own, inner in group["properties"].items():
            assert inner["description"], own
            described.append((name, own))
    assert schema["additionalProperties"] is False
    assert described == setting_paths()
    port = schema["$defs"]["ListenSettings"]["properties"]["port"]
    assert (port["minimum"], port["maximum"], port["default"]) == (0, 65535, 8000)


def test_the_schema_holds_nothing_of_this_machine() -> None:
    assert str(Path(__file__).parents[3]) not in json.dumps(configuration_schema())
