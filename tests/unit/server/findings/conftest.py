from __future__ import annotations

from dataclasses import dataclass, field

from server.masks.finding import Finding


@dataclass
class Told:
    """What clients were told, in order."""

    findings: list[Finding] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def changed(self, finding: Finding) -> None:
        self.findings.append(finding)

    def gone(self, ids: tuple[str, ...]) -> None:
        self.removed += ids
