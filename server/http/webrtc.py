"""Video in by WHIP (RFC 9725) and out by WHEP: offers are answered, resources are ended.

All our candidates are in the answer; a peer's later ones come by PATCH. ICE restarts are refused.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from server.errors import InvalidOfferError, UnsupportedMediaTypeError
from server.http.services import ServicesOf, SessionOf
from server.media.frame import Overlay
from server.media.trickle import entity_tag, parse_fragment
from server.session.session import Session
from server.settings import IceServer

SDP_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"

router = APIRouter(prefix="/v1/sessions/{session_id}", tags=["video"])

_ANSWER: dict[int | str, dict[str, Any]] = {
    201: {"description": "The SDP answer", "content": {SDP_TYPE: {"schema": {"type": "string"}}}}
}


def _body(media_type: str) -> dict[str, Any]:
    """Describe the body of a request, which is read as it is."""
    content = {media_type: {"schema": {"type": "string"}}}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/whep",
    status_code=201,
    responses=_ANSWER,
    response_class=Response,
    openapi_extra=_body(SDP_TYPE),
)
async def create_viewer(
    session_id: str,
    session: SessionOf,
    services: ServicesOf,
    request: Request,
    overlay: Overlay = "clean",
) -> Response:
    """Begin to watch: the body is an SDP offer, so is the answer's.

    `overlay=burned` asks for pictures with their masks drawn in.
    """
    viewer_id, answer = await session.peers.add_viewer(await _offer_of(request), overlay)
    location = f"/v1/sessions/{session_id}/whep/{viewer_id}"
    return _created(location, entity_tag(viewer_id), answer, services.settings.ice_servers)


@router.patch("/whep/{viewer_id}", status_code=204, openapi_extra=_body(FRAGMENT_TYPE))
async def trickle_viewer(viewer_id: str, session: SessionOf, request: Request) -> None:
    """Take a viewer's later candidates."""
    await _trickle(session, viewer_id, request, is_viewer=True)


@router.delete("/whep/{viewer_id}", status_code=200)
async def delete_viewer(viewer_id: str, session: SessionOf) -> Response:
    """Cease to watch."""
    await session.peers.remove_viewer(viewer_id)
    return Response()


@router.post(
    "/whip",
    status_code=201,
    responses=_ANSWER,
    response_class=Response,
    openapi_extra=_body(SDP_TYPE),
)
async def create_publisher(
    session_id: str, session: SessionOf, services: ServicesOf, request: Request
) -> Response:
    """Begin to publish: the body is an SDP offer, so is the answer's."""
    publisher_id, answer = await session.peers.add_publisher(await _offer_of(request))
    location = f"/v1/sessions/{session_id}/whip/{publisher_id}"
    return _created(location, entity_tag(publisher_id), answer, services.settings.ice_servers)


@router.patch("/whip/{publisher_id}", status_code=204, openapi_extra=_body(FRAGMENT_TYPE))
async def trickle_publisher(publisher_id: str, session: SessionOf, request: Request) -> None:
    """Take a publisher's later candidates."""
    await _trickle(session, publisher_id, request, is_viewer=False)


@router.delete("/whip/{publisher_id}", status_code=200)
async def delete_publisher(publisher_id: str, session: SessionOf) -> Response:
    """Cease to publish."""
    await session.peers.remove_publisher(publisher_id)
    return Response()


@router.options("/whep", operation_id="describe_whep")
@router.options("/whip", operation_id="describe_whip")
async def describe_endpoint(session: SessionOf) -> Response:
    """Say what a POST takes."""
    return Response(headers={"Accept-Post": SDP_TYPE})


@router.api_route("/whep", methods=["GET", "HEAD", "PUT", "PATCH"], include_in_schema=False)
@router.api_route("/whip", methods=["GET", "HEAD", "PUT", "PATCH"], include_in_schema=False)
@router.delete("/whep", include_in_schema=False)
@router.delete("/whip", include_in_schema=False)
async def refuse_on_endpoint() -> None:
    """Keep every other method for later versions of the protocol (RFC 9725 section 4.2).

    Without this, the viewer's files would answer.
    """
    raise HTTPException(405, headers={"Allow": "OPTIONS, POST"})


@router.api_route("/whep/{_}", methods=["GET", "HEAD", "PUT", "POST"], include_in_schema=False)
@router.api_route("/whip/{_}", methods=["GET", "HEAD", "PUT", "POST"], include_in_schema=False)
async def refuse_on_resource() -> None:
    """Keep every other method for later versions of the protocol."""
    raise HTTPException(405, headers={"Allow": "DELETE, PATCH"})


async def _trickle(
    session: Session, resource_id: str, request: Request, *, is_viewer: bool
) -> None:
    """Take later candidates.

    Raises:
        ServiceError: The body or the entity tag cannot be used, or there is no such resource.
    """
    text = await _text_of(request, FRAGMENT_TYPE)
    if_match = request.headers.get("if-match")
    await session.peers.trickle(resource_id, if_match, parse_fragment(text), is_viewer=is_viewer)


async def _offer_of(request: Request) -> str:
    """Return the SDP offer in a request.

    Raises:
        UnsupportedMediaTypeError: The body is of another type.
        InvalidOfferError: The body is empty or not text.
    """
    return await _text_of(request, SDP_TYPE)


async def _text_of(request: Request, wanted_type: str) -> str:
    """Return the body of a request, checked for its type."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != wanted_type:
        raise UnsupportedMediaTypeError(f"the body must be of type {wanted_type}")
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError as exc:
        raise InvalidOfferError("the SDP is not text") from exc
    if not text.strip():
        raise InvalidOfferError("the SDP is empty")
    return text


def _created(location: str, tag: str, answer: str, ice_servers: tuple[IceServer, ...]) -> Response:
    """Return an SDP answer, the address of what it created and the servers that help to connect."""
    headers = {"Location": location, "Cache-Control": "no-store", "ETag": tag}
    response = Response(answer, status_code=201, media_type=SDP_TYPE, headers=headers)
    for server in ice_servers:
        response.headers.append("Link", _link(server))
    return response


def _link(server: IceServer) -> str:
    """Write one Link header (RFC 9725 section 4.6)."""
    link = f'<{server.url}>; rel="ice-server"'
    if not server.username:
        return link
    credential = server.credential.get_secret_value()
    login = f'username="{server.username}"; credential="{credential}"'
    return f'{link}; {login}; credential-type="password"'
