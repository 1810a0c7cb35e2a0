from __future__ import annotations

import wave
from pathlib import Path

import pytest

from server.errors import (
    SourceError,
    SourceRefusedError,
    SourceUnreachableError,
    UnsupportedCodecError,
)
from server.media.container import check_picture_size
from server.media.rtsp.address import parse_address
from server.media.source import SourceSpec, check_source, parse_source
from tests.fakes.rtsp_server import free_port
from tests.fakes.video_files import write_video


def test_words_name_the_built_in_sources() -> None:
    assert parse_source("demo") == SourceSpec("demo")
    assert parse_source(" whip ") == SourceSpec("whip")
    assert parse_source("demo").label == "phantom"


def test_a_path_becomes_absolute_so_that_ffmpeg_sees_no_protocol() -> None:
    spec = parse_source("concat:a|b.mp4", loop=True)
    assert spec.kind == "file"
    assert spec.loop
    assert Path(spec.target).is_absolute()
    assert spec.label == "concat:a|b.mp4"


def test_labels_hold_neither_credentials_nor_query() -> None:
    spec = parse_source("rtsp://doctor:secret@10.0.0.5:8554/room1?token=secret#x")
    assert spec.kind == "rtsp"
    assert spec.label == "rtsp://10.0.0.5:8554/room1"
    assert parse_source("rtsps://[::1]/a").label == "rtsps://[::1]/a"


@pytest.mark.parametrize(
    "text",
    ["", "  ", "http://example.org/a.mp4", "srt://x", "rtsp://", "rtsp://h:99999/", "a\nb", "a\0b"],
)
def test_what_cannot_be_a_source_is_refused(text: str) -> None:
    with pytest.raises(SourceRefusedError) as caught:
        parse_source(text)
    assert "\n" not in str(caught.value)


def test_a_playable_file_passes(tmp_path: Path) -> None:
    check_source(parse_source(str(write_video(tmp_path / "a.mp4"))))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachableError, match=r"no such file: .*gone\.mp4"):
        check_source(parse_source(str(tmp_path / "gone.mp4")))


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a file"):
        check_source(parse_source(str(tmp_path)))


def test_a_file_of_text_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a video\n" * 100)
    with pytest.raises(SourceError, match=r"notes\.txt holds no video"):
        check_source(parse_source(str(path)))


def test_a_file_of_sound_has_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16_000))
    with pytest.raises(SourceError, match=r"sound\.wav has no video"):
        check_source(parse_source(str(path)))


def test_a_playlist_cannot_reach_the_network(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError):
        check_source(parse_source(str(path)))


def test_a_host_where_nothing_listens_is_unreachable_and_no_secret_is_told() -> None:
    url = f"rtsp://doctor:secret@127.0.0.1:{free_port()}/room1"
    with pytest.raises(SourceUnreachableError, match="nothing listens") as caught:
        check_source(parse_source(url))
    assert "secret" not in str(caught.value)
    assert caught.value.retryable


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(SourceUnreachableError, match=r"no host is known .* camera\.invalid"):
        check_source(parse_source("rtsp://camera.invalid/room1"))


def test_enormous_pictures_are_refused_whichever_way_they_are_turned() -> None:
    check_picture_size(4096, 2304, "x")
    check_picture_size(2304, 4096, "x")
    for size in ((4098, 2304), (4096, 2306), (8192, 64)):
        with pytest.raises(UnsupportedCodecError, match="too large"):
            check_picture_size(*size, "x")


@pytest.mark.parametrize(
    ("url", "target", "transport"),
    [
        ("rtsp://h/a?transport=udp", "rtsp://h/a", "udp"),
        ("rtsp://h/a?x=1&transport=tcp&y=2", "rtsp://h/a?x=1&y=2", "tcp"),
        ("rtsp://h/a?transport=tcp&y=2", "rtsp://h/a?y=2", "tcp"),
        ("rtsp://h/a?transport=multicast", "rtsp://h/a?transport=multicast", None),
        ("rtsp://h/a?mytransport=udp", "rtsp://h/a?mytransport=udp", None),
    ],
)
def test_the_transport_is_ours_and_the_rest_of_the_query_the_cameras(
    url: str, target: str, transport: str | None
) -> None:
    spec = parse_source(url)
    assert (spec.target, spec.transport) == (target, transport)


def test_a_program_may_be_the_source() -> None:
    spec = parse_source("frames")
    assert (spec.kind, spec.label) == ("frames", "program")
    check_source(spec)


def test_credentials_stay_out_of_the_representation() -> None:
    assert "secret" not in repr(parse_source("rtsp://doctor:secret@h/a"))
    assert "secret" not in repr(parse_address("rtsp://doctor:secret@h/a?key=secret"))


@pytest.mark.parametrize("mark", ["/", "#", "?", "x/"])
def test_a_password_that_is_not_encoded_is_refused_without_being_told(mark: str) -> None:
    with pytest.raises(SourceRefusedError, match="write / as %2F") as caught:
        parse_source(f"rtsp://admin:12{mark}secret@cam/x")
    assert "secret" not in str(caught.value)
    assert "12" not in str(caught.value)


def test_a_path_that_may_hold_a_part_of_a_password_is_not_shown() -> None:
    address = parse_address("rtsp://admin:12@34/secret@cam/x")
    assert address.label == "rtsp://34"
    assert address.url == "rtsp://34/secret@cam/x"


def test_an_address_is_taken_apart() -> None:
    address = parse_address("rtsp://d%40c:p%3Aw@[::1]:8554/a?k=1#f")
    assert (address.user, address.password) == ("d@c", "p:w")
    assert (address.host, address.port) == ("::1", 8554)
    assert address.url == "rtsp://[::1]:8554/a?k=1"
    assert address.label == "rtsp://[::1]:8554/a"
    assert parse_address("rtsp://h/").port == 554
