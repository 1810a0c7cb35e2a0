"""Settings of the test process, made before torch is imported."""

from __future__ import annotations

import os

# torch's threads otherwise wait for each other in a busy loop: on a machine that does other work
# too, a test can take ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
