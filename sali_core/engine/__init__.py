"""How a network is run fast."""

from sali_core.engine.engine import Engine, create_engine

__all__ = ["Engine", "create_engine"]
