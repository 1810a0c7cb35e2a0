"""`/v1/sessions/{id}/findings`: what was found for long enough, and what people think of it."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from server.findings.book import MAX_NOTE_CHARACTERS
from server.findings.persistence import PersistenceRule
from server.http.services import SessionOf
from server.masks.finding import Finding, FindingStatus
from server.session.findings import Outline
from server.session.session import Session

router = APIRouter(prefix="/v1/sessions/{session_id}", tags=["findings"])


class FindingList(BaseModel):
    """All findings, the oldest first."""

    findings: list[Finding]


class ReviewRequest(BaseModel):
    """What somebody thinks of a finding; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    status: FindingStatus | None = None
    note: str | None = Field(default=None, max_length=MAX_NOTE_CHARACTERS)


class FindingRule(BaseModel):
    """When a polyp is told as a finding, and which polyps are burned into the video."""

    model_config = ConfigDict(extra="forbid")

    window_ms: int = Field(ge=0, le=2000)
    share: float = Field(gt=0, le=1)
    outline: Outline


@router.get("/findings")
async def list_findings(session: SessionOf) -> FindingList:
    """List the session's findings."""
    return FindingList(findings=session.findings.findings)


@router.get(
    "/findings/{finding_id}/still",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def get_still(session: SessionOf, finding_id: str) -> Response:
    """Return the finding's picture: the clean frame, cut to what the AI saw."""
    jpeg = session.findings.still(finding_id)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.patch("/findings/{finding_id}")
async def review_finding(wanted: ReviewRequest, session: SessionOf, finding_id: str) -> Finding:
    """Accept or reject a finding, or write a note beside it."""
    return session.findings.review(finding_id, wanted.status, wanted.note)


@router.get("/finding_rule")
async def get_rule(session: SessionOf) -> FindingRule:
    """Tell when a polyp is told."""
    return _rule_of(session)


@router.put("/finding_rule")
async def put_rule(wanted: FindingRule, session: SessionOf) -> FindingRule:
    """Tell findings otherwise from now on."""
    rule = PersistenceRule(wanted.window_ms, wanted.share)
    session.findings.choose(rule, wanted.outline)
    return _rule_of(session)


def _rule_of(session: Session) -> FindingRule:
    persistence, outline = session.findings.persistence, session.findings.outline
    return FindingRule(window_ms=persistence.window_ms, share=persistence.share, outline=outline)
