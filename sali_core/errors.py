"""Errors of the core.

SaliError
├── ConfigError        a setting that cannot be used
├── CheckpointError    a weights file that is missing, broken or of another network
├── DatasetError       training or evaluation data that is missing or unreadable
├── EngineError        an engine that cannot run this network here
├── ShapeError         tensors that do not fit each other
└── EmptyMemoryError   a read of a memory that holds nothing
"""


class SaliError(Exception):
    """Root of all errors raised on purpose by the core; its text is one line for people."""


class ConfigError(SaliError):
    """A configuration value cannot be used; the text names it and what is allowed."""


class CheckpointError(SaliError):
    """A checkpoint is missing, damaged or belongs to another network."""


class DatasetError(SaliError):
    """Data is missing or unreadable; the text names the file."""


class EngineError(SaliError):
    """An engine cannot run this network on this machine."""


class ShapeError(SaliError):
    """Tensors disagree in shape, dtype or device."""


class EmptyMemoryError(SaliError):
    """A memory was read before anything was written."""
