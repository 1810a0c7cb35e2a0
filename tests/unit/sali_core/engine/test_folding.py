from __future__ import annotations

import pytest
import torch

from sali_core.engine.folding import fold_decoder
from sali_core.model.decoder import Decoder


@pytest.mark.parametrize("sizes", [(11, 6, 3), (8, 4, 2)])
def test_a_folded_decoder_gives_the_scores_of_the_plain_one(sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    decoder = Decoder(32)
    maps = tuple(torch.randn(2, 32, size, size) for size in sizes)
    with torch.no_grad():
        for module in decoder.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                for value in (module.weight, module.running_var):
                    assert value is not None
                    value.uniform_(0.5, 1.5)
                for value in (module.bias, module.running_mean):
                    assert value is not None
                    value.normal_()
        plain = decoder.eval().scores(maps)  # type: ignore[arg-type]
        folded = fold_decoder(decoder).scores(maps)  # type: ignore[arg-type]
        again = decoder.scores(maps)  # type: ignore[arg-type]
    for one, other, unchanged in zip(plain, folded, again, strict=True):
        assert float(one.std()) > 0.05
        torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-4)
        assert torch.equal(unchanged, one)
