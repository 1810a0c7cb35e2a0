"""Fan-out of one session's masks to its readers, none of which can slow another.

A `MaskHub` belongs to one session and lives on the event loop. Each reader has a
`MaskSubscription` with one slot for the newest mask, at most `max_unacknowledged` masks on their
way, and a state that is repeated so that silence means loss.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from server.masks.finding import Finding, FindingMessage, FindingsRemovedMessage
from server.masks.message import (
    AiStateName,
    MaskMessage,
    OriginMessage,
    Polyp,
    RunLengths,
    SizeMessage,
    StateMessage,
)

MAX_ORIGINS = 256
"""Origins remembered for viewers whose reader has not attached yet; the oldest is forgotten."""

MAX_ATTACHED = 4
"""Viewers one reader may attach; the oldest is forgotten."""

MAX_SIZES = 16
"""Changes of the picture's size that wait for one reader; the oldest is forgotten."""

MAX_REMOVED = 256
"""Ids of removed findings that wait for one reader; the oldest is forgotten."""

_NS_PER_MS = 1_000_000

DueMessage = (
    OriginMessage
    | SizeMessage
    | StateMessage
    | FindingsRemovedMessage
    | FindingMessage
    | MaskMessage
)
DropCounter = Callable[[str], None]


@dataclass(frozen=True)
class HubLimits:
    """When a mask or a silence is too old, and how many masks may be on their way."""

    max_age_ms: int = 250
    state_interval_ms: int = 100
    max_unacknowledged: int = 2


@dataclass(frozen=True)
class MaskRecord:
    """A mask before it is sent; the fields of `MaskMessage`, without its age.

    `captured_at_ns` is read from the same clock as the hub's. `drawn_rle` is what is burned into
    the video; None: the whole mask.
    """

    sequence: int
    pts: int
    captured_at_ns: int
    source_size: tuple[int, int]
    region: tuple[int, int, int, int]
    rle: RunLengths
    polyps: tuple[Polyp, ...]
    ai_state: AiStateName
    latency_p95_ms: float | None
    confirmed_rle: RunLengths | None = None
    drawn_rle: RunLengths | None = None

    def to_message(self, now_ns: int) -> MaskMessage:
        """Return the message as sent at `now_ns`."""
        return MaskMessage(
            sequence=self.sequence,
            pts=self.pts,
            captured_at_ns=self.captured_at_ns,
            age_ms=round((now_ns - self.captured_at_ns) / _NS_PER_MS, 1),
            source_size=self.source_size,
            region=self.region,
            rle=self.rle,
            confirmed_rle=self.confirmed_rle,
            polyps=self.polyps,
            ai_state=self.ai_state,
            latency_p95_ms=self.latency_p95_ms,
        )


MaskListener = Callable[[MaskRecord], None]


class MaskSubscription:
    """What one reader has yet to be sent. Used from the event loop only.

    Invariant: at most `max_unacknowledged` masks are unacknowledged and at most one waits.
    """

    def __init__(
        self,
        state: StateMessage,
        *,
        limits: HubLimits,
        now_ns: Callable[[], int],
        count_drop: DropCounter,
    ) -> None:
        """Start with the session's state due at once."""
        self._limits = limits
        self._now_ns = now_ns
        self._count_drop = count_drop
        self._state = state
        self._state_due_ns = now_ns()
        self._waiting: MaskRecord | None = None
        self._unacknowledged: deque[int] = deque()
        self._origins: deque[OriginMessage] = deque(maxlen=MAX_ATTACHED)
        self._attached: deque[str] = deque(maxlen=MAX_ATTACHED)
        self._sizes: deque[SizeMessage] = deque(maxlen=MAX_SIZES)
        self._findings: dict[str, Finding] = {}
        self._removed: deque[str] = deque(maxlen=MAX_REMOVED)
        self._wake = asyncio.Event()
        self.is_closed = False

    @property
    def unacknowledged(self) -> int:
        """Masks on their way."""
        return len(self._unacknowledged)

    def put_mask(self, mask: MaskRecord) -> None:
        """Take the newest mask; one that still waited is dropped and counted."""
        if self._waiting is not None:
            self._count_drop("reader_slow")
        self._waiting = mask
        self._wake.set()

    def wake(self) -> None:
        """Let `wait` return."""
        self._wake.set()

    def put_state(self, state: StateMessage) -> None:
        """Take a changed state, to be sent at once."""
        self._state = state
        self._state_due_ns = self._now_ns()
        self._wake.set()

    def put_origin(self, origin: OriginMessage) -> None:
        """Take the origin of a viewer, if this reader attached it."""
        if origin.viewer in self._attached:
            self._origins.append(origin)
            self._wake.set()

    def put_size(self, size: SizeMessage) -> None:
        """Take word of another picture size. Each counts: pictures of several may be under way."""
        self._sizes.append(size)
        self._wake.set()

    def put_finding(self, finding: Finding) -> None:
        """Take a finding that is new or changed; it replaces what waited of the same one."""
        self._findings[finding.id] = finding
        self._wake.set()

    def put_removed(self, ids: tuple[str, ...]) -> None:
        """Take word that findings are gone; what waited of them is not sent."""
        for finding_id in ids:
            self._findings.pop(finding_id, None)
            self._removed.append(finding_id)
        self._wake.set()

    def attach(self, viewer: str) -> None:
        """Remember that this reader draws `viewer`'s video."""
        if viewer not in self._attached:
            self._attached.append(viewer)

    def acknowledge(self, sequence: int) -> None:
        """Note that the mask `sequence` and all sent before it were taken."""
        if sequence not in self._unacknowledged:
            return
        while self._unacknowledged.popleft() != sequence:
            pass
        self._wake.set()

    def close(self) -> None:
        """Say that the session ended."""
        self.is_closed = True
        self._wake.set()

    def take(self) -> list[DueMessage]:
        """Return what is to be sent now, in order; often nothing."""
        now_ns = self._now_ns()
        due: list[DueMessage] = [*self._origins, *self._sizes, *self._take_findings()]
        self._origins.clear()
        self._sizes.clear()
        if now_ns >= self._state_due_ns:
            due.append(self._state)
            self._state_due_ns = now_ns + self._limits.state_interval_ms * _NS_PER_MS
        if self._waiting is not None and self.unacknowledged < self._limits.max_unacknowledged:
            mask, self._waiting = self._waiting, None
            if now_ns - mask.captured_at_ns > self._limits.max_age_ms * _NS_PER_MS:
                self._count_drop("reader_late")
            else:
                self._unacknowledged.append(mask.sequence)
                due.append(mask.to_message(now_ns))
        return due

    def _take_findings(self) -> list[FindingsRemovedMessage | FindingMessage]:
        """Return what is to be told of findings."""
        due: list[FindingsRemovedMessage | FindingMessage] = []
        if self._removed:
            due.append(FindingsRemovedMessage(ids=tuple(self._removed)))
        due += [FindingMessage(finding=finding) for finding in self._findings.values()]
        self._removed.clear()
        self._findings.clear()
        return due

    async def wait(self) -> None:
        """Return when `take` may have something, at the latest when the state is due again."""
        silence_s = max(0.0, (self._state_due_ns - self._now_ns()) / 1e9)
        try:
            async with asyncio.timeout(silence_s):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()


