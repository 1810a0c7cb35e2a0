"""Feeds damaged video to a pipeline, round after round; in a process of its own, as it may die.

`python -m tests.fakes.fuzz_decoding h264 --seed 1 --rounds 500`; `--replay 17` runs one round only.
Prints one JSON object. Exits with 3, or 1, if a round hangs.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import json
import os
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

from server.media.frame import SourcePacket, StreamFormat
from server.media.source import parse_source
from tests.fakes.pipeline_run import Run, run
from tests.fakes.still_pictures import jpeg_of, png, png_of
from tests.fakes.video_files import coded_pictures, write_frames

CODECS = ("h264", "hevc", "mjpeg", "png", "vp8", "av1")
_ENCODERS = {
    "h264": ("libx264", ".ts"), "hevc": ("libx265", ".hevc"), "vp8": ("libvpx", ".webm"),
    "av1": ("libsvtav1", ".mkv"),
}  # fmt: skip
_WARM_UP_ROUNDS = 30
_HANG_S = 30.0


def _film(codec: str) -> list[bytes]:
    """Coded pictures with detail and motion, the first of them a keyframe."""
    noise = np.random.default_rng(3).integers(0, 255, (96, 160, 3), np.uint8)
    pictures = [np.roll(noise, 3 * number, axis=1)[:64, :96].copy() for number in range(6)]
    if codec == "mjpeg":
        return [jpeg_of(picture) for picture in pictures]
    if codec == "png":
        return [png_of(picture) for picture in pictures]
    encoder, suffix = _ENCODERS[codec]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film{suffix}"
        return coded_pictures(write_frames(path, pictures, codec=encoder))


def damage(film: list[bytes], chance: random.Random) -> list[bytes]:
    """Return the film with some of its packets cut, flipped, mixed, repeated or left out."""
    packets = list(film)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(packets))
        packet = bytearray(packets[at])
        match chance.randrange(8):
            case 0:
                del packet[chance.randrange(len(packet) + 1) :]
            case 1 | 2:
                _flip(packet, chance, len(packet))
            case 3:
                _flip(packet, chance, 80)
            case 4:
                start = chance.randrange(len(packet) + 1)
                packet[start : start + chance.randint(1, 64)] = chance.randbytes(
                    chance.randint(0, 64)
                )
            case 5:
                other = chance.choice(film)
                packet = packet[: chance.randrange(len(packet) + 1)] + bytearray(
                    other[chance.randrange(len(other)) :]
                )
            case 6:
                packets.insert(chance.randrange(len(packets)), bytes(packet))
            case _:
                packet = bytearray(chance.randbytes(chance.randint(0, 400)))
        packets[at] = bytes(packet)
    if chance.random() < 0.1:
        chance.shuffle(packets)
    return packets


def _flip(packet: bytearray, chance: random.Random, end: int) -> None:
    for _ in range(chance.randint(1, 12)):
        if packet:
            packet[chance.randrange(min(end, len(packet)))] ^= 1 << chance.randrange(8)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def _play(running: Run, codec: str, packets: list[bytes], start: int) -> int:
    """Play damaged packets, then a good picture, which has to come through; the next free pts."""
    # Ends the process even where the interpreter's lock is held for ever.
    faulthandler.dump_traceback_later(2 * _HANG_S, exit=True)
    pipeline = running.pipeline
    pipeline.begin(StreamFormat(codec), "another round")
    pts = start
    for number, packet in enumerate(packets):
        pipeline.packet(SourcePacket(packet, pts, number == 0 or codec in ("png", "mjpeg"), 0))
        pts += 3600
    pipeline.begin(StreamFormat("png"), "a good picture")
    pipeline.packet(SourcePacket(png(16, 16), pts, True, 0))
    try:
        await running.until_pts(pts, _HANG_S)
    except AssertionError:
        faulthandler.dump_traceback(all_threads=True)
        os._exit(3)
    return pts + 3600


async def main(codec: str, seed: int, rounds: range) -> None:
    film = _film(codec)
    warm, decoded, pts = 0, 0, 0
    async with run(parse_source("frames")) as running:
        await running.until_reason("waiting for a program")
        for number in rounds:
            chance = random.Random(f"{seed} {number}")  # noqa: S311 - no secret
            sys.stderr.write(f"\rround {number} of seed {seed}")
            pts = await _play(running, codec, damage(film, chance), pts)
            decoded += len(running.frames)
            running.events.clear()
            running.packets.clear()
            if number == rounds.start + _WARM_UP_ROUNDS:
                gc.collect()
                warm = _resident_bytes()
        gc.collect()
        grown = _resident_bytes() - warm if warm else 0
        drops = running.pipeline.drops
    faulthandler.cancel_dump_traceback_later()
    facts = {"rounds": len(rounds), "decoded": decoded, "grown": grown, "drops": drops}
    sys.stdout.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    faulthandler.enable()
    parser = argparse.ArgumentParser()
    parser.add_argument("codec", choices=CODECS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--replay", type=int)
    told = parser.parse_args()
    asyncio.run(
        main(
            told.codec,
            told.seed,
            range(told.rounds) if told.replay is None else range(told.replay, told.replay + 1),
        )
    )
