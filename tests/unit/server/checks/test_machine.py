from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from server.checks import machine
from server.settings import DemoSettings, WorkerSettings


def test_a_gpu_that_is_asked_for_and_not_there_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine, "_NVIDIA_DEVICE", Path("/nowhere"))
    finding = machine.check_device(WorkerSettings(device="cuda"))
    assert finding.status == "wrong"
    assert "Container Toolkit" in finding.cure or "torch" in finding.cure


def test_a_gpu_that_torch_cannot_use_is_wrong_even_if_any_device_will_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver = tmp_path / "version"
    driver.write_text("NVRM version: 470.1\nGCC\n")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    monkeypatch.setattr(machine, "_NVIDIA_DEVICE", tmp_path)
    monkeypatch.setattr(machine, "_NVIDIA_DRIVER", driver)
    finding = machine.check_device(WorkerSettings())
    assert finding.status == "wrong"
    assert "470.1" in finding.detail
    assert "CUDA 13.2" in finding.cure


@pytest.mark.parametrize(
    ("device", "status"), [("auto", "ok"), ("cpu", "note"), ("cuda:1", "wrong")]
)
def test_a_gpu_is_named_and_one_that_lies_idle_noted(
    monkeypatch: pytest.MonkeyPatch, device: str, status: str
) -> None:
    facts = SimpleNamespace(name="A GPU", total_memory=8 * 2**30)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: facts)
    finding = machine.check_device(WorkerSettings(device=device))
    assert finding.status == status
    assert (finding.cure == "") == (status == "ok")


def test_weights_that_cannot_be_read_are_wrong(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not weights")
    assert machine.check_weights(WorkerSettings()).status == "ok"
    for weights in (str(broken), "no-such-name"):
        finding = machine.check_weights(WorkerSettings(weights=weights))
        assert finding.status == "wrong"
        assert "SALI_WORKER__WEIGHTS" in finding.cure


def test_a_full_disk_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = DemoSettings(cache_dir=tmp_path / "not" / "yet")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2_000_000_000))
    assert machine.check_disk(settings).status == "ok"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5_000_000))
    assert machine.check_disk(settings).status == "wrong"


def test_a_folder_that_cannot_be_written_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "access", lambda *_: False)
    finding = machine.check_disk(DemoSettings(cache_dir=Path("/var/lib/elsewhere")))
    assert (finding.status, "/var/lib/elsewhere" in finding.detail) == ("wrong", True)


def test_little_memory_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MIN_MEMORY_BYTES", 1)
    assert machine.check_memory().status == "ok"
    monkeypatch.setattr(machine, "MIN_MEMORY_BYTES", 2**60)
    assert machine.check_memory().status == "wrong"


def test_the_clock_and_open_files_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.check_clock().status in ("ok", "note")
    monkeypatch.setattr(machine, "MIN_OPEN_FILES", 2**40)
    assert machine.check_open_files().status == "wrong"
