"""A rendered colonoscopy-like scene with the truth of every frame (numpy only)."""

from __future__ import annotations

from sali_core.data.phantom.config import PhantomConfig
from sali_core.data.phantom.frame_code import draw_frame_code, read_frame_code
from sali_core.data.phantom.phantom import Phantom, PhantomFrame

__all__ = ["Phantom", "PhantomConfig", "PhantomFrame", "draw_frame_code", "read_frame_code"]
