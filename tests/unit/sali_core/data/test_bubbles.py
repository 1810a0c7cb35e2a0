from __future__ import annotations

import torch

from sali_core.data.bubbles import Bubbles, create_bubbles


def _one(y: float, x: float, drift: tuple[float, float] = (0.0, 0.0)) -> Bubbles:
    return Bubbles(torch.tensor([[y, x]]), torch.tensor([drift]), torch.tensor([0.1]))


def test_a_bubble_changes_a_disc_and_nothing_else() -> None:
    grey = torch.full((1, 3, 100, 100), 0.4)
    changed = (_one(0.5, 0.3).draw(grey, [0.0]) != grey).any(1)[0]
    y, x = torch.meshgrid(torch.arange(100.0), torch.arange(100.0), indexing="ij")
    away = torch.hypot(y - 50, x - 30)
    assert not changed[away > 11].any()
    assert changed[away < 8].all()
    assert float(grey.max()) == float(grey.min())


def test_a_bubble_drifts() -> None:
    grey = torch.full((2, 3, 100, 100), 0.4)
    changed = _one(0.5, 0.3, (0.0, 0.01)).draw(grey, [0.0, 20.0]) != grey
    columns = changed.any(1).any(1).float()
    centre = (columns * torch.arange(100.0)).sum(1) / columns.sum(1)
    assert abs(float(centre[1] - centre[0]) - 20) < 1


def test_a_bubble_out_of_view_is_not_drawn() -> None:
    grey = torch.full((1, 3, 40, 40), 0.4)
    for place in ((-0.5, 0.5), (1.5, 0.5), (0.5, -0.5), (0.5, 1.5)):
        assert torch.equal(_one(*place).draw(grey, [0.0]), grey)


def test_foam_covers_much_more_than_bubbles() -> None:
    grey = torch.full((1, 3, 128, 128), 0.4)
    covered = {
        foam: sum(
            float((bubbles.draw(grey, [0.0]) != grey).float().mean())
            for bubbles in (
                create_bubbles(torch.Generator().manual_seed(seed), foam=foam) for seed in range(8)
            )
        )
        for foam in (False, True)
    }
    assert covered[True] > 3 * covered[False] > 0
