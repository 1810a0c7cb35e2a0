"""A step as one launch: everything it does on the GPU is recorded once and replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

_WARM_UP = 3
# Graphs that could not be recorded. torch's allocator may look into them ever after (fixed after
# torch 2.11), so they are never freed.
_BROKEN: list[torch.cuda.CUDAGraph] = []


class Capture(Protocol):
    """Makes something replayable of a function that works on static tensors."""

    def __call__(self, function: Callable[[], None]) -> Callable[[], None]:
        """Run the function some times, record it, and return what replays it."""
        ...


def run_directly(function: Callable[[], None]) -> Callable[[], None]:
    """Run it once, as kernels are picked and compiled then; record nothing: a `Capture`."""
    function()
    return function


class GraphCapture:
    """Records CUDA graphs that share one pool of memory; their replays must not overlap."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._memory: Any = torch.cuda.graph_pool_handle()

    def __call__(self, function: Callable[[], None]) -> Callable[[], None]:
        """Warm up on a side stream, as kernels are picked and libraries start then; record.

        Raises:
            RuntimeError: Something in the function cannot be recorded; the device waited for all
                that ran of it, and the caller's stream is the current one again.
        """
        with torch.cuda.device(self._device):
            callers = torch.cuda.current_stream()
            graph = torch.cuda.CUDAGraph()
            try:
                self._record(graph, function)
            except BaseException:
                _BROKEN.append(graph)
                # Leaving torch's context may have raised before it came to this.
                torch.cuda.set_stream(callers)
                torch.cuda.synchronize()
                raise
        replay: Callable[[], None] = graph.replay
        return replay

    def _record(self, graph: torch.cuda.CUDAGraph, function: Callable[[], None]) -> None:
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP):
                function()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        # Other threads' calls are none of ours.
        with torch.cuda.graph(graph, pool=self._memory, capture_error_mode="thread_local"):
            function()
        torch.cuda.synchronize()
