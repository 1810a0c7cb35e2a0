"""`/v1/reviews`: videos from files, to be watched with their masks, which are computed ahead."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from server.http.findings import FindingList, ReviewRequest
from server.http.services import ServicesOf, services_of
from server.masks.finding import Finding
from server.masks.message import NOTICE
from server.media.frame import CLOCK_RATE_HZ
from server.review.review import Review, ReviewState
from server.review.timeline import StretchState

router = APIRouter(prefix="/v1/reviews", tags=["reviews"])

_LONGEST_ANSWER_TICKS = 60 * CLOCK_RATE_HZ
_UNKEPT = {"Cache-Control": "no-store"}


def _review_of(review_id: str, connection: HTTPConnection) -> Review:
    """Return the review named in the path; raises `ReviewNotFoundError`."""
    return services_of(connection).reviews.get(review_id)


ReviewOf = Annotated[Review, Depends(_review_of)]


class NewReview(BaseModel):
    """Which file is to be reviewed."""

    model_config = ConfigDict(extra="forbid")

    file: str = Field(min_length=1, max_length=4096)


class FilmView(BaseModel):
    """The film for browsers; `codec` is null until the first part is there."""

    codec: str | None
    is_reencoded: bool
    fps: float | None
    parts: int
    frames: int
    is_complete: bool
    to_pts: int


class ReviewView(BaseModel):
    """A review and how far it is."""

    id: str
    file: str
    label: str
    state: ReviewState
    reason: str
    film: FilmView
    pictures: int
    masks: int
    computed_to_pts: int
    findings: int
    notice: str = NOTICE


class ReviewList(BaseModel):
    """All reviews, the oldest first."""

    reviews: list[ReviewView]


class StretchView(BaseModel):
    """Pictures from `from_pts` up to `to_pts`, and what was found on them."""

    from_pts: int
    to_pts: int
    state: StretchState
    cause: str


class TimelineView(BaseModel):
    """The film from its start to `computed_to_pts`."""

    stretches: list[StretchView]
    findings: list[Finding]
    computed_to_pts: int


class PartList(BaseModel):
    """The parts of the film from number `first` on: [from_pts, to_pts, bytes]."""

    first: int
    parts: list[tuple[int, int, int]]


def _to_view(review: Review) -> ReviewView:
    film, copy = review.film, review.copy
    parts = film.parts
    return ReviewView(
        id=review.identity.id,
        file=review.identity.path,
        label=review.label,
        state=review.state,
        reason=review.reason,
        film=FilmView(
            codec=None if copy.coding is None else copy.coding.codec,
            is_reencoded=copy.coding is not None and copy.coding.is_reencoded,
            fps=copy.fps,
            parts=len(parts),
            frames=film.frames,
            is_complete=copy.is_complete,
            to_pts=parts[-1].to_pts if parts else 0,
        ),
        pictures=review.walk.pictures,
        masks=len(review.masks),
        computed_to_pts=review.computed_to_pts,
        findings=len(review.findings.findings),
    )


@router.post("", status_code=201, responses={200: {"model": ReviewView}})
async def open_review(wanted: NewReview, services: ServicesOf, response: Response) -> ReviewView:
    """Begin the review of a file, or return the one that there is (200)."""
    review, is_new = await services.reviews.open(wanted.file)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/reviews/{review.identity.id}"
    return _to_view(review)


@router.get("")
async def list_reviews(services: ServicesOf) -> ReviewList:
    """List all reviews."""
    return ReviewList(reviews=[_to_view(review) for review in services.reviews.reviews])


@router.get("/{review_id}")
async def get_review(review: ReviewOf) -> ReviewView:
    """Look at one review."""
    return _to_view(review)


@router.delete("/{review_id}", status_code=204)
async def delete_review(review_id: str, services: ServicesOf) -> None:
    """End a review; its film, masks and findings are deleted."""
    await services.reviews.close(review_id)


@router.get("/{review_id}/film")
async def get_film(review: ReviewOf, first: Annotated[int, Query(ge=0)] = 0) -> PartList:
    """List the parts of the film, those before `first` left out."""
    parts = review.film.parts[first:]
    return PartList(
        first=first, parts=[(part.from_pts, part.to_pts, part.end - part.begin) for part in parts]
    )


@router.get(
    "/{review_id}/film/{number}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def get_part(review: ReviewOf, number: int) -> Response:
    """Return the coded pictures of one part."""
    content = await asyncio.to_thread(review.film.read, number)
    return Response(content, media_type="application/octet-stream", headers=_UNKEPT)


@router.get("/{review_id}/masks")
async def get_masks(
    review: ReviewOf,
    from_pts: Annotated[int, Query(ge=0)],
    to_pts: Annotated[int, Query(ge=0)],
) -> Response:
    """Return the masks of a time, a minute at most; `computed_to_pts` tells whether more follow."""
    to_pts = min(to_pts, from_pts + _LONGEST_ANSWER_TICKS)
    computed = review.computed_to_pts
    masks = await asyncio.to_thread(review.masks.read, from_pts, to_pts)
    head = f'{{"from_pts":{from_pts},"to_pts":{to_pts},"computed_to_pts":{computed},"masks":'
    content = head.encode() + masks + b"}"
    return Response(content, media_type="application/json", headers=_UNKEPT)


@router.get("/{review_id}/timeline")
async def get_timeline(review: ReviewOf) -> TimelineView:
    """Tell where something was found, and where nobody looked."""
    return TimelineView(
        stretches=[
            StretchView.model_validate(s, from_attributes=True) for s in review.timeline.stretches
        ],
        findings=review.findings.findings,
        computed_to_pts=review.computed_to_pts,
    )


@router.get("/{review_id}/findings")
async def list_review_findings(review: ReviewOf) -> FindingList:
    """List the findings."""
    return FindingList(findings=review.findings.findings)


@router.get(
    "/{review_id}/findings/{finding_id}/still",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def get_review_still(review: ReviewOf, finding_id: str) -> Response:
    """Return a finding's picture."""
    jpeg = review.findings.still(finding_id)
    return Response(jpeg, media_type="image/jpeg", headers=_UNKEPT)


@router.patch("/{review_id}/findings/{finding_id}")
async def judge_review_finding(wanted: ReviewRequest, review: ReviewOf, finding_id: str) -> Finding:
    """Accept or reject a finding, or write a note beside it."""
    return review.findings.review(finding_id, wanted.status, wanted.note)
