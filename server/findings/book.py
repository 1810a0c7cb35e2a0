"""The findings of one session: a bounded table in memory, gone with the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from server.errors import FindingNotFoundError, StillNotReadyError
from server.masks.finding import Finding, FindingStatus, StillFacts

MAX_NOTE_CHARACTERS = 500

Announce = Callable[[Finding], None]
Remove = Callable[[tuple[str, ...]], None]


@dataclass(frozen=True)
class Still:
    """A picture of a finding: a JPEG file and what belongs to it."""

    jpeg: bytes
    facts: StillFacts


@dataclass
class _Entry:
    """A finding and its picture."""

    finding: Finding
    jpeg: bytes = b""


class FindingBook:
    """Sole owner of the findings of a session, the oldest first. Used from one event loop.

    Invariant: at most `max_findings` are kept; a new one displaces the oldest that nobody
    accepted, or the oldest.

    Args:
        max_findings: Most that are kept.
        on_change: Told of each finding that is new or changed.
        on_remove: Told the ids of those that are gone.
    """

    def __init__(self, max_findings: int, on_change: Announce, on_remove: Remove) -> None:
        self._max_findings = max_findings
        self._on_change = on_change
        self._on_remove = on_remove
        self._entries: dict[str, _Entry] = {}
        self._made = 0

    @property
    def findings(self) -> list[Finding]:
        """All findings, the oldest first."""
        return [entry.finding for entry in self._entries.values()]

    def get(self, finding_id: str) -> Finding:
        """Return a finding.

        Raises:
            FindingNotFoundError: No finding has this id.
        """
        return self._entry(finding_id).finding

    def add(self, **facts: Any) -> Finding:
        """Enter a new finding and tell of it; `facts` are fields of `Finding`, `id` left out."""
        self._displace()
        self._made += 1
        finding = Finding(id=f"f{self._made}", **facts)
        self._entries[finding.id] = _Entry(finding)
        self._on_change(finding)
        return finding

    def change(self, finding_id: str, *, is_told: bool = True, **changes: Any) -> None:
        """Change fields of a finding, as it lives on; nothing happens if it is gone.

        Args:
            finding_id: Of the finding.
            is_told: Whether clients are told at once; else with the next change.
            changes: Of fields of `Finding`.
        """
        entry = self._entries.get(finding_id)
        if entry is None:
            return
        revision = entry.finding.revision + is_told
        entry.finding = entry.finding.model_copy(update={**changes, "revision": revision})
        if is_told:
            self._on_change(entry.finding)

    def review(self, finding_id: str, status: FindingStatus | None, note: str | None) -> Finding:
        """Note what somebody thinks of a finding; None leaves a field as it is.

        Raises:
            FindingNotFoundError: No finding has this id.
        """
        finding = self._entry(finding_id).finding
        self.change(
            finding_id,
            status=finding.status if status is None else status,
            note=finding.note if note is None else note,
        )
        return self.get(finding_id)

    def keep_still(self, finding_id: str, still: Still) -> None:
        """Give a finding its picture; nothing happens if it is gone."""
        entry = self._entries.get(finding_id)
        if entry is not None:
            entry.jpeg = still.jpeg
            self.change(finding_id, still=still.facts)

    def still(self, finding_id: str) -> bytes:
        """Return the JPEG file of a finding's picture.

        Raises:
            FindingNotFoundError: No finding has this id.
            StillNotReadyError: It is not written yet.
        """
        jpeg = self._entry(finding_id).jpeg
        if not jpeg:
            raise StillNotReadyError("the finding's picture is not written yet; try again")
        return jpeg

    def clear(self) -> None:
        """Forget all findings: a new patient."""
        self._remove(list(self._entries))

    def _displace(self) -> None:
        """Make room for one more."""
        while len(self._entries) >= self._max_findings:
            entries = self._entries
            spare = (key for key, e in entries.items() if e.finding.status != "accepted")
            self._remove([next(spare, next(iter(entries)))])

    def _remove(self, ids: list[str]) -> None:
        for finding_id in ids:
            del self._entries[finding_id]
        if ids:
            self._on_remove(tuple(ids))

    def _entry(self, finding_id: str) -> _Entry:
        entry = self._entries.get(finding_id)
        if entry is None:
            raise FindingNotFoundError(
                "no finding has this id; GET /v1/sessions/{id}/findings lists them"
            )
        return entry
