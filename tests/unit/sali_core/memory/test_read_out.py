"""What a bank tells of a read, against every cell's affinity written out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sali_core.config import MemoryConfig
from sali_core.errors import EmptyMemoryError
from sali_core.memory.bank import MemoryBank
from sali_core.types import Projection

SIZES = ((8, 8), (4, 4), (2, 2))
CHANNELS = 8


def _projection(seed: int) -> Projection:
    g = torch.Generator().manual_seed(seed)
    keys = tuple(torch.randn(1, CHANNELS, *s, generator=g, dtype=torch.float64) for s in SIZES)
    values = tuple(torch.randn(1, 16, *s, generator=g, dtype=torch.float64) for s in SIZES)
    return Projection(keys, values)  # type: ignore[arg-type]


def _mask(seed: int, share: float) -> Tensor:
    return torch.rand(64, 64, generator=torch.Generator().manual_seed(seed + 100)) < share


def _naive(
    frames: list[tuple[Projection, Tensor]], query: Projection, *, masked: bool, top: int | None
) -> Tensor:
    """Attention of each cell of each frame, all scales on the finest grid: [frames, 8, 8]."""
    scales = []
    for scale, (h, w) in enumerate(SIZES):
        keys = []
        for projection, mask in frames:
            small = F.interpolate(mask[None, None].double(), (h, w), mode="area")
            keys.append((projection.keys[scale] * (small if masked else 1))[0].flatten(1).T)
        q = query.keys[scale][0].flatten(1).T
        scores = -torch.cdist(q, torch.cat(keys)).square() / CHANNELS**0.5
        if top is not None:
            least = scores.sort(1, descending=True).values[:, top - 1 : top]
            scores = scores.masked_fill(scores < least, -torch.inf)
        cells = torch.softmax(scores, 1).mean(0).view(len(frames), h, w)
        ratio = SIZES[0][0] // h
        fine = cells.repeat_interleave(ratio, 1).repeat_interleave(ratio, 2)
        scales.append(fine / ratio**2)
    return torch.stack(scales).mean(0)


@pytest.mark.parametrize(
    ("masked", "top", "share"),
    [
        (True, None, 0.0),
        (True, None, 0.01),
        (True, None, 0.5),
        (True, None, 1.0),
        (False, None, 0.5),
        (False, 5, 0.5),
    ],
)
def test_shares_and_maps_are_those_of_the_full_affinity(
    masked: bool, top: int | None, share: float
) -> None:
    bank = MemoryBank(MemoryConfig(), masks_keys=masked, top_tokens=top)
    frames = [(_projection(k), _mask(k, share)) for k in range(4)]
    for index, (projection, mask) in enumerate(frames):
        bank.write(5 * index, projection, mask)
    query = _projection(99)
    reading = bank.read_out(query)
    assert reading.frames == (0, 5, 10, 15)
    assert float(reading.shares.sum()) == pytest.approx(1.0, abs=1e-5)
    assert reading.maps is not None
    maps = torch.from_numpy(reading.maps).double()
    expected = _naive(frames, query, masked=masked, top=top)
    torch.testing.assert_close(maps, expected, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(
        torch.from_numpy(reading.shares), bank.relevance(query), atol=1e-6, rtol=1e-5
    )


def test_frames_that_left_are_not_told_of() -> None:
    bank = MemoryBank(MemoryConfig(capacity_frames=3))
    for index in range(6):
        bank.write(index, _projection(index), _mask(index, 0.3))
    reading = bank.read_out(_projection(9))
    assert reading.frames == bank.frame_indices
    assert len(reading.shares) == 3


def test_a_grid_that_no_whole_number_divides_keeps_its_sums() -> None:
    bank = MemoryBank(MemoryConfig())
    sizes = ((7, 7), (4, 4), (2, 2))
    keys = tuple(torch.randn(1, CHANNELS, *s) for s in sizes)
    values = tuple(torch.randn(1, 16, *s) for s in sizes)
    projection = Projection(keys, values)  # type: ignore[arg-type]
    for index in range(2):
        bank.write(index, projection, _mask(index, 0.2))
    reading = bank.read_out(projection)
    assert reading.maps is not None
    assert reading.maps.shape == (2, 7, 7)
    assert float(reading.maps.sum()) == pytest.approx(1.0, abs=1e-5)


def test_an_empty_bank_has_nothing_to_tell() -> None:
    with pytest.raises(EmptyMemoryError, match="empty"):
        MemoryBank(MemoryConfig()).read_out(_projection(0))
