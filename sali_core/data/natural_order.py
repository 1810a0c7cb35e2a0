"""Orders names as people do: the numbers in them by value."""

from __future__ import annotations

import re


def natural_key(name: str) -> tuple[tuple[str | int, ...], str]:
    """Order names by the numbers in them: frame2 before frame10.

    Names whose numbers are padded with zeros come in their plain order.
    """
    parts = re.split(r"([0-9]+)", name)
    return tuple(int(part) if k % 2 else part for k, part in enumerate(parts)), name
