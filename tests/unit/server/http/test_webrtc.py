from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from server.media.frame import RelayCodec
from server.settings import IceServer
from tests.unit.server.http.conftest import Builder, Service

FRAGMENT = (
    "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\n"
    "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
)
SDP = {"content-type": "application/sdp; charset=utf-8"}


async def test_a_viewer_comes_and_goes(service: Service) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play()
    path = f"/v1/sessions/{session_id}/whep"
    answer = await service.client.post(path, content="offer", headers=SDP)
    assert answer.status_code == 201
    assert answer.headers["content-type"].startswith("application/sdp")
    assert answer.headers["location"] == f"{path}/v1"
    assert answer.text == "clean h264 answer to offer"
    assert (await service.client.get(f"/v1/sessions/{session_id}")).json()["viewers"] == 1
    assert (await service.client.delete(f"{path}/v1")).status_code == 200
    gone = await service.client.delete(f"{path}/v1")
    assert (gone.status_code, gone.json()["code"]) == (404, "resource_not_found")


@pytest.mark.parametrize(
    ("source_codec", "query", "answered"),
    [
        ("vp8", "", "clean vp8 answer"),
        ("vp8", "?overlay=clean", "clean vp8 answer"),
        ("vp8", "?overlay=burned", "burned h264 answer"),
    ],
)
async def test_a_viewer_chooses_clean_or_burned_video(
    service: Service, source_codec: RelayCodec, query: str, answered: str
) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play(source_codec)
    path = f"/v1/sessions/{session_id}/whep"
    answer = await service.client.post(f"{path}{query}", content="offer", headers=SDP)
    assert (answer.status_code, answer.headers["location"]) == (201, f"{path}/v1")
    assert answer.text == f"{answered} to offer"


async def test_another_overlay_is_refused(service: Service) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play()
    path = f"/v1/sessions/{session_id}/whep?overlay=painted"
    answer = await service.client.post(path, content="offer", headers=SDP)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "burned" in answer.json()["detail"]


async def test_a_source_without_video_asks_to_come_back_in_a_second(service: Service) -> None:
    session_id = await service.create()
    answer = await service.client.post(
        f"/v1/sessions/{session_id}/whep", content="offer", headers=SDP
    )
    assert answer.status_code == 409
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "source_not_ready"


async def test_a_publisher_comes_and_goes_one_at_a_time(service: Service) -> None:
    session_id = await service.create("whip")
    path = f"/v1/sessions/{session_id}/whip"
    answer = await service.client.post(path, content="offer", headers=SDP)
    assert (answer.status_code, answer.headers["location"]) == (201, f"{path}/p1")
    busy = await service.client.post(path, content="offer", headers=SDP)
    assert (busy.status_code, busy.json()["code"]) == (409, "whip_busy")
    assert (await service.client.delete(f"{path}/p1")).status_code == 200
    assert (await service.client.post(path, content="offer", headers=SDP)).status_code == 201


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"offer", "text/plain", 415, "unsupported_media_type"),
        (b"", "application/sdp", 400, "invalid_offer"),
        (b"\xff\xfe", "application/sdp", 400, "invalid_offer"),
        (b"x" * 300_000, "application/sdp", 413, "request_too_large"),
    ],
)
async def test_what_is_no_offer_is_a_problem(
    service: Service, content: bytes, content_type: str, status: int, code: str
) -> None:
    session_id = await service.create("whip")
    answer = await service.client.post(
        f"/v1/sessions/{session_id}/whip", content=content, headers={"content-type": content_type}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_options_tell_what_a_post_takes(service: Service) -> None:
    session_id = await service.create("whip")
    options = await service.client.options(f"/v1/sessions/{session_id}/whip")
    assert (options.status_code, options.headers["accept-post"]) == (200, "application/sdp")


async def _publish(service: Service) -> tuple[str, str]:
    """Publish; the resource's address and its entity tag."""
    session_id = await service.create("whip")
    answer = await service.client.post(
        f"/v1/sessions/{session_id}/whip", content="offer", headers=SDP
    )
    return answer.headers["location"], answer.headers["etag"]


async def _patch(
    service: Service, path: str, headers: dict[str, str], content: str = FRAGMENT
) -> httpx.Response:
    given = {"content-type": "application/trickle-ice-sdpfrag", **headers}
    return await service.client.patch(path, content=content, headers=given)


async def test_later_candidates_are_taken(service: Service) -> None:
    path, tag = await _publish(service)
    assert tag.startswith('"')
    answer = await _patch(service, path, {"if-match": tag})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "etag" not in answer.headers
    (fragment,) = service.media.pipelines[0].trickled
    assert fragment.ufrag == "EsAw"
    assert fragment.candidates == ("1 1 udp 2122260223 192.0.2.1 61764 typ host",)
    assert fragment.is_end


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({}, FRAGMENT, 428, "entity_tag_missing"),
        ({"if-match": '"other"'}, FRAGMENT, 412, "entity_tag_mismatch"),
        ({"if-match": "*"}, FRAGMENT, 422, "ice_restart_unsupported"),
        ({"if-match": '"*"'}, FRAGMENT, 422, "ice_restart_unsupported"),
        ({"if-match": '"p1"'}, "hello", 400, "invalid_offer"),
        ({"if-match": '"p1"'}, "", 400, "invalid_offer"),
        ({"if-match": '"p1"'}, "a=candidate:x\r\n" * 51, 400, "invalid_offer"),
        (
            {"if-match": '"p1"', "content-type": "text/plain"},
            FRAGMENT,
            415,
            "unsupported_media_type",
        ),
    ],
)
async def test_what_is_no_trickle_is_refused_as_the_rfc_says(
    service: Service, headers: dict[str, str], content: str, status: int, code: str
) -> None:
    path, _ = await _publish(service)
    answer = await _patch(service, path, headers, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await _patch(service, path, {"if-match": '"p1"'})).status_code == 204


