from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from sali_core.model.backbone import Backbone
from sali_core.training.frozen_norms import FrozenNorm, batch_norms, fold_norms


def _trained_looking(module: nn.Module) -> nn.Module:
    """Give batch norms statistics and weights as after training."""
    generator = torch.Generator().manual_seed(0)
    for norm in batch_norms(module):
        for value in (norm.running_mean, norm.bias.data):
            value.copy_(torch.randn(value.shape, generator=generator) * 0.3)
        for value in (norm.running_var, norm.weight.data):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return module.eval()


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    torch.manual_seed(0)
    return _trained_looking(Backbone("mobilenetv2_035"))


@torch.no_grad()
def test_a_folded_backbone_computes_the_same(backbone: Backbone) -> None:
    image = torch.randn(1, 3, 64, 64)
    folded = fold_norms(backbone, image)
    assert folded is not None
    assert batch_norms(folded) == []
    assert batch_norms(backbone) != []
    for mine, plain in zip(folded(image), backbone(image), strict=True):
        torch.testing.assert_close(mine, plain, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_its_state_is_an_ordinary_one_after_training_too(backbone: Backbone) -> None:
    image = torch.randn(1, 3, 64, 64)
    folded = fold_norms(backbone, image)
    assert folded is not None
    for parameter in folded.parameters():
        if parameter.requires_grad:
            parameter += 0.01 * torch.randn_like(parameter)
    plain = copy.deepcopy(backbone)
    plain.load_state_dict(folded.state_dict())
    for mine, ordinary in zip(folded(image), plain(image), strict=True):
        torch.testing.assert_close(mine, ordinary, atol=1e-4, rtol=1e-4)


def test_training_mode_changes_nothing_in_it(backbone: Backbone) -> None:
    folded = fold_norms(backbone, torch.randn(1, 3, 64, 64))
    assert folded is not None
    before = {name: value.clone() for name, value in folded.named_buffers()}
    folded.train()(torch.randn(2, 3, 64, 64))
    assert all(torch.equal(value, before[name]) for name, value in folded.named_buffers())


def test_a_norm_keeps_the_precision_it_is_given(backbone: Backbone) -> None:
    folded = fold_norms(backbone, torch.randn(1, 3, 64, 64))
    norm = next(child for child in folded.modules() if isinstance(child, FrozenNorm))
    channels = norm.bias.shape[0]
    assert norm(torch.zeros(1, channels, 2, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16


class _NormFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(3)
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.conv(self.bn(x)),)


class _Misleading(_NormFirst):
    """Defines the convolution first and uses it last."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        self.bn = nn.BatchNorm2d(3)


@pytest.mark.parametrize("kind", [_NormFirst, _Misleading])
def test_what_cannot_be_folded_is_left_alone(kind: type[nn.Module]) -> None:
    module = _trained_looking(kind())
    before = copy.deepcopy(module.state_dict())
    assert fold_norms(module, torch.randn(1, 3, 8, 8)) is None
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
