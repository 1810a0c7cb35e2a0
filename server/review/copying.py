"""Copies a file's film for browsers: packet by packet, or encoded again where they need that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av

from server.errors import ReviewError, SourceError
from server.media.container import cause_of, check_picture_size
from server.media.encoder import Encoders
from server.media.frame import SourcePacket
from server.media.picture_decoder import PictureDecoder
from server.review.decoding import decode_film
from server.review.film import Coding, Film, can_start, codec_string
from server.review.film_store import FilmStore


@dataclass
class FilmCopy:
    """What is known of the film so far; written by the thread that copies.

    Attributes:
        coding: None until the first packet is there.
        fps: Nominal, if the file tells it.
        is_complete: Whether all of it is in the store.
    """

    coding: Coding | None = None
    fps: float | None = None
    is_complete: bool = False


def copy_film(
    path: str,
    store: FilmStore,
    copy: FilmCopy,
    *,
    encoders: Encoders | None,
    is_ended: threading.Event,
) -> None:
    """Copy the whole film. Blocks; ends early once `is_ended`.

    Args:
        path: The file.
        store: Where it goes.
        copy: Told what is found out on the way.
        encoders: Encode it for browsers; None where they can play it as it is.
        is_ended: Set by who does not want it any more.

    Raises:
        SourceError: The file cannot be opened or read, or holds no pictures.
        ReviewError: There is no room for it.
    """
    label = Path(path).name
    with Film(path) as film:
        copy.fps = film.format.fps
        codec = film.format.codec if encoders is None else "h264"
        packets = film.packets() if encoders is None else _encoded(film, label, encoders)
        for packet in packets:
            if is_ended.is_set():
                return
            may_start = can_start(packet, codec)
            if copy.coding is None and may_start:
                copy.coding = Coding(codec_string(packet.payload, codec), encoders is not None)
            store.append(packet.payload, packet.pts, can_start=may_start)
    if store.frames == 0:
        raise SourceError(f"{label} holds no pictures that can be shown")
    store.finish()
    copy.is_complete = True


def _encoded(film: Film, label: str, encoders: Encoders) -> Iterator[SourcePacket]:
    """Decode the film and encode it as H.264; every picture keeps its time."""
    encoder = encoders.create()
    try:
        decoder = PictureDecoder(film.format, label)
        for picture in chain.from_iterable(decode_film(film, decoder, is_reencoded=True)):
            check_picture_size(picture.frame.width, picture.frame.height, label)
            coded = encoder.encode(picture.frame, picture.pts, 0)
            if coded is not None:
                yield SourcePacket(coded.payload, coded.pts, coded.is_keyframe, 0)
    except av.FFmpegError as exc:
        raise ReviewError(f"{label} cannot be encoded for browsers ({cause_of(exc)})") from exc
    finally:
        encoder.close()
