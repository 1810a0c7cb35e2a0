"""Small SVG plots: how many of the pictures were at most so late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sali_core.evaluation.plots import require_matplotlib

_POINTS = np.unique(np.concatenate([np.linspace(0, 90, 46), np.linspace(90, 100, 41)]))


def draw_delays(
    delays_ms: Mapping[str, Sequence[float]], path: Path, *, title: str, bound_ms: float | None
) -> None:
    """Draw the share of pictures against their delay, a line for each name.

    Args:
        delays_ms: By the line's name; lines without delays are left out.
        path: An SVG file; its folder is made.
        title: Above the plot.
        bound_ms: Drawn as an upright line.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4))
    axes = figure.add_subplot(xlabel="ms", ylabel="share of pictures, %", title=title)
    for name, delays in delays_ms.items():
        if len(delays):
            # Percentiles, not every picture: the file stays small.
            axes.plot(np.percentile(delays, _POINTS), _POINTS, label=name, linewidth=1.2)
    if bound_ms is not None:
        axes.axvline(bound_ms, color="black", linestyle=":", label=f"bound, {bound_ms:g} ms")
    axes.axhline(99, color="grey", linewidth=0.5)
    axes.set_xlim(left=0)
    axes.legend(fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "sali"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
