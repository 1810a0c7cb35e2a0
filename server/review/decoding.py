"""Decodes a film from its first picture to its last, each named by its packet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import av

from server.media.frame_identity import FrameIdentities
from server.media.picture_decoder import CorruptPacketError, PictureDecoder
from server.review.film import Film


@dataclass(frozen=True)
class FilmPicture:
    """A decoded picture, and the `pts` of the packet that it came from."""

    frame: av.VideoFrame
    pts: int


def decode_film(
    film: Film, decoder: PictureDecoder, *, is_reencoded: bool
) -> Iterator[list[FilmPicture]]:
    """Yield what each packet gave, in order of presentation; mostly one picture.

    Pictures that cannot be decoded, or whose packet is unknowable, are left out.

    Args:
        film: Fresh.
        decoder: Fresh.
        is_reencoded: Whether browsers get the pictures encoded by us, under the times told here.
    """
    identities = FrameIdentities()
    last: int | None = None

    def named(receive: Callable[[], list[av.VideoFrame]]) -> list[FilmPicture]:
        nonlocal last
        try:
            frames = receive()
        except CorruptPacketError:
            return []
        pictures = []
        for frame in frames:
            found = identities.take(frame.pts, after=last, may_guess=is_reencoded)
            if found is not None:
                last = found[0]
                pictures.append(FilmPicture(frame, last))
        return pictures

    for packet in film.packets():
        identities.expect(packet.pts, packet.captured_at_ns)
        if pictures := named(partial(decoder.decode, packet)):
            yield pictures
    if pictures := named(decoder.drain):
        yield pictures
