from __future__ import annotations

import torch

from sali_core.data.appearance import Colour, create_appearance, create_colour


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_neutral_colour_changes_nothing() -> None:
    frames = torch.rand((2, 3, 8, 8), generator=_generator(0))
    neutral = Colour(gamma=1.0, gains=torch.ones(3), saturation=1.0)
    assert torch.allclose(neutral.apply(frames), frames, atol=1e-6)


def test_colour_is_alike_in_all_frames_and_stays_in_range() -> None:
    frame = torch.rand((1, 3, 8, 8), generator=_generator(1))
    for seed in range(20):
        changed = create_colour(_generator(seed)).apply(frame.expand(3, -1, -1, -1))
        assert torch.equal(changed[0], changed[2])
        assert not torch.equal(changed[0], frame[0])
        assert float(changed.min()) >= 0
        assert float(changed.max()) <= 1


def test_no_saturation_is_grey() -> None:
    grey = Colour(1.0, torch.ones(3), 0.0).apply(torch.rand((1, 3, 4, 4), generator=_generator(2)))
    assert torch.allclose(grey[:, 0], grey[:, 2])


def test_shares_are_kept() -> None:
    looks = [create_appearance(_generator(seed), bubbles=0.4) for seed in range(300)]
    assert 0.3 < sum(look.bubbles is not None for look in looks) / 300 < 0.5
    assert 0.2 < sum(look.has_glare for look in looks) / 300 < 0.4
    assert 0.17 < sum(look.focus_sigma > 0 for look in looks) / 300 < 0.33


def test_a_look_keeps_its_input_and_its_range() -> None:
    frames = torch.rand((3, 3, 32, 32), generator=_generator(3))
    copy = frames.clone()
    for seed in range(10):
        look = create_appearance(_generator(seed), bubbles=1.0)
        changed = look.apply(frames, [-9.0, -1.0, 0.0], _generator(0))
        assert changed.shape == frames.shape
        assert float(changed.min()) >= 0
        assert float(changed.max()) <= 1
    assert torch.equal(frames, copy)


def test_colours_without_reach_stay_as_they_are() -> None:
    frames = torch.rand(2, 3, 8, 8)
    colour = create_colour(torch.Generator().manual_seed(3), reach=0.0)
    torch.testing.assert_close(colour.apply(frames), frames)
