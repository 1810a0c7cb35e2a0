"""Latency against streams, a plot per profile.

python -m tests.bench.gpu_plots docs/benchmarks/gpu.json FOLDER
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sali_core.evaluation.plots import require_matplotlib

_FRAME_MS = 1e3 / 30


def draw_rows(rows: Sequence[dict[str, Any]], folder: Path) -> list[Path]:
    """Write PNG files into a folder, which is made; return them.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    curves: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if "ours" in row:
            curves[row["profile"]][f"{row['engine']}, {row['precision']}"].append(row)
    written = []
    for profile, lines in curves.items():
        figure = Figure(figsize=(7, 4))
        axes = figure.add_subplot(xlabel="streams stepped together", ylabel="ms per step, p99")
        for label, points in sorted(lines.items()):
            points.sort(key=lambda row: row["batch"])
            streams = [row["batch"] for row in points]
            axes.plot(streams, [row["ours"]["p99_ms"] for row in points], "o-", label=label)
        axes.axhline(_FRAME_MS, linestyle=":", color="black", label="a frame at 30 fps")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.legend(fontsize="small")
        figure.suptitle(f"{profile}, full memory")
        figure.tight_layout()
        path = folder / f"gpu_{profile}.png"
        figure.savefig(path, dpi=120)
        written.append(path)
    return written


if __name__ == "__main__":
    for path in draw_rows(json.loads(Path(sys.argv[1]).read_text())["rows"], Path(sys.argv[2])):
        print(path)
