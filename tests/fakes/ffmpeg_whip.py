"""FFmpeg's own WHIP publisher (its `whip` muxer), sending frame-coded pictures in real time.

    python -m tests.fakes.ffmpeg_whip URL [--active] [--seconds 60] [--fps 25]

As it comes, FFmpeg waits for the other side to begin the DTLS handshake; `--active`: it begins.
A process of its own, because FFmpeg connects while it holds the interpreter's lock. FFmpeg's DTLS
wants an ECDSA certificate on P-256, which is made here.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.code_publisher import CodedPictures

_SIZE = (640, 480)


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate and its key; returns their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "publisher")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "certificate.pem", folder / "key.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_path, key_path


def publish(url: str, *, is_active: bool, seconds: float, fps: int) -> None:
    """Send pictures until the time is over."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = write_certificate(Path(folder))
        options = {"cert_file": str(certificate), "key_file": str(key)}
        if is_active:
            options["whip_flags"] = "dtls_active"
        with av.open(url, "w", format="whip", options=options) as output:
            stream = output.add_stream("libx264", rate=fps)
            stream.width, stream.height = _SIZE
            stream.pix_fmt = "yuv420p"
            stream.gop_size = fps
            stream.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
            pictures, start = CodedPictures(), time.monotonic()
            for number in range(int(seconds * fps)):
                time.sleep(max(0.0, start + number / fps - time.monotonic()))
                frame = pictures.draw(number, _SIZE)
                frame.pts, frame.time_base = number, Fraction(1, fps)
                output.mux(stream.encode(frame))


@contextlib.contextmanager
def ffmpeg_publisher(url: str, log: Path, *, is_active: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Publish until the block ends."""
    with log.open("w") as out:
        command = [sys.executable, "-m", "tests.fakes.ffmpeg_whip", url]
        command += ["--active"] if is_active else []
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def main() -> None:
    """Publish from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--active", action="store_true")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--fps", type=int, default=25)
    arguments = parser.parse_args()
    publish(
        arguments.url,
        is_active=arguments.active,
        seconds=arguments.seconds,
        fps=arguments.fps,
    )


if __name__ == "__main__":
    main()
