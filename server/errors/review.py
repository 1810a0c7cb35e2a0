"""Requests about videos under review that cannot be met."""

from __future__ import annotations

from server.errors.service import ServiceError


class ReviewError(ServiceError):
    """A video cannot be reviewed."""

    code = "review_failed"
    title = "The video cannot be reviewed"
    http_status = 422


class ReviewNotFoundError(ReviewError):
    """No review has this id."""

    code = "review_not_found"
    title = "No such review"
    http_status = 404


class ReviewPartNotFoundError(ReviewError):
    """The review has no such part of the film, or not yet."""

    code = "review_part_not_found"
    title = "No such part of the film"
    http_status = 404


class ReviewLimitError(ReviewError):
    """As many videos are looked at as there is room for."""

    code = "review_limit"
    title = "No room for another review"
    http_status = 503
    retryable = True
    retry_after_s = 60
