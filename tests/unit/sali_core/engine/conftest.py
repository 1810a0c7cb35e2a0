from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graphs that several tests use: conversion is slow."""
    return tmp_path_factory.mktemp("graphs")