async def test_candidates_of_nobody_are_not_found(service: Service) -> None:
    path, tag = await _publish(service)
    for unknown in (path + "x", path.replace("/whip/", "/whep/")):
        assert (await _patch(service, unknown, {"if-match": tag})).status_code == 404
    await service.client.delete(path.rpartition("/whip/")[0])
    other = f"/v1/sessions/{await service.create()}/whip/p1"
    assert (await _patch(service, other, {"if-match": tag})).status_code == 404


async def test_a_viewer_trickles_too(service: Service) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play()
    answer = await service.client.post(
        f"/v1/sessions/{session_id}/whep", content="offer", headers=SDP
    )
    tag = {"if-match": answer.headers["etag"]}
    assert (await _patch(service, answer.headers["location"], tag)).status_code == 204


async def test_an_end_ignores_the_entity_tag(service: Service) -> None:
    path, _ = await _publish(service)
    answer = await service.client.delete(path, headers={"if-match": '"other"'})
    assert answer.status_code == 200


async def test_other_methods_are_kept_for_later_versions(build: Builder, tmp_path: Path) -> None:
    built = tmp_path / "dist"
    built.mkdir()
    (built / "index.html").write_text("viewer")
    service = build(web={"directory": built})
    path, _ = await _publish(service)
    for method in ("GET", "HEAD", "PUT", "POST"):
        answer = await service.client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, PATCH")
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
        answer = await service.client.request(method, path.rpartition("/")[0])
        assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


async def test_ice_servers_are_told_in_links(build: Builder) -> None:
    turn = {"url": "turn:t.example:3478?transport=udp", "username": "u", "credential": "c c"}
    service = build(ice_servers=({"url": "stun:s.example"}, turn))
    session_id = await service.create("whip")
    answer = await service.client.post(
        f"/v1/sessions/{session_id}/whip", content="offer", headers=SDP
    )
    assert answer.headers.get_list("link") == [
        '<stun:s.example>; rel="ice-server"',
        '<turn:t.example:3478?transport=udp>; rel="ice-server"; username="u"; credential="c c";'
        ' credential-type="password"',
    ]


@pytest.mark.parametrize(
    "server",
    [
        {"url": "http://x"},
        {"url": 'stun:x>; rel="y"'},
        {"url": "turn:x", "username": 'a"b'},
        {"url": "turn:x", "credential": 'a"b'},
        {"url": "turn:x", "credential": "a\nb"},
    ],
)
def test_ice_servers_that_would_break_a_header_are_refused(server: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        IceServer(**server)  # type: ignore[arg-type]  # as the environment gives them
