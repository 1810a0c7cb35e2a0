"""The example programs of the documentation, against a real service."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_service import Served, serving

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "docs/examples"
TOKEN = "an-examples-token-?>"  # noqa: S105 - base64url differs from base64 for it
LINE = re.compile(r"pts (\d+)  age [\d.]+ ms  (\d+) pixels  ")

_TRANSPILE = """
import fs from "node:fs";
import { createRequire } from "node:module";
const ts = createRequire(process.argv[2])("typescript");
const program = ts.createProgram([process.argv[3]], {
  strict: true, noUncheckedIndexedAccess: true, noEmit: true, skipLibCheck: true, types: [],
  target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
});
const faults = ts.getPreEmitDiagnostics(program);
for (const fault of faults) console.error(ts.flattenDiagnosticMessageText(fault.messageText, " "));
if (faults.length > 0) process.exit(1);
const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
const text = fs.readFileSync(process.argv[3], "utf8");
const { outputText } = ts.transpileModule(text, { compilerOptions: options });
fs.writeFileSync(process.argv[4], outputText);
"""


@pytest.fixture(scope="module")
def service() -> Iterator[Served]:
    with serving(
        SALI_AUTH__TOKEN=TOKEN,
        SALI_DEMO__SECONDS="4",
        SALI_DEMO__WIDTH="160",
        SALI_DEMO__HEIGHT="120",
    ) as served:
        yield served


def run(*command: str) -> list[str]:
    """Run a program to its end; the lines it wrote."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def check_lines(lines: list[str]) -> None:
    """Four masks, in order, of which each has the pixels that the fake engine draws."""
    found = [LINE.match(line) for line in lines]
    assert len(lines) == 4
    assert all(found), lines
    times = [int(match.group(1)) for match in found if match]
    assert times == sorted(set(times))
    assert all(int(match.group(2)) > 0 for match in found if match)


def test_the_python_client_prints_masks(service: Served) -> None:
    program = str(EXAMPLES / "read_masks.py")
    url = f"http://{service.address}"
    check_lines(run(sys.executable, program, url, "--token", TOKEN, "--masks", "4"))


def test_the_typescript_client_has_no_type_errors_and_prints_masks(
    service: Served, tmp_path: Path
) -> None:
    package = REPOSITORY / "client_web/package.json"
    node = shutil.which("node")
    if node is None or not (package.parent / "node_modules/typescript").exists():
        pytest.skip("Node.js with the web client's packages is needed (npm ci in client_web)")
    script, program = tmp_path / "transpile.mjs", tmp_path / "readMasks.mjs"
    script.write_text(_TRANSPILE)
    run(node, str(script), str(package), str(EXAMPLES / "readMasks.ts"), str(program))
    # Node.js 20 and 21 have the WebSocket of browsers behind this option; later ones always.
    url = f"http://{service.address}"
    check_lines(run(node, "--experimental-websocket", str(program), url, "4", TOKEN))
