"""How an outline looks wherever the server draws it, and where the viewer does by default."""

from __future__ import annotations

OUTLINE_RGB = (0, 255, 208)
"""`OUTLINE_COLOR` of client_web/src/overlayLook.ts."""
