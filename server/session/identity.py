"""What a session is asked to be, and its limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from server.masks.hub import HubLimits
from server.media.push_target import PushTarget
from server.media.region import AUTO, RegionChoice
from server.media.source import SourceSpec
from server.session.ai_state import AiLimits
from server.session.findings import FindingRules


@dataclass(frozen=True)
class SessionIdentity:
    """What is asked for when a session begins. `name` is shown to people, never logged."""

    id: str
    name: str
    spec: SourceSpec
    created_at: datetime
    pushes: tuple[PushTarget, ...] = ()
    region: RegionChoice = AUTO


@dataclass(frozen=True)
class SessionLimits:
    """How old, how silent, how many, and what becomes a finding."""

    hub: HubLimits
    ai: AiLimits
    max_viewers: int
    findings: FindingRules = field(default_factory=FindingRules)
