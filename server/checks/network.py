"""The network: the address listened on, the addresses offered to WebRTC peers, STUN and TURN."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import ifaddr
from aioice import stun, turn
from aiortc.rtcicetransport import parse_stun_turn_uri

from server.checks.finding import Finding, fine, note, wrong
from server.settings import IceServer, ListenSettings

_WAIT_S = 5.0
_MAX_DATAGRAM = 2048


def check_address(listen: ListenSettings) -> Finding:
    """Whether the address can be listened on."""
    where = f"{listen.host}:{listen.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        return wrong(
            "address",
            f"{where}: {exc.strerror or exc}",
            "set SALI_LISTEN__PORT to a free port; if the service runs already, add --running",
        )
    return fine("address", f"{where} is free")


def check_media_addresses() -> Finding:
    """Whether WebRTC peers of other machines can be told an address of ours."""
    addresses = sorted(
        str(ip.ip)
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if ip.is_IPv4 and not str(ip.ip).startswith("127.")
    )
    if not addresses:
        return note(
            "video addresses",
            "this machine has no address but its loopback; only its own browser gets video",
            "connect a network; in a container use the host's network (deploy/compose.yaml does)",
        )
    return fine("video addresses", f"peers are offered UDP at {', '.join(addresses)}")


async def check_ice_servers(servers: Sequence[IceServer]) -> list[Finding]:
    """Ask every STUN server for our address and every TURN server for a relay."""
    if not servers:
        return [fine("STUN and TURN", "none are used; peers connect directly, as on one network")]
    return list(await asyncio.gather(*(_check_ice_server(server) for server in servers)))


async def _check_ice_server(server: IceServer) -> Finding:
    """Use one server as a peer would."""
    subject = f"ICE server {server.url}"
    facts = parse_stun_turn_uri(server.url)
    address = (facts["host"], facts["port"])
    try:
        async with asyncio.timeout(_WAIT_S):
            if facts["scheme"].startswith("stun"):
                ours = await asyncio.to_thread(_ask_stun, address)
                return fine(subject, f"sees this machine at {ours}")
            relayed = await _ask_turn(server, facts)
            return fine(subject, f"relays for us at {relayed}")
    except stun.TransactionFailed as exc:
        code = exc.response.attributes.get("ERROR-CODE", (0, ""))[0]
        if code == 401:
            cure = "correct username and credential in SALI_ICE_SERVERS"
        else:
            cure = "look at the server's log"
        return wrong(subject, f"refuses us with {code}", cure)
    except (OSError, TimeoutError, stun.TransactionTimeout) as exc:
        return wrong(
            subject,
            f"does not answer ({str(exc) or 'no answer within 5 s'})",
            "check its name and port, and that firewalls let UDP pass in both directions",
        )


def _ask_stun(address: tuple[str, int]) -> str:
    """Send one binding request; return our address as the server sees it. Blocks."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.settimeout(_WAIT_S / 2)
        ours.connect(address)
        ours.send(bytes(request))
        try:
            answer = stun.parse_message(ours.recv(_MAX_DATAGRAM))
        except ValueError as exc:
            raise OSError("the answer is not STUN") from exc
    host, port = answer.attributes["XOR-MAPPED-ADDRESS"]
    return f"{host}:{port}"


async def _ask_turn(server: IceServer, facts: dict[str, object]) -> str:
    """Get a relay and give it back; return its address."""
    transport, _ = await turn.create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=(str(facts["host"]), int(str(facts["port"]))),
        username=server.username,
        password=server.credential.get_secret_value(),
        ssl=facts["scheme"] == "turns",
        transport=str(facts.get("transport", "udp")),
    )
    host, port = transport.get_extra_info("sockname")
    transport.close()
    return f"{host}:{port}"
