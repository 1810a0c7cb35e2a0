"""Video in by WHIP (RFC 9725) and out by WHEP: offers are answered, resources are ended.

All candidates are in the answer; trickled ones (PATCH) are answered 405.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from server.errors import InvalidOfferError, UnsupportedMediaTypeError
from server.http.services import SessionOf
from server.media.frame import Overlay

SDP_TYPE = "application/sdp"

router = APIRouter(prefix="/v1/sessions/{session_id}", tags=["video"])


@router.post("/whep", status_code=201)
async def create_viewer(
    session_id: str, session: SessionOf, request: Request, overlay: Overlay = "clean"
) -> Response:
    """Begin to watch: the body is an SDP offer, so is the answer's.

    `overlay=burned` asks for pictures with their masks drawn in.
    """
    viewer_id, answer = await session.add_viewer(await _offer_of(request), overlay)
    return _created(f"/v1/sessions/{session_id}/whep/{viewer_id}", answer)


@router.delete("/whep/{viewer_id}", status_code=204)
async def delete_viewer(viewer_id: str, session: SessionOf) -> None:
    """Cease to watch."""
    await session.remove_viewer(viewer_id)


@router.post("/whip", status_code=201)
async def create_publisher(session_id: str, session: SessionOf, request: Request) -> Response:
    """Begin to publish: the body is an SDP offer, so is the answer's."""
    publisher_id, answer = await session.add_publisher(await _offer_of(request))
    return _created(f"/v1/sessions/{session_id}/whip/{publisher_id}", answer)


@router.delete("/whip/{publisher_id}", status_code=204)
async def delete_publisher(publisher_id: str, session: SessionOf) -> None:
    """Cease to publish."""
    await session.remove_publisher(publisher_id)


@router.options("/whep", status_code=204)
@router.options("/whip", status_code=204)
async def describe_endpoint(session: SessionOf) -> Response:
    """Say what a POST takes."""
    return Response(status_code=204, headers={"Accept-Post": SDP_TYPE})


async def _offer_of(request: Request) -> str:
    """Return the SDP offer in a request.

    Raises:
        UnsupportedMediaTypeError: The body is of another type.
        InvalidOfferError: The body is empty or not text.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != SDP_TYPE:
        raise UnsupportedMediaTypeError(f"the body must be an SDP offer of type {SDP_TYPE}")
    try:
        offer = (await request.body()).decode()
    except UnicodeDecodeError as exc:
        raise InvalidOfferError("the SDP offer is not text") from exc
    if not offer.strip():
        raise InvalidOfferError("the SDP offer is empty")
    return offer


def _created(location: str, answer: str) -> Response:
    """Return an SDP answer and the address of what it created."""
    headers = {"Location": location, "Cache-Control": "no-store"}
    return Response(answer, status_code=201, media_type=SDP_TYPE, headers=headers)
