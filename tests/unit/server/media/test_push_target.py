from __future__ import annotations

import pytest

from server.errors import PushRefusedError
from server.media.push_target import parse_push


@pytest.mark.parametrize(
    ("url", "container", "label"),
    [
        ("rtsp://user:secret@host:8554/live?token=secret", "rtsp", "rtsp://host:8554/live"),
        ("RTSPS://user:secret@[::1]/live", "rtsp", "rtsps://[::1]/live"),
        ("rtmp://user:secret@host/app/secret-key", "flv", "rtmp://host/app/..."),
        ("rtmps://host/secret-key", "flv", "rtmps://host/..."),
        ("rtmp://host", "flv", "rtmp://host"),
        ("srt://host:9000?passphrase=secret", "mpegts", "srt://host:9000"),
    ],
)
def test_a_target_is_shown_without_its_secrets(url: str, container: str, label: str) -> None:
    target = parse_push(f" {url} ", "burned")
    assert (target.container, target.label) == (container, label)
    assert target.url == url
    assert "secret" not in repr(target)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "monitor",
        "/secret.mp4",
        "file:///secret",
        "http://host/secret",
        "rtsp://",
        "rtsp:///secret",
        "rtsp://host:99999/secret",
        "rtsp://host:0/secret",
        "rtsp://ho\nst/secret",
        "rtsp://user:12/secret@host/live",
        "rtmp://user:12#secret@host/app/key",
        "rtmp://user:12?secret@host/app/key",
        "srt://host?passphrase=secret",
        "rtmp://host/" + "secret" * 1000,
    ],
)
def test_what_is_no_target_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(PushRefusedError) as caught:
        parse_push(url, "clean")
    assert "secret" not in str(caught.value)
