from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace

import av
import numpy as np
import pytest

from server.burn_in.burner import DecodedPicture, PictureBurner
from server.burn_in.outline import rgb_to_yuv
from server.burn_in.stream import BurnedStream
from server.masks import rle
from server.masks.hub import MaskHub
from server.masks.look import OUTLINE_RGB
from server.masks.message import RunLengths
from server.media.encoder import Encoders, RelayEncoder
from server.media.frame import CodedPacket
from server.media.relay import PacketSubscription, Relay, RelayClosedError
from tests.fakes.virtual_clock import VirtualClock
from tests.unit.server.burn_in.conftest import SIDE, mask_of, state_of

WIDTH, HEIGHT = 320, 240
LINE = rgb_to_yuv(OUTLINE_RGB, is_bt709=False)


class Camera:
    """Publishes dark pictures; picture n is captured at n * 40 ms."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._encoder = RelayEncoder()
        self.sent = 0

    def send(self, count: int = 1) -> None:
        for _ in range(count):
            pixels = np.full((HEIGHT, WIDTH, 3), 60 + self.sent % 50, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            packet = self._encoder.encode(frame, self.sent * 3600, self.sent * 40_000_000)
            assert packet is not None
            self._relay.publish(packet)
            self.sent += 1


class Screen:
    """Reads the burned stream and sees at which column the outline begins."""

    def __init__(self, subscription: PacketSubscription) -> None:
        self._subscription = subscription
        self._decoder = av.CodecContext.create("h264", "r")

    async def see(self) -> tuple[int, int | None]:
        """The next picture's number, and the mask's column in it, None where nothing is drawn."""
        packet = await asyncio.wait_for(self._subscription.get(), 60)
        coded = av.Packet(packet.payload)
        coded.pts = packet.pts
        [frame] = self._decoder.decode(coded)
        assert frame.pts is not None
        return frame.pts // 3600, column_of(frame)


def column_of(frame: av.VideoFrame) -> int | None:
    rows = frame.to_ndarray().astype(int)
    chroma = rows.reshape(-1)[HEIGHT * WIDTH :].reshape(2, HEIGHT // 2, WIDTH // 2)
    line = (abs(chroma[0] - LINE[1]) < 30) & (abs(chroma[1] - LINE[2]) < 30)
    columns = np.nonzero(line.any(0))[0]
    return round(columns.min() * 2 * SIDE / WIDTH) if columns.size else None


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - any condition of any object
            await asyncio.sleep(0.005)


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("sali-burn")]


class World:
    def __init__(self, clock: VirtualClock, hub: MaskHub) -> None:
        self.clock, self.hub = clock, hub
        self.clean = Relay()
        self.camera = Camera(self.clean)
        self.encoders = Encoders()
        self.stream = BurnedStream(
            self.clean, hub, clock=clock, encoders=self.encoders, mask_wait_ms=150
        )


@pytest.fixture
def world(clock: VirtualClock, hub: MaskHub) -> World:
    return World(clock, hub)


async def test_every_picture_shows_its_own_mask_or_none(world: World) -> None:
    screen = Screen(world.stream.relay.subscribe())
    await until(lambda: world.clean.viewers)
    seen = []
    for number in range(20):
        await world.clock.advance_to(number * 40_000_000)
        world.camera.send()
        if number % 3 != 2:
            world.hub.publish_mask(mask_of(number * 3600, column=3 + number % 8 * 4))
        else:
            await world.clock.advance_to(number * 40_000_000 + 151_000_000)
        seen.append(await screen.see())
    assert seen == [(n, 3 + n % 8 * 4 if n % 3 != 2 else None) for n in range(20)]
    assert world.stream.drops["burn_no_mask"] == 6
    await world.stream.aclose()


async def test_one_encoder_serves_all_and_ends_with_the_last_of_them(world: World) -> None:
    readers = [world.stream.relay.subscribe() for _ in range(3)]
    world.hub.publish_state(state_of("paused"))
    await until(lambda: world.clean.viewers)
    world.camera.send(2)
    for reader in readers:
        assert (await asyncio.wait_for(reader.get(), 60)).is_keyframe
    assert world.encoders.open == 1
    assert len(threads()) == 1
    readers.pop().close()
    readers.pop().close()
    assert world.stream.is_running
    readers.pop().close()
    await until(lambda: not world.stream.is_running)
    assert (world.encoders.open, world.clean.viewers, threads()) == (0, 0, [])

    again = world.stream.relay.subscribe()
    await until(lambda: world.clean.viewers)
    world.camera.send()
    assert (await asyncio.wait_for(again.get(), 60)).is_keyframe
    await world.stream.aclose()
    assert world.encoders.open == 0


async def test_readers_that_leave_and_come_back_at_once_are_served(world: World) -> None:
    world.hub.publish_state(state_of("paused"))
    world.stream.relay.subscribe().close()
    reader = world.stream.relay.subscribe()
    await until(lambda: world.clean.viewers)
    world.camera.send()
    assert (await asyncio.wait_for(reader.get(), 60)).is_keyframe
    await world.stream.aclose()


async def test_nothing_is_decoded_while_nobody_looks(world: World) -> None:
    world.camera.send(3)
    await asyncio.sleep(0)
    assert not world.stream.is_running
    assert world.encoders.open == 0
    await world.stream.aclose()


async def test_a_joiner_in_the_middle_of_a_group_gets_the_present_not_the_past(
    world: World,
) -> None:
    world.hub.publish_state(state_of("paused"))
    world.camera.send(24)
    reader = world.stream.relay.subscribe()
    first = await asyncio.wait_for(reader.get(), 60)
    assert first.is_keyframe
    assert first.pts // 3600 >= 24 - 6
    assert world.stream.drops["burn_late"] >= 18
    await world.stream.aclose()


@pytest.mark.hazard("H12", "F11")
async def test_the_clean_relay_never_waits_for_a_burned_stream_that_is_stuck(
    world: World,
) -> None:
    """Pictures wait for masks for ever here: the clock stands still."""
    plain = world.clean.subscribe()
    stuck = world.stream.relay.subscribe()
    await until(lambda: world.clean.viewers == 2)
    for number in range(200):
        world.camera.send()
        assert (await plain.get()).pts == number * 3600, "at once, and whole"
        await asyncio.sleep(0)
    await until(lambda: world.stream.drops.get("burn_late", 0) > 50)
    assert stuck.waiting == 0
    await world.stream.aclose()


async def test_where_encoding_takes_too_long_the_newest_picture_wins(
    clock: VirtualClock, hub: MaskHub
) -> None:
    """The encoder hangs on the first picture while ten seconds go by."""
    hub.publish_state(state_of("paused"))
    clean, encoders = Relay(), StuckEncoders()
    camera = Camera(clean)
    stream = BurnedStream(clean, hub, clock=clock, encoders=encoders, mask_wait_ms=150)
    reader = stream.relay.subscribe()
    await until(lambda: clean.viewers)
    camera.send(4)
    await until(lambda: encoders.is_hanging)
    await clock.advance(10)
    encoders.free.set()
    seen = [(await asyncio.wait_for(reader.get(), 60)).pts // 3600 for _ in range(2)]
    assert seen == [0, 3]
    assert stream.drops["burn_late"] == 2
    await stream.aclose()


class StuckEncoders(Encoders):
    """Makes encoders that hang until they are freed."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.is_hanging = False

    def create(self) -> RelayEncoder:
        maker = self

        class StuckEncoder(RelayEncoder):
            def encode(
                self, frame: av.VideoFrame, pts: int, captured_at_ns: int
            ) -> CodedPacket | None:
                maker.is_hanging = True
                assert maker.free.wait(30)
                return super().encode(frame, pts, captured_at_ns)

        return StuckEncoder()


