"""How a network is run fast."""

from sali_core.engine.engine import Engine, EngineInfo, create_engine

__all__ = ["Engine", "EngineInfo", "create_engine"]
