"""Slots of a pool beside the plain bank, float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.errors import EngineError
from sali_core.memory.bank import MemoryBank
from sali_core.memory.bank_pool import BankPool
from sali_core.model.ragged import read_all, read_best
from sali_core.model.readout import read_memory
from sali_core.types import Projection

SIZE = 64
CELLS = (8, 4, 2)
CPU = torch.device("cpu")
PAPER = ModelConfig(input_size=SIZE)
UNMASKED = ModelConfig(input_size=SIZE, ablation="without_ma")


def _projection(seed: int, streams: int = 1) -> Projection:
    g = torch.Generator().manual_seed(seed)
    keys = tuple(torch.randn(streams, 8, n, n, generator=g, dtype=torch.float64) for n in CELLS)
    values = tuple(torch.randn(streams, 16, n, n, generator=g, dtype=torch.float64) for n in CELLS)
    return Projection(keys, values)  # type: ignore[arg-type]


def _row(projection: Projection, row: int) -> Projection:
    return Projection(*(tuple(x[row : row + 1] for x in maps) for maps in projection))


def _mask(seed: int, share: float) -> Tensor:
    g = torch.Generator().manual_seed(seed + 100)
    return (torch.rand(SIZE, SIZE, generator=g) < share).double()


def _pool(config: ModelConfig, memory: MemoryConfig, slots: int = 3) -> BankPool:
    return BankPool(config, memory, slots=slots, device=CPU, dtype=torch.float64)


def _read(pool: BankPool, slots: Tensor, query: Projection, level: int) -> tuple[Tensor, Tensor]:
    """Finest readout [B, cells, Cv], and relevance [B, F]."""
    widths = pool.widths()[level]
    reads = [read_all(pool.tokens(s, slots, w), query.keys[s]) for s, w in enumerate(widths)]
    return reads[0][0], torch.stack([received for _, received in reads]).mean(0)


@pytest.mark.parametrize("config", [PAPER, UNMASKED], ids=["masked", "unmasked"])
@pytest.mark.parametrize("capacity", [1, 4, 40])
def test_slots_hold_read_and_evict_as_banks_do(config: ModelConfig, capacity: int) -> None:
    memory = MemoryConfig(capacity)
    pool = _pool(config, memory)
    slots = torch.tensor([pool.acquire() for _ in range(3)])
    banks = [MemoryBank(memory, masks_keys=config.masks_keys) for _ in range(3)]
    shares = (0.0, 0.001, 0.4)  # of the mask: empty, a few cells, many
    for number in range(9):
        query = _projection(number, 3)
        # The third stream writes every other frame: banks of different age.
        is_due = torch.tensor([True, True, number % 2 == 0])
        numbers = torch.full((3,), number)
        masks = torch.stack([_mask(number, share) for share in shares])
        pool.begin(slots, numbers == 0, query)
        level = pool.level_for(pool.totals[slots].tolist() if number else [[0, 0, 0]] * 3)
        readout, received = _read(pool, slots, query, level)
        for row, bank in enumerate(banks):
            mine = _row(query, row)
            if number:
                plain = read_memory(bank.tokens[0], mine.keys[0], mine.values[0])[0, :16]
                expected = plain.flatten(1).T
                # log(count) is kept in float32 by the background token.
                torch.testing.assert_close(readout[row], expected, atol=1e-6, rtol=1e-5)
            if is_due[row]:
                bank.write(number, mine, masks[row])
        pool.write(slots, is_due, numbers, query, masks, received.float())
        for row, bank in enumerate(banks):
            assert pool.frame_numbers(int(slots[row])) == bank.frame_indices
            held = [t.keys.shape[1] for t in bank.tokens]
            spare = [min(1, t) for t in _background(bank, config)]
            assert pool.totals[slots[row]].tolist() == [
                h - s for h, s in zip(held, spare, strict=True)
            ]


def _background(bank: MemoryBank, config: ModelConfig) -> list[int]:
    """Whether each scale's tokens begin with the background's: its key is 0."""
    if not config.masks_keys:
        return [0, 0, 0]
    return [int(not tokens.keys[0, 0, :8].any()) for tokens in bank.tokens]


def test_the_first_frame_reads_itself_unmasked() -> None:
    pool = _pool(PAPER, MemoryConfig(4))
    slots, query = torch.tensor([pool.acquire()]), _projection(1)
    pool.begin(slots, torch.tensor([True]), query)
    readout, received = _read(pool, slots, query, pool.level_for([[0, 0, 0]]))
    from sali_core.model.network import read_scales  # the plain way

    expected = read_scales(None, query)[0][0, :16].flatten(1).T
    torch.testing.assert_close(readout[0], expected)
    assert received[0].tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0])


def test_reads_of_best_tokens_follow_the_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryConfig(4)
    pool = _pool(UNMASKED, memory)
    slots = torch.tensor([pool.acquire() for _ in range(2)])
    banks = [MemoryBank(memory, masks_keys=False, top_tokens=20) for _ in range(2)]
    due = torch.ones(2, dtype=torch.bool)
    for number in range(3):
        query = _projection(number, 2)
        pool.begin(slots, torch.full((2,), number == 0), query)
        pool.write(slots, due, torch.full((2,), number), query, torch.zeros(2, SIZE, SIZE),
                   torch.zeros(2, 4))  # fmt: skip
        for row, bank in enumerate(banks):
            bank.write(number, _row(query, row), torch.zeros(SIZE, SIZE))
    query = _projection(50, 2)
    width = pool.widths()[-1][0]
    readout, _ = read_best(pool.places(0, slots, width), query.keys[0], 20)
    for row, bank in enumerate(banks):
        mine = _row(query, row)
        tokens = bank.tokens[0]._replace(nearest=None)
        plain = read_memory(tokens, mine.keys[0], mine.values[0], top_tokens=20)
        torch.testing.assert_close(readout[row], plain[0, :16].flatten(1).T)


def test_of_equally_irrelevant_frames_the_oldest_leaves() -> None:
    pool = _pool(PAPER, MemoryConfig(3))
    slots, due = torch.tensor([pool.acquire()]), torch.tensor([True])
    for number in range(6):
        query = _projection(number)
        pool.begin(slots, torch.tensor([number == 0]), query)
        pool.write(slots, due, torch.tensor([number]), query, torch.zeros(1, SIZE, SIZE),
                   torch.full((1, 3), 1 / 3))  # fmt: skip
    assert pool.frame_numbers(int(slots[0])) == (3, 4, 5)


def test_widths_are_few_and_the_last_takes_a_full_bank() -> None:
    pool = _pool(PAPER, MemoryConfig(35))
    widths = pool.widths()
    assert len(widths) <= 3
    assert widths[0][0] >= CELLS[0] ** 2 + 1
    assert widths[-1] == tuple(-(-(35 * n * n + 1) // 32) * 32 for n in CELLS)
    assert pool.level_for([[35 * n * n for n in CELLS]]) == len(widths) - 1
    assert pool.level_for([[1, 1, 1], [0, 0, 0]]) == 0


def test_a_pool_keeps_its_tensors_whatever_is_written() -> None:
    pool = _pool(PAPER, MemoryConfig(2))
    slots, due = torch.tensor([pool.acquire()]), torch.tensor([True])
    addresses = [x.data_ptr() for x in (*pool.contents(), pool.totals)]
    for number in range(5):
        query = _projection(number)
        pool.begin(slots, torch.tensor([number == 0]), query)
        pool.write(slots, due, torch.tensor([number]), query, torch.ones(1, SIZE, SIZE),
                   torch.zeros(1, 2))  # fmt: skip
    assert [x.data_ptr() for x in (*pool.contents(), pool.totals)] == addresses


def test_slots_are_few_and_come_back() -> None:
    pool = _pool(PAPER, MemoryConfig(2), slots=1)
    slot = pool.acquire()
    with pytest.raises(EngineError, match="all 1 places"):
        pool.acquire()
    pool.release(slot)
    assert pool.acquire() == slot


def test_the_bytes_of_a_slot_are_what_is_allocated() -> None:
    memory = MemoryConfig(5)
    pool = BankPool(PAPER, memory, slots=1, device=CPU)
    allocated = sum(x.nbytes for x in pool.contents()[::3] + pool.contents()[1::3])
    assert allocated == 2 * BankPool.slot_bytes(PAPER, memory)