class MaskHub:
    """The readers of one session."""

    def __init__(
        self,
        state: StateMessage,
        *,
        limits: HubLimits,
        now_ns: Callable[[], int],
        count_drop: DropCounter,
    ) -> None:
        """Start without readers.

        Args:
            state: The session's first state.
            limits: Ages and numbers.
            now_ns: The clock that stamped `captured_at_ns`.
            count_drop: Called with a cause for every mask that a reader was not sent.
        """
        self._state = state
        self._limits = limits
        self._now_ns = now_ns
        self._count_drop = count_drop
        self._subscriptions: set[MaskSubscription] = set()
        self._listeners: set[MaskListener] = set()
        self._origins: OrderedDict[str, OriginMessage] = OrderedDict()
        self._size: SizeMessage | None = None
        self._is_closed = False

    @property
    def readers(self) -> int:
        """Number of readers."""
        return len(self._subscriptions)

    @property
    def state(self) -> StateMessage:
        """The state last published."""
        return self._state

    def subscribe(self) -> MaskSubscription:
        """Add a reader; end it with `unsubscribe`."""
        subscription = MaskSubscription(
            self._state, limits=self._limits, now_ns=self._now_ns, count_drop=self._count_drop
        )
        if self._size is not None:
            subscription.put_size(self._size)
        if self._is_closed:
            subscription.close()
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: MaskSubscription) -> None:
        """Remove a reader; nothing happens if it is gone."""
        self._subscriptions.discard(subscription)

    def add_listener(self, listener: MaskListener) -> None:
        """Call `listener` with every mask, as it is published: for parts of the service."""
        self._listeners.add(listener)

    def remove_listener(self, listener: MaskListener) -> None:
        """Undo `add_listener`; nothing happens if it is gone."""
        self._listeners.discard(listener)

    def attach(self, subscription: MaskSubscription, viewer: str) -> None:
        """Send `viewer`'s origin to this reader, now or as soon as it is known."""
        subscription.attach(viewer)
        origin = self._origins.get(viewer)
        if origin is not None:
            subscription.put_origin(origin)

    def publish_mask(self, mask: MaskRecord) -> None:
        """Hand a mask to every listener and every reader."""
        for listener in self._listeners:
            listener(mask)
        for subscription in self._subscriptions:
            subscription.put_mask(mask)

    def publish_state(self, state: StateMessage) -> None:
        """Hand a changed state to every reader; an unchanged one is left to the repetition."""
        if state == self._state:
            return
        self._state = state
        for subscription in self._subscriptions:
            subscription.put_state(state)

    def publish_finding(self, finding: Finding) -> None:
        """Hand a finding that is new or changed to every reader."""
        for subscription in self._subscriptions:
            subscription.put_finding(finding)

    def publish_removed(self, ids: tuple[str, ...]) -> None:
        """Tell every reader that findings are gone."""
        for subscription in self._subscriptions:
            subscription.put_removed(ids)

    def publish_origin(self, viewer: str, rtp_origin: int) -> None:
        """Remember a viewer's origin and hand it to whoever attached that viewer."""
        origin = OriginMessage(viewer=viewer, rtp_origin=rtp_origin)
        self._origins[viewer] = origin
        if len(self._origins) > MAX_ORIGINS:
            self._origins.popitem(last=False)
        for subscription in self._subscriptions:
            subscription.put_origin(origin)

    def publish_size(self, pts: int, source_size: tuple[int, int]) -> None:
        """Tell every reader, and those who come, which size pictures have from `pts` on.

        Args:
            pts: Of the first picture of this size.
            source_size: (height, width) as viewers get them.
        """
        self._size = SizeMessage(pts=pts, source_size=source_size)
        for subscription in self._subscriptions:
            subscription.put_size(self._size)

    def close(self) -> None:
        """End every reader: the session is over."""
        self._is_closed = True
        for subscription in self._subscriptions:
            subscription.close()
