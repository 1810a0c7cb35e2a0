"""The machine: device, weights, memory, disk, clock, files."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
from pathlib import Path

from sali_core.errors import SaliError
from server.checks.finding import Finding, fine, note, wrong
from server.media.demo_source import default_cache_dir
from server.settings import DemoSettings, WorkerSettings

MIN_FREE_DISK_BYTES = 1_000_000_000
MIN_MEMORY_BYTES = 2_000_000_000
MIN_OPEN_FILES = 1024
OWN_MODEL = "sali"

_NVIDIA_DEVICE = Path("/dev/nvidiactl")
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_TIME_ERROR = 5
_TIMEX_BYTES = 512


def check_device(settings: WorkerSettings) -> Finding:
    """Whether the device asked for is there, and whether a GPU lies idle. Imports torch."""
    import torch

    wanted = settings.device
    build = torch.version.cuda
    if torch.cuda.is_available():
        if wanted == "cpu":
            return note(
                "device", "SALI_WORKER__DEVICE is cpu, and there is a GPU", "set it to auto"
            )
        index = int(wanted.partition(":")[2] or 0)
        count = torch.cuda.device_count()
        if index >= count:
            return wrong("device", f"{wanted}: this machine has {count} GPUs", "choose cuda:0")
        facts = torch.cuda.get_device_properties(index)
        return fine("device", f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB, CUDA {build}")
    why = _why_no_gpu(build)
    if wanted.startswith("cuda"):
        return wrong("device", f"{wanted} is asked for; {why[0]}", why[1])
    if _NVIDIA_DEVICE.exists():
        return wrong("device", why[0], why[1])
    return fine("device", f"CPU, {os.cpu_count()} cores; no GPU is seen here")


def _why_no_gpu(build: str | None) -> tuple[str, str]:
    """Tell why torch sees no GPU, and the cure."""
    if build is None:
        return (
            "torch was built without CUDA",
            "use the image built with ACCELERATOR=cuda, or install the lock file's torch",
        )
    if not _NVIDIA_DEVICE.exists():
        return (
            "no NVIDIA device is seen",
            "install the driver; in a container also the NVIDIA Container Toolkit, and start with "
            "deploy/compose.yaml",
        )
    driver = _NVIDIA_DRIVER.read_text().splitlines()[0] if _NVIDIA_DRIVER.is_file() else "unknown"
    return (
        f"torch cannot use the GPU; driver: {driver}",
        f"install a driver that knows CUDA {build}, and restart the machine",
    )


def check_weights(settings: WorkerSettings) -> Finding:
    """Whether the weights are there and can be read; other models check their own."""
    if settings.model != OWN_MODEL:
        return note("weights", f"{settings.model} reads {settings.weights} itself at the start")
    from sali_core.weights.header import read_header
    from sali_core.weights.registry import resolve_weights

    try:
        header = read_header(resolve_weights(settings.weights))
    except SaliError as exc:
        return wrong(
            "weights",
            str(exc),
            "set SALI_WORKER__WEIGHTS to a name of `sali weights list` or a file",
        )
    return fine("weights", f"{header.name}, profile {header.profile}")


def check_memory() -> Finding:
    """Whether there is memory for the service and its worker."""
    free = _available_memory_bytes()
    if free is None:
        return note("memory", "this system does not tell how much is free")
    text = f"{free / 1e9:.1f} GB are free"
    if free < MIN_MEMORY_BYTES:
        return wrong("memory", text, "end other programs, or raise SERVER_MEMORY in deploy/.env")
    return fine("memory", text)


def _available_memory_bytes() -> int | None:
    """Return the smaller of what the machine and the container leave free."""
    values: list[int] = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                values.append(int(line.split()[1]) * 1024)
    except OSError:
        return None
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):
        limit, used = "max", 0
    if limit.isdecimal():
        values.append(int(limit) - used)
    return min(values, default=None)


def check_disk(settings: DemoSettings) -> Finding:
    """Whether the folder for rendered scenes and graphs can be written and has room."""
    folder = settings.cache_dir or default_cache_dir()
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        return wrong(
            "disk",
            f"{folder} cannot be written",
            "give the service's user that folder, or set XDG_CACHE_HOME to another",
        )
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB are free for {folder}"
    if free < MIN_FREE_DISK_BYTES:
        return wrong("disk", text, "free a gigabyte there")
    return fine("disk", text)


def check_clock() -> Finding:
    """Whether the clock is kept right by somebody; logs of several machines are compared by it."""
    libc = ctypes.CDLL(None, use_errno=True)
    adjust = getattr(libc, "adjtimex", None)
    if adjust is None:
        return note("clock", "this system does not tell whether its clock is kept right")
    # Modes 0 (the first field) only asks. The structure is smaller than this on every Linux.
    state = adjust(ctypes.create_string_buffer(_TIMEX_BYTES))
    if state < 0:
        return note("clock", f"the kernel does not tell ({os.strerror(ctypes.get_errno())})")
    if state == _TIME_ERROR:
        return note(
            "clock",
            "the clock is not synchronised; the times in logs may be wrong, masks are not affected",
            "run chrony or systemd-timesyncd with the hospital's time server",
        )
    return fine("clock", "synchronised")


def check_open_files() -> Finding:
    """Whether the service may open as many sockets as its viewers need."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit != resource.RLIM_INFINITY and limit < MIN_OPEN_FILES:
        return wrong("open files", f"at most {limit}", f"ulimit -n {MIN_OPEN_FILES}")
    return fine("open files", f"at most {limit}")