@pytest.mark.hazard("H12", "F11")
async def test_the_clean_relay_never_waits_for_an_encoder_that_hangs(
    clock: VirtualClock, hub: MaskHub
) -> None:
    hub.publish_state(state_of("paused"))
    clean, encoders = Relay(), StuckEncoders()
    camera = Camera(clean)
    stream = BurnedStream(clean, hub, clock=clock, encoders=encoders, mask_wait_ms=150)
    plain, stuck = clean.subscribe(), stream.relay.subscribe()
    await until(lambda: clean.viewers == 2)
    for number in range(150):
        camera.send()
        assert (await plain.get()).pts == number * 3600
        await asyncio.sleep(0)
    assert (plain.drops, stuck.waiting) == (0, 0)
    assert clean.drops["burn_queue"] >= 60
    encoders.free.set()
    camera.send(25)
    assert (await asyncio.wait_for(stuck.get(), 60)).is_keyframe
    await stream.aclose()


@pytest.mark.hazard("H17")
def test_a_mask_is_drawn_where_its_region_lies_in_the_picture() -> None:
    """The mask was made for a picture of twice the size, in its right half."""
    mask = replace(mask_of(3600, size=(480, 640), column=22), region=(320, 0, 320, 480))
    frame = av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), 60, np.uint8), "rgb24")
    packet = PictureBurner(RelayEncoder(), 150).burn(
        DecodedPicture(frame, 3600, 0), mask, state_of("active")
    )
    assert packet is not None
    decoder = av.CodecContext.create("h264", "r")
    [seen] = decoder.decode(av.Packet(packet.payload)) + decoder.decode(None)
    assert column_of(seen) == SIDE // 2 + 22 // 2


