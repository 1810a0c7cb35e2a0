"""What a user of `docker compose up` gets, and what an auditor looks for."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import aioice.turn
import pytest
import websockets.asyncio.client
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from .conftest import PORTS, REPOSITORY, TURN_PASSWORD, Stack, docker, prometheus
from .queries import alerts, dashboard_queries, metrics_in

_SCRAPES_S = 60


def test_the_demo_page_answers(stack: Stack) -> None:
    page = stack.get("/")
    assert "SALI Live" in page
    script = re.search(r'src="(/assets/[^"]+\.js)"', page)
    assert script is not None
    assert len(stack.get(script.group(1))) > 10_000


def test_masks_arrive_over_the_websocket(stack: Stack) -> None:
    done = subprocess.run(
        [sys.executable, "docs/examples/read_masks.py", stack.url, "--masks", "5"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert all(re.match(r"pts \d+  age [\d.]+ ms  \d+ pixels", line) for line in lines)


async def test_a_picture_arrives_by_whep(stack: Stack) -> None:
    session = json.loads(stack.get("/v1/sessions"))["sessions"][0]["id"]
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", "recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    request = urllib.request.Request(  # noqa: S310
        f"{stack.url}/v1/sessions/{session}/whep",
        data=peer.localDescription.sdp.encode(),
        headers={"Content-Type": "application/sdp"},
    )
    answer = await asyncio.to_thread(urllib.request.urlopen, request)
    assert answer.status == 201
    await peer.setRemoteDescription(RTCSessionDescription(answer.read().decode(), "answer"))
    async with asyncio.timeout(20):
        frame = await peer.getReceivers()[0].track.recv()
    assert (frame.width, frame.height) == (640, 480)
    await peer.close()


def test_prometheus_scrapes_the_service(stack: Stack) -> None:
    (target,) = _eventually(stack, 'up{job="sali-live"} == 1')
    assert target["metric"]["instance"] == f"127.0.0.1:{PORTS['server']}"
    (version,) = stack.query("sali_build_info")
    assert re.fullmatch(r"\d+\.\d+\.\d+", version["metric"]["version"])


def test_every_query_of_the_dashboard_returns_data(stack: Stack) -> None:
    _eventually(stack, "rate(sali_frames_masked_total[30s]) > 0")
    without = [query for query in dashboard_queries() if not _eventually(stack, query)]
    assert without == []


def test_every_alert_is_loaded_and_reads_metrics_that_are_there(stack: Stack) -> None:
    (group,) = prometheus("rules")["groups"]
    assert {rule["name"]: rule["health"] for rule in group["rules"]} == dict.fromkeys(
        alerts(), "ok"
    )
    for expression in alerts().values():
        stack.query(expression)
        for metric in metrics_in(expression):
            assert stack.query(metric), metric


def test_every_alert_fires_when_it_should_and_only_then(stack: Stack) -> None:
    for what in ("check", "test"):
        rules = {"check": "rules.yml", "test": "rules_test.yml"}[what]
        stack.compose(
            *("exec", "-T", "-e", "TMPDIR=/prometheus", "prometheus", "promtool"),
            *(what, "rules", f"/etc/prometheus/{rules}"),
        )


def _eventually(stack: Stack, query: str) -> list[dict]:
    """Ask until there is an answer; scrapes come every five seconds."""
    for _ in range(_SCRAPES_S):
        if series := stack.query(query):
            return series
        time.sleep(1)
    return []


def test_the_service_can_write_nothing_but_its_state(stack: Stack) -> None:
    facts = stack.inspect("server")
    host = facts["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["Privileged"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}
    assert host["Memory"] > 0
    assert stack.execute("id", "-u").strip() == "10001"
    for folder in ("/", "/opt/sali", "/usr/share/sali", "/etc"):
        attempt = f"touch {folder}/x 2>&1 || true"
        assert "Read-only file system" in stack.execute("sh", "-c", attempt)
    stack.execute("sh", "-c", "touch /var/lib/sali/x && rm /var/lib/sali/x")
    status = stack.execute("cat", "/proc/1/status")
    assert re.search(r"^CapEff:\s0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s1$", status, re.MULTILINE)


@pytest.mark.parametrize("service", ["prometheus", "proxy", "turn"])
def test_the_other_services_are_confined_too(stack: Stack, service: str) -> None:
    host = stack.inspect(service)["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]


def test_the_service_listens_on_loopback_only(stack: Stack) -> None:
    table = stack.execute("cat", "/proc/net/tcp")
    port = f"{PORTS['server']:04X}"
    listening = {line.split()[1] for line in table.splitlines()[1:] if line.split()[3] == "0A"}
    assert {entry for entry in listening if entry.endswith(f":{port}")} == {f"0100007F:{port}"}


def test_the_image_says_what_it_is_and_holds_no_secret(stack: Stack) -> None:
    (facts,) = json.loads(docker("inspect", "sali-live:test"))
    labels = facts["Config"]["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["sali.accelerator"] == "cpu"
    assert facts["Config"]["User"] == "10001:10001"
    bill = json.loads(stack.execute("cat", labels["sali.sbom"]))
    names = {component["name"] for component in bill["components"]}
    assert {"torch", "sali-live", "libc6"} <= names
    assert "triton" not in names
    left = "ls -d /run/secrets/* /root/.npmrc /etc/pip.conf /opt/sali/bin/pip* 2>/dev/null | wc -l"
    assert stack.execute("sh", "-c", left).strip() == "0"


def test_sali_check_finds_nothing_wrong_in_the_container(stack: Stack) -> None:
    report = json.loads(stack.execute("sali", "check", "--running", "--json"))
    assert {finding["status"] for finding in report["findings"]} <= {"ok", "note"}


def test_settings_are_changed_in_a_file_without_a_restart(stack: Stack) -> None:
    began = stack.inspect("server")["State"]["StartedAt"]
    file = stack.config / "sali.yaml"
    file.write_text("session: {max_viewers: 5}\nworker: {threads: 1}\n")
    file.chmod(0o644)
    try:
        assert stack.execute("sali", "config", "reload").splitlines() == [
            "Changed: session.max_viewers.",
            "Restart the service for: worker.threads.",
        ]
        file.write_text("session: {max_viewers: none}\n")
        with pytest.raises(AssertionError, match="the settings stay as they were"):
            stack.execute("sali", "config", "reload")
    finally:
        file.unlink()
    assert stack.execute("sali", "config", "reload").startswith("Changed: session.max_viewers")
    assert stack.inspect("server")["State"]["StartedAt"] == began


def test_the_proxy_speaks_tls_and_passes_pages_and_websockets_on(stack: Stack) -> None:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    site = f"localhost:{PORTS['proxy']}"

    def status_of(path: str, attempts: int = 30) -> int:
        try:
            return urllib.request.urlopen(f"https://{site}{path}", context=trusting).status
        except urllib.error.HTTPError as exc:
            return exc.code
        except urllib.error.URLError:
            # It starts once the service is ready, and makes its certificate then.
            if attempts == 0:
                raise
            time.sleep(1)
            return status_of(path, attempts - 1)

    assert status_of("/") == 200
    assert status_of("/metrics") == 404

    async def first_message() -> str:
        session = json.loads(stack.get("/v1/sessions"))["sessions"][0]["id"]
        async with websockets.asyncio.client.connect(
            f"wss://{site}/v1/sessions/{session}/masks",
            ssl=trusting,
            origin=f"https://{site}",
            subprotocols=["sali.masks.v1"],
        ) as socket:
            return json.loads(await socket.recv())["type"]

    assert asyncio.run(first_message()) == "hello"


async def test_the_relay_relays_for_those_who_know_its_password(stack: Stack) -> None:
    async def allocate(password: str) -> str:
        transport, _ = await aioice.turn.create_turn_endpoint(
            asyncio.DatagramProtocol,
            server_addr=("127.0.0.1", PORTS["turn"]),
            username="sali",
            password=password,
        )
        address = transport.get_extra_info("sockname")
        transport.close()
        return address[0]

    async with asyncio.timeout(20):
        assert await allocate(TURN_PASSWORD)
        with pytest.raises(Exception, match="401"):
            await allocate("wrong")
