"""Measures speed and memory; asserts neither."""

import os

# Read when torch is first imported. Its threads otherwise wait for each other in a busy loop, and
# on a machine that does other work too a step can take ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
