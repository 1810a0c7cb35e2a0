"""The connected regions of a mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from server.worker.protocol import FoundPolyp

MAX_POLYPS = 64
"""Regions told of one mask. A mask of more keeps its largest ones only, in the list and in the
mask alike: nothing is drawn that is not listed, nothing is listed that is not drawn."""

_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=np.bool_)


@dataclass(frozen=True)
class MaskRegions:
    """A mask [H, W], bool, and its regions, the largest first."""

    mask: NDArray[np.bool_]
    polyps: tuple[FoundPolyp, ...]


def find_polyps(mask: NDArray[np.bool_], probability: NDArray[np.float32]) -> MaskRegions:
    """List the regions of a mask; pixels that touch at a corner are one region.

    No region is too small to be told: persistence over time decides about specks, not area.

    Args:
        mask: [H, W], bool.
        probability: [H, W], float32 in [0, 1].

    Returns:
        The mask (see `MAX_POLYPS`) and its regions with box, area, mean probability and solidity.
    """
    window = _window_of(mask)
    if window is None:
        return MaskRegions(mask, ())
    labels, number = ndimage.label(mask[window], structure=_EIGHT_NEIGHBOURS)
    top, left = window[0].start, window[1].start
    flat = labels.ravel()
    areas = np.bincount(flat, minlength=number + 1)[1:]
    sums = np.bincount(flat, weights=probability[window].ravel(), minlength=number + 1)[1:]
    boxes = ndimage.find_objects(labels)
    largest = np.argsort(-areas, kind="stable")[:MAX_POLYPS]
    polyps = []
    for index in largest:
        rows, columns = boxes[index]
        polyps.append(
            FoundPolyp(
                box=(
                    left + columns.start,
                    top + rows.start,
                    columns.stop - columns.start,
                    rows.stop - rows.start,
                ),
                area_px=int(areas[index]),
                score=round(float(np.clip(sums[index] / areas[index], 0.0, 1.0)), 4),
                solidity=round(solidity(labels[rows, columns] == index + 1), 4),
            )
        )
    if number <= MAX_POLYPS:
        return MaskRegions(mask, tuple(polyps))
    kept = np.zeros_like(mask)
    kept[window] = np.isin(labels, largest + 1)
    return MaskRegions(kept, tuple(polyps))


def solidity(region: NDArray[np.bool_]) -> float:
    """Return the share of its convex hull that a region fills: 1 for what is convex.

    Unlike the share of its box, it is the same for a region that lies aslant, or that the edge of
    the picture cuts off. The hull is that of the pixels' squares.

    Args:
        region: [H, W], one region, every row and column of which holds a pixel.
    """
    rows = np.arange(len(region))
    left = region.argmax(axis=1)
    right = region.shape[1] - region[:, ::-1].argmax(axis=1)
    corners = [np.stack((x, y), axis=1) for x in (left, right) for y in (rows, rows + 1)]
    return float(np.count_nonzero(region) / ConvexHull(np.concatenate(corners)).volume)


def _window_of(mask: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Return the smallest rows and columns that hold the mask; the rest need not be searched."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