def test_where_only_polyps_that_lasted_are_wanted_only_they_are_drawn() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), 60, np.uint8), "rgb24")
    empty = RunLengths(size=(SIDE, SIDE), counts=rle.encode(np.zeros((SIDE, SIDE), bool)))
    for drawn, column in ((None, 10), (mask_of(3600, column=22).rle, 22), (empty, None)):
        mask = replace(mask_of(3600, size=(HEIGHT, WIDTH)), drawn_rle=drawn)
        packet = PictureBurner(RelayEncoder(), 150).burn(
            DecodedPicture(frame, 3600, 0), mask, state_of("active")
        )
        assert packet is not None
        decoder = av.CodecContext.create("h264", "r")
        [seen] = decoder.decode(av.Packet(packet.payload)) + decoder.decode(None)
        assert column_of(seen) == column


async def test_a_packet_that_cannot_be_decoded_costs_its_picture_only(world: World) -> None:
    world.hub.publish_state(state_of("paused"))
    reader = world.stream.relay.subscribe()
    await until(lambda: world.clean.viewers)
    world.clean.publish(CodedPacket(b"\x00\x00\x01\x65nonsense", 0, True, "h264", 0))
    world.camera.sent = 1
    world.camera.send()
    assert (await asyncio.wait_for(reader.get(), 60)).pts == 3600
    assert world.stream.drops["burn_corrupt"] == 1
    await world.stream.aclose()


async def test_the_end_of_the_video_ends_the_burned_stream(world: World) -> None:
    world.hub.publish_state(state_of("paused"))
    reader = world.stream.relay.subscribe()
    await until(lambda: world.clean.viewers)
    world.camera.send(2)
    await asyncio.wait_for(reader.get(), 60)
    world.clean.close()
    await until(lambda: not world.stream.is_running)
    assert (world.stream.relay.viewers, world.encoders.open, threads()) == (0, 0, [])
    with pytest.raises(RelayClosedError):
        world.stream.relay.subscribe()
    await world.stream.aclose()


async def test_closing_in_the_middle_of_a_picture_leaves_nothing_behind(world: World) -> None:
    world.hub.publish_state(state_of("paused"))
    reader = world.stream.relay.subscribe()
    await until(lambda: world.clean.viewers)
    world.camera.send(3)
    await asyncio.wait_for(reader.get(), 60)
    await world.stream.aclose()
    assert (world.clean.viewers, world.encoders.open, threads()) == (0, 0, [])


@pytest.mark.hazard("H1")
def test_a_mask_of_another_picture_is_refused() -> None:
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    with pytest.raises(ValueError, match="7200"):
        PictureBurner(RelayEncoder(), 150).burn(
            DecodedPicture(frame, 3600, 0), mask_of(7200), state_of("active")
        )
