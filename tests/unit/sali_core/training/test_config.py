from __future__ import annotations

import pytest

from sali_core.errors import ConfigError
from sali_core.training.config import TrainConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 100), ("steps", 0), ("batch", 0), ("epochs", 0.0), ("lr", 0.0), ("average", 1.0),
        ("schedule", "linear"), ("precision", "float16"), ("workers", -1), ("save_every", 0),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        TrainConfig(**{field: value})
