"""The table of videos under review."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from server.errors import ReviewLimitError, ReviewNotFoundError, SourceRefusedError
from server.media.source import SourceSpec, parse_source
from server.review.review import Review, ReviewIdentity

UNUSED_AFTER_NS = 60_000_000_000
"""A review that nobody asked anything of for this long makes room for another."""

_ID_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_ID_LENGTH = 8

ReviewFactory = Callable[[ReviewIdentity], Review]


class ReviewRegistry:
    """Sole owner of the table of reviews. Used from one event loop.

    Args:
        create_review: Makes a review that is not started.
        check_source: Raises a `SourceError` for a file without video; blocks.
        max_reviews: Most at a time, at the moment.
        now_ns: Monotonic clock.
    """

    def __init__(
        self,
        create_review: ReviewFactory,
        *,
        check_source: Callable[[SourceSpec], None],
        max_reviews: Callable[[], int],
        now_ns: Callable[[], int],
    ) -> None:
        self._create_review = create_review
        self._check_source = check_source
        self._max_reviews = max_reviews
        self._now_ns = now_ns
        self._reviews: dict[str, Review] = {}
        self._opening = asyncio.Lock()

    @property
    def reviews(self) -> list[Review]:
        """All reviews, the oldest first."""
        return list(self._reviews.values())

    async def open(self, file: str) -> tuple[Review, bool]:
        """Return the review of a file, and whether it is new: begun if there is none yet.

        Args:
            file: Its path on the server, as for sessions.

        Raises:
            SourceError: It is no file, or holds no video.
            ReviewLimitError: No room.
        """
        spec = parse_source(file)
        if spec.kind != "file":
            raise SourceRefusedError("only a video file on the server can be reviewed")
        async with self._opening:
            await asyncio.to_thread(self._check_source, spec)
            facts = await asyncio.to_thread(Path(spec.target).stat)
            key = (spec.target, facts.st_size, facts.st_mtime_ns)
            for review in self.reviews:
                known = review.identity
                if (known.path, known.size_bytes, known.modified_ns) == key:
                    if not review.is_failed:
                        review.note_use()
                        return review, False
                    await self.close(known.id)
            await self._make_room()
            review = self._create_review(ReviewIdentity(_new_id(), *key, datetime.now(UTC)))
            self._reviews[review.identity.id] = review
            review.start()
            return review, True

    def get(self, review_id: str) -> Review:
        """Return a review, which counts as used now.

        Raises:
            ReviewNotFoundError: No review has this id.
        """
        review = self._reviews.get(review_id)
        if review is None:
            raise ReviewNotFoundError("no review has this id; GET /v1/reviews lists them")
        review.note_use()
        return review

    async def close(self, review_id: str) -> None:
        """End a review.

        Raises:
            ReviewNotFoundError: No review has this id.
        """
        review = self.get(review_id)
        del self._reviews[review_id]
        await review.aclose()

    async def aclose(self) -> None:
        """End all reviews."""
        reviews = self.reviews
        self._reviews.clear()
        await asyncio.gather(*(review.aclose() for review in reviews))

    async def _make_room(self) -> None:
        """End the review that was looked at longest ago, if there is no room for one more."""
        most = self._max_reviews()
        if len(self._reviews) < most:
            return
        oldest = min(self.reviews, key=lambda review: review.used_at_ns)
        if self._now_ns() - oldest.used_at_ns < UNUSED_AFTER_NS:
            raise ReviewLimitError(
                f"{most} videos are under review and looked at; "
                "SALI_REVIEW__MAX_REVIEWS allows no more"
            )
        await self.close(oldest.identity.id)


def _new_id() -> str:
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
