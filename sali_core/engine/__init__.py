"""How a network is run fast."""

from sali_core.engine.choice import EngineChoice, available_engines
from sali_core.engine.engine import Engine, create_engine

__all__ = ["Engine", "EngineChoice", "available_engines", "create_engine"]
