"""What goes into the image: the helpers that the Dockerfile runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
IMAGE = REPOSITORY / "deploy/image"
LOCK = (REPOSITORY / "requirements.lock").read_text()


def select(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `select_requirements.py` on the lock file."""
    return subprocess.run(
        [sys.executable, str(IMAGE / "select_requirements.py"), *arguments],
        input=LOCK, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def names(text: str) -> set[str]:
    """Return the packages of a requirements file."""
    return set(re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE))


def test_a_gpu_image_gets_the_lock_file_without_what_it_cannot_use() -> None:
    chosen = select("cuda").stdout
    assert names(LOCK) - names(chosen) == {"triton", "nvidia-cuda-cccl"}
    hashes = re.compile(r"--hash=sha256:[0-9a-f]{64}")
    assert len(hashes.findall(chosen)) > 100
    assert all(line in LOCK for line in chosen.splitlines())


def test_a_cpu_image_keeps_the_libraries_its_torch_loads_unless_torch_comes_from_elsewhere() -> (
    None
):
    assert "nvidia-cudnn-cu13" in names(select("cpu").stdout)
    without = names(select("cpu", "--without-torch").stdout)
    assert not {n for n in without if n.startswith(("nvidia-", "cuda-", "torch"))}
    assert {"openvino", "timm", "aiortc"} <= without
    versions = select("--torch-versions").stdout.split()
    assert [version.split("==")[0] for version in versions] == ["torch", "torchvision"]


@pytest.mark.parametrize("arguments", [(), ("gpu",), ("cuda", "--without-torch")])
def test_a_choice_that_makes_no_sense_ends_the_build(arguments: tuple[str, ...]) -> None:
    done = select(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_an_environment_is_split_into_layers_without_build_tools(tmp_path: Path) -> None:
    venv, out = tmp_path / "opt/sali", tmp_path / "layers"
    packages = venv / "lib/python3.11/site-packages"
    for path in (
        "nvidia/cu13/lib/libcudart.so", "nvidia/cu13/include/cuda.h", "torch/lib/libtorch.so",
        "torch/include/torch.h", "torch-2.15.0.dist-info/METADATA", "numpy/core.py",
        "numpy/tests/test_core.py", "pip/main.py", "setuptools/main.py",
    ):  # fmt: skip
        (packages / path).parent.mkdir(parents=True, exist_ok=True)
        (packages / path).write_text(path)
    (venv / "bin").mkdir()
    for name in ("pip", "torchrun", "python3"):
        (venv / "bin" / name).write_text(name)
    (venv / "bin/python").symlink_to("python3")
    (venv / "pyvenv.cfg").write_text("home = /usr/bin")
    subprocess.run(
        [sys.executable, str(IMAGE / "split_layers.py"), str(venv), str(out)], check=True
    )

    def files(layer: str) -> set[str]:
        root = out / layer / venv.relative_to("/")
        return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}

    site = "lib/python3.11/site-packages"
    assert files("cuda") == {f"{site}/nvidia/cu13/lib/libcudart.so"}
    assert files("torch") == {
        f"{site}/torch/lib/libtorch.so", f"{site}/torch-2.15.0.dist-info/METADATA"
    }  # fmt: skip
    assert files("packages") == {
        f"{site}/numpy/core.py", "bin/python", "bin/python3", "pyvenv.cfg"
    }  # fmt: skip
    assert (packages / "setuptools/main.py").exists(), "our package is built with it"


def test_the_bill_of_materials_lists_python_packages_and_none_of_the_viewers_tools(
    tmp_path: Path,
) -> None:
    installed = tmp_path / "packages/opt/sali/lib/python3.11/site-packages/x-1.2.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: X\nVersion: 1.2\n")
    lock = tmp_path / "package-lock.json"
    packages = {
        "": {},
        "node_modules/a": {"version": "1"},
        "node_modules/b": {"version": "2", "dev": True},
    }
    lock.write_text(json.dumps({"packages": packages}))
    done = subprocess.run(
        [sys.executable, str(IMAGE / "write_sbom.py"), str(lock), str(tmp_path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    bill = json.loads(done.stdout)
    listed = {entry["purl"] for entry in bill["components"]}
    assert bill["bomFormat"] == "CycloneDX"
    assert {"pkg:pypi/x@1.2", "pkg:npm/a@1"} <= listed
    assert "pkg:npm/b@2" not in listed


def test_the_dockerfile_copies_only_what_is_let_into_the_build() -> None:
    allowed = {
        line.removeprefix("!")
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    dockerfile = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", " ")
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (REPOSITORY / source).exists(), source
        assert any(source == name or source.startswith(f"{name}/") for name in allowed), source


def test_the_dockerfile_ends_as_a_user_without_rights() -> None:
    text = (REPOSITORY / "Dockerfile").read_text()
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE)[-1] == "10001:10001"
    assert "HEALTHCHECK" in text


def test_the_packages_for_traces_are_those_of_the_development_lock() -> None:
    def pinned(name: str) -> set[str]:
        text = (REPOSITORY / name).read_text()
        return set(re.findall(r"^([a-z0-9._-]+==[^\s;\\]+)", text, re.MULTILINE))

    traces, service = pinned("requirements-traces.lock"), pinned("requirements.lock")
    assert traces <= pinned("requirements-dev.lock")
    assert any(package.startswith("opentelemetry-sdk==") for package in traces)
    assert not traces & service, "the image has these already"
    assert not {package for package in service if package.startswith("opentelemetry-sdk")}
