from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from server.app import configured_pushes, create_app, source_check
from server.errors import ConfigurationError, PushRefusedError, RegionError, SourceUnreachableError
from server.media.source import parse_source
from server.settings import (
    Settings,
    known_variables,
    load_settings,
    refuse_open_listening,
    refuse_unknown_variables,
)

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known_variables():
        monkeypatch.delenv(name, raising=False)


def test_the_default_is_the_demo_on_loopback() -> None:
    settings = load_settings()
    assert settings.sources == ("demo",)
    assert settings.listen.is_loopback
    refuse_open_listening(settings)


def test_the_command_line_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALI_LISTEN__PORT", "9000")
    monkeypatch.setenv("SALI_WORKER__DEVICE", "cuda")
    settings = load_settings(listen={"host": "127.0.0.2"}, worker={"weights": "w.safetensors"})
    assert (settings.listen.host, settings.listen.port) == ("127.0.0.2", 9000)
    assert (settings.worker.weights, settings.worker.device) == ("w.safetensors", "cuda")


def test_sources_are_a_json_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALI_SOURCES", '["demo", "whip"]')
    assert load_settings().sources == ("demo", "whip")


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("SALI_LISTEN__PORT", "seventy", "SALI_LISTEN__PORT: "),
        ("SALI_LISTEN__PROT", "70", "unknown environment variable SALI_LISTEN__PROT"),
        ("SALI_LISTN__PORT", "70", "unknown environment variable SALI_LISTN__PORT"),
        ("SALI_WORKER__MODEL", "no colon", "SALI_WORKER__MODEL: "),
        ("SALI_MASKS__MAX_AGE_MS", "251", "SALI_MASKS__MAX_AGE_MS: "),
        ("SALI_SOURCES", "demo", "the environment cannot be read: "),
    ],
)
def test_an_unusable_variable_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_weak_token_is_refused_without_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALI_AUTH__TOKEN", "hunter2")
    with pytest.raises(ConfigurationError, match="SALI_AUTH__TOKEN") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_a_token_is_not_shown_by_the_settings() -> None:
    assert "secret-token" not in repr(Settings(auth={"token": "secret-token"}))


def test_addresses_to_push_to_go_with_the_sources_in_their_order() -> None:
    settings = Settings(
        sources=("demo", "whip"), push={"urls": ("rtsp://user:pw@m/1",), "overlay": "clean"}
    )
    first, second = configured_pushes(settings)
    assert [(target.label, target.overlay) for target in first] == [("rtsp://m/1", "clean")]
    assert second == ()


@pytest.mark.parametrize(
    ("urls", "error", "words"),
    [
        (("rtsp://m/1", "rtsp://m/2"), ConfigurationError, "2 addresses to push to, but 1 source"),
        (("ftp://user:secret@m/1",), PushRefusedError, "rtsp://, rtmp:// or srt://"),
    ],
)
def test_addresses_that_cannot_be_pushed_to_are_refused_at_the_start(
    urls: tuple[str, ...], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        create_app(Settings(sources=("demo",), push={"urls": urls}))
    assert "secret" not in str(caught.value)


def test_the_check_of_a_camera_waits_as_long_as_its_session_would() -> None:
    settings = Settings(connect={"open_timeout_s": 1})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/room1"
        with pytest.raises(SourceUnreachableError, match="does not answer within 1 s"):
            source_check(settings)(parse_source(url))


def test_a_region_that_cannot_be_used_is_refused_before_a_worker_starts() -> None:
    with pytest.raises(RegionError, match="use auto, full, or x,y,width,height"):
        create_app(Settings(sources=("demo",), region="middle"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])  # noqa: S104
def test_other_machines_are_let_in_with_a_token_only(host: str) -> None:
    with pytest.raises(ConfigurationError, match="SALI_AUTH__TOKEN"):
        refuse_open_listening(Settings(listen={"host": host}))
    refuse_open_listening(Settings(listen={"host": host}, auth={"token": "secret-token"}))


def test_a_proxy_lets_other_machines_in_with_a_token_only() -> None:
    with pytest.raises(ConfigurationError, match="SALI_AUTH__TOKEN"):
        refuse_open_listening(Settings(listen={"names": ("room.example",)}))
    refuse_open_listening(
        Settings(listen={"names": ("room.example",)}, auth={"token": "secret-token"})
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    refuse_open_listening(Settings(listen={"host": host}))


def test_variables_of_other_programs_are_not_our_affair() -> None:
    refuse_unknown_variables({"PATH": "/bin", "SALIX": "1", "sali_listen__port": "1"})


def test_the_documentation_lists_exactly_the_settings() -> None:
    text = (REPOSITORY / "docs" / "configuration.md").read_text()
    documented = re.findall(r"^\| `(SALI_\w+)` \|", text, re.MULTILINE)
    assert documented == list(known_variables())


def test_the_documentation_describes_them_as_the_settings_do() -> None:
    text = (REPOSITORY / "docs" / "configuration.md").read_text()
    for name, description in known_variables().items():
        assert re.search(
            rf"^\| `{name}` \|.*\| {re.escape(description)} \| [a-z ]+ \|$", text, re.MULTILINE
        )
