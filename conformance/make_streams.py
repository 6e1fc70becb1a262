"""Writes the streams of a release: valid ones with what they decode to, invalid ones with the error they must give.

    python conformance/make_streams.py conformance/0.1

Per valid stream: `NAME.vae`, `NAME.z` (all latents, band by band in the order of docs/format.md section 1, row by row, int16
little-endian) and `NAME.npz` (`recon`, what our decoder gives; section 9 bounds others). `cases.json` says which bundle each
stream belongs to, and what is wrong with each invalid one. Frozen with the release: add cases, change none.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vaecodec.codec import container as c
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.errors import VaecodecError
from vaecodec.codec.image import ImageCodec, ImageLatents
from vaecodec.codec.signal import SignalCodec, SignalLatents

Codec = ImageCodec | SignalCodec


# --- inputs ---------------------------------------------------------------------------------------------------------


def picture(height: int, width: int, planes: int) -> np.ndarray:
    """A gradient, an edge and a texture; another mix of them in each plane."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    edge, texture = 70.0 * (x > y), 15 * np.sin(x) * np.cos(0.7 * y)
    stack = [50 + 40 * p + 2 * x + (1.0 - p) * edge + texture / (1 + p) for p in range(planes)]
    return np.clip(np.rint(np.stack(stack, -1)), 0, 255).astype(np.uint8)


def wave(length: int, channels: int, scale: float) -> np.ndarray:
    """Beats on a slow wave."""
    n = np.arange(length)[:, None] + 37 * np.arange(channels)
    return scale * (0.3 * np.sin(n / 40) + np.exp(-(((n % 110) - 50.0) ** 2) / 20))


def extreme(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Latents that need every part of the coder: long escapes, the ends of the range, zeros."""
    random = np.random.default_rng(seed)
    values = random.choice([0, 0, 0, 1, -1, 3, -40, 500, -32767, 32767, 12345], size=shape)
    return np.asarray(values, np.int16)


# --- valid streams --------------------------------------------------------------------------------------------------


def valid_images(codec: ImageCodec) -> Iterator[tuple[str, bytes]]:
    yield "rgb", codec.encode(picture(37, 51, 3), quality=60)
    yield "rgb-quality-0", codec.encode(picture(37, 51, 3), quality=0)
    yield "rgb-quality-100", codec.encode(picture(37, 51, 3), quality=100)
    yield "grey", codec.encode(picture(20, 33, 1)[..., 0], quality=70)
    yield "grey-alpha", codec.encode(picture(9, 17, 2), quality=50)
    yield "rgb-alpha", codec.encode(picture(17, 9, 4), quality=50)
    yield "one-pixel", codec.encode(np.array([[[10, 200, 90]]], np.uint8), quality=50)
    yield "one-row", codec.encode(picture(1, 100, 3), quality=50)
    yield "flat", codec.encode(np.full((30, 40, 3), 128, np.uint8), quality=50)
    yield "tiles-level-major", codec.encode(picture(37, 51, 3), quality=60, tile=16)
    latents = codec.latents(codec.encode(picture(37, 51, 3), quality=60, tile=24))
    yield "tiles-tile-major", codec.encode_latents(replace(latents, header=replace(latents.header, order=0)))
    unknown = c.Metadata(77, b"what a later release may add")
    icc = c.Metadata(c.META_ICC, b"not a real profile")
    yield "metadata", codec.encode_latents(replace(latents, metadata=(icc, unknown)))
    bands = [extreme(band.shape, b) for b, band in enumerate(latents.bands)]
    yield "extreme-latents", codec.encode_latents(replace(latents, bands=bands))
    yield "steps-at-their-ends", codec.encode_latents(ImageLatents(replace(latents.header, step_code=255), bands))


def valid_signals(codec: SignalCodec) -> Iterator[tuple[str, bytes]]:
    one = np.rint(wave(1000, 1, 300)[:, 0] + 1024).astype(np.int16)
    yield "int16", codec.encode(one, rate=360, quality=60)
    yield "quality-0", codec.encode(one, rate=360, quality=0)
    yield "quality-100", codec.encode(one, rate=360, quality=100)
    yield "three-channels", codec.encode(np.rint(wave(700, 3, 500)).astype(np.int16), rate=Fraction(1000, 3), quality=60)
    yield "whole-blocks", codec.encode(one[:512], rate=360, quality=60, packet_blocks=16)
    yield "one-sample", codec.encode(one[:1], rate=360, quality=60)
    yield "constant", codec.encode(np.full(100, -7, np.int16), rate=1, quality=60)
    yield "uint8", codec.encode(np.rint(wave(300, 1, 60)[:, 0] + 128).astype(np.uint8), rate=8000, quality=60)
    yield "int32-shifted", codec.encode(np.rint(wave(300, 2, 2e8)).astype(np.int32), rate=10, quality=60)
    yield "float32", codec.encode(np.round(wave(300, 2, 1.5), 3).astype(np.float32), rate=100, quality=60, step=0.001)
    yield "float64-column", codec.encode(wave(300, 1, 1.5), rate=100, quality=60, step=0.002, columns=["x"], units=["m/s^2"])
    yield "int64", codec.encode(np.rint(wave(300, 1, 900)).astype(np.int64), quality=60)
    yield "many-packets", codec.encode(np.rint(wave(4400, 1, 300)[:, 0]).astype(np.int16), rate=360, quality=40, packet_blocks=1)
    latents = codec.latents(codec.encode(np.rint(wave(700, 3, 500)).astype(np.int16), rate=360, quality=60))
    yield "extreme-latents", codec.encode_latents(replace(latents, bands=[extreme(band.shape, b) for b, band in enumerate(latents.bands)]))
    yield "gains", codec.encode_latents(replace(latents, header=replace(latents.header, gains=(0, 17, 255))))
    own = codec._rate(None)
    yield "brief", codec.encode_latents(replace(latents, header=replace(latents.header, rows=0)))
    yield "brief-gains-own-rate", codec.encode_latents(replace(latents, header=replace(latents.header, rows=0, rate=own, shift=3, gains=(3, 0, 99))))
    column = codec.latents(codec.encode(wave(300, 1, 1.5), rate=100, quality=60, step=0.002, columns=["x"], units=["m/s^2"]))
    yield "brief-float64", codec.encode_latents(replace(column, header=replace(column.header, rows=0)))


def valid_matching(codec: SignalCodec) -> Iterator[tuple[str, bytes]]:
    beats = np.rint(wave(3000, 2, 300)).astype(np.int16)
    yield "beats", codec.encode(beats, rate=360, quality=60, packet_blocks=128)
    yield "quality-100", codec.encode(beats[:1500], rate=360, quality=100, packet_blocks=128)
    yield "quality-0", codec.encode(beats, rate=360, quality=0, packet_blocks=128)
    yield "many-packets", codec.encode(beats, rate=360, quality=60, packet_blocks=12)
    yield "chosen", codec.encode(beats[:, :1], rate=360, quality=60, packet_blocks=128, effort=2)
    latents = codec.latents(codec.encode(beats, rate=360, quality=60, packet_blocks=256))
    yield "extreme-latents", codec.encode_latents(replace(latents, bands=[extreme(band.shape, b) for b, band in enumerate(latents.bands)]))


# --- invalid streams ------------------------------------------------------------------------------------------------


def raw_packet(head: int, number: int, payload: bytes, length: bytes | None = None) -> bytes:
    """A packet whose CRC is right, whatever else is wrong."""
    checked = bytes([head, number]) + (c.varint(len(payload)) if length is None else length) + payload
    check = c.crc32c(checked).to_bytes(4, "little") if head & c.CRC32_BIT else c.crc16(checked).to_bytes(2, "little")
    return bytes([c.SYNC]) + checked + check


def raw_header(body: bytes, version: int = 1, length: bytes | None = None) -> bytes:
    """A header whose CRC is right, whatever else is wrong."""
    checked = bytes([version]) + (c.varint(len(body)) if length is None else length) + body
    return c.MAGIC + checked + c.crc16(checked).to_bytes(2, "little")


def parts(stream: bytes) -> tuple[bytes, list[bytes]]:
    """Header and packets of a stream."""
    _, position = c.read_header(stream)
    head, packets = stream[:position], []
    while position < len(stream):
        _, end = c.read_packet(stream, position)
        packets.append(stream[position:end])
        position = end
    return head, packets


def body(stream: bytes) -> bytes:
    """Body of a header shorter than 128 bytes."""
    return stream[6 : 6 + stream[5]]


def invalid_anything(good: bytes) -> Iterator[tuple[str, bytes, str]]:
    """What can be wrong with any stream: (name, bytes, what is wrong)."""
    head, packets = parts(good)
    tail = b"".join(packets)
    yield "empty", b"", "no bytes"
    yield "magic", b"\x89PNG" + good[4:], "another file's magic"
    yield "version-2", raw_header(body(good), version=2) + tail, "a later format version"
    yield "header-crc", good[:8] + bytes([good[8] ^ 1]) + good[9:], "a flipped bit in the header"
    yield "header-only", head, "nothing follows the header"
    yield "header-too-long", raw_header(body(good) + b"\0") + tail, "a byte too many in the header"
    yield "header-too-short", raw_header(body(good)[:-1]) + tail, "a byte too few in the header"
    longer = bytes([len(body(good)) | 128, 0])
    yield "header-length-not-shortest", raw_header(body(good), length=longer) + tail, "a varint that is not in shortest form"
    yield "modality", raw_header(b"\x03" + body(good)[1:]) + tail, "an unknown modality"
    yield "other-model", raw_header(body(good)[:1] + b"\x01\x02\x03\x04" + body(good)[5:]) + tail, "a model that nobody has"
    yield "sync", head + b"\xb4" + tail[1:], "a packet without its sync byte"
    yield "packet-crc", head + tail[:-1] + bytes([tail[-1] ^ 128]), "a flipped bit in a packet's CRC"
    yield "trailing-byte", good + b"\0", "a byte after the last packet"
    yield "trailing-packet", good + packets[0], "a packet after the last one"
    yield "reserved-bits", head + raw_packet(0x20, 0, b"") + tail, "reserved bits in a packet's head"
    yield "kind-2", head + raw_packet(c.INDEX, 0, b"") + tail, "an index packet"
    yield "crc-kind", head + raw_packet(c.CRC32_BIT, 0, b"abc") + tail, "CRC-32C on a short payload"
    yield "length-not-shortest", head + raw_packet(0, 0, b"abc", b"\x83\x00") + tail, "a packet length that is not in shortest form"
    yield "length-six-bytes", head + raw_packet(0, 0, b"", b"\x80\x80\x80\x80\x80\x01") + tail, "a varint of six bytes"
    yield "length-above-limit", head + raw_packet(0, 0, b"", c.varint(1 << 30)) + tail, "a packet that claims 2^30 bytes"
    yield "length-beyond-end", head + raw_packet(0, 0, b"", c.varint(1000)) + tail, "a packet that claims more than there is"
    yield "metadata-empty", head + raw_packet(c.METADATA, 0, b"") + tail, "metadata without a type"
    yield "metadata-number", head + raw_packet(c.METADATA, 1, b"\x4dx") + tail, "metadata with a number"
    yield "metadata-late", head + tail[: len(packets[0])] + raw_packet(c.METADATA, 0, b"\x4dx") + tail[len(packets[0]) :], "metadata among data"


def invalid_images(codec: ImageCodec) -> Iterator[tuple[str, bytes, str]]:
    good = codec.encode(picture(20, 33, 3), quality=60)
    yield from invalid_anything(good)
    head, packets = parts(good)
    header = c.read_header(good)[0]
    tail = b"".join(packets)

    def with_fields(**fields: Any) -> bytes:
        return c.write_header(replace(header, **fields)) + tail  # type: ignore[type-var]

    yield "width-0", with_fields(width=0), "no columns"
    yield "pixels-2-31", with_fields(width=65535, height=32769), "2^31 pixels"
    yield "side-65536", with_fields(width=65536, height=1), "a side above 65535"
    yield "width-2-32", raw_header(body(good)[:8] + b"\xff\xff\xff\xff\x0f\x01\x03\0\0\0"), "a width of 2^32 - 1"
    yield "pixels-2-28", with_fields(width=16384, height=16384), "more pixels than our decoder takes"
    yield "mode-5", with_fields(mode=5), "an unknown colour mode"
    yield "order-2", with_fields(order=2), "an unknown packet order"
    yield "larger-than-its-packets", with_fields(width=33, height=20, tile_width=1, tile_height=1), "fewer packets than tiles"
    yield "packet-missing", head + b"".join(packets[:-1]), "the last packet is missing"
    yield "packet-twice", head + packets[0] + tail, "a packet comes twice"
    yield "packets-swapped", head + packets[1] + packets[0] + b"".join(packets[2:]), "two packets are swapped"
    yield "short", head + raw_packet(c.SHORT_BIT, 0, b"\x01") + b"".join(packets[1:]), "a short packet in a picture"
    yield "end-packet", good + raw_packet(c.END, len(packets), b"\x01"), "an end packet in a picture"
    yield "alpha-missing", with_fields(mode=4), "no alpha plane in RGB + alpha"
    alpha = raw_packet(c.METADATA, 0, b"\x02" + zlib.compress(bytes(20 * 33)))
    yield "alpha-unexpected", head + alpha + tail, "an alpha plane in RGB"
    deep = c.write_header(replace(header, mode=4))  # type: ignore[type-var]
    yield "alpha-damaged", deep + raw_packet(c.METADATA, 0, b"\x02\x78\x9cgarbage") + tail, "an alpha plane that is no zlib stream"
    yield "alpha-bomb", deep + raw_packet(c.METADATA, 0, b"\x02" + zlib.compress(bytes(660000), 9)) + tail, "an alpha plane 1000 times too large"
    yield "alpha-short", deep + raw_packet(c.METADATA, 0, b"\x02" + zlib.compress(bytes(10))) + tail, "an alpha plane that is too small"
    yield "impossible-latent", _impossible(codec, head, packets, range(4)), "a payload whose escape has no end"


def invalid_signals(codec: SignalCodec) -> Iterator[tuple[str, bytes, str]]:
    good = codec.encode(np.rint(wave(700, 2, 300)).astype(np.int16), rate=360, quality=60, packet_blocks=16)
    yield from invalid_anything(good)
    head, packets = parts(good)
    header = c.read_header(good)[0]
    tail = b"".join(packets)

    def with_fields(**fields: Any) -> bytes:
        return c.write_header(replace(header, **fields)) + tail  # type: ignore[type-var]

    def ended(packet: bytes, total: int, count: int = 1) -> bytes:
        return head + packet + raw_packet(c.END, count, c.varint(total))

    yield "channels-0", with_fields(offsets=()), "no channels"
    yield "channels-257", with_fields(offsets=(0,) * 257), "too many channels"
    yield "channels-other", with_fields(offsets=(0,) * 3, sample_type=6), "float samples without steps"
    yield "sample-type-8", with_fields(sample_type=8), "an unknown sample type"
    yield "rows-0", with_fields(rows=0), "packets of no blocks"
    yield "rows-2-31", with_fields(rows=1 << 31), "packets of 2^35 samples"
    yield "shift-32", with_fields(shift=32), "a shift of 32 bits"
    yield "rate-by-0", raw_header(body(good).replace(c.varint(360) + b"\x01", c.varint(360) + b"\x00", 1)) + tail, "a rate with denominator 0"
    yield "end-missing", head + b"".join(packets[:-1]), "the end packet is missing"
    yield "end-total", head + b"".join(packets[:-1]) + raw_packet(c.END, len(packets) - 1, c.varint(701)), "the end packet says another length"
    yield "end-count", head + b"".join(packets[:-1]) + raw_packet(c.END, len(packets), c.varint(700)), "the end packet counts another number"
    yield "end-long", head + b"".join(packets[:-1]) + raw_packet(c.END, len(packets) - 1, c.varint(700) + b"\0"), "the end packet is too long"
    yield "packet-missing", head + packets[0] + b"".join(packets[2:]), "a packet is missing"
    yield "no-data", head + raw_packet(c.END, 0, b"\0"), "no samples at all"
    yield "short-first", head + raw_packet(c.SHORT_BIT, 0, b"\x10") + b"".join(packets[1:]), "a short packet that is not the last"
    yield "short-0", ended(raw_packet(c.SHORT_BIT, 0, b"\0"), 0), "a short packet of no samples"
    yield "short-257", ended(raw_packet(c.SHORT_BIT, 0, c.varint(257)), 257), "a short packet longer than a full one"
    yield "short-empty", ended(raw_packet(c.SHORT_BIT, 0, b""), 1), "a short packet without its length"
    for name, text, why in (
        ("json-damaged", b"{", "metadata that is no JSON"),
        ("json-list", b"[]", "metadata that is no object"),
        ("json-deep", b"[" * 100000, "metadata nested 100000 deep"),
        ("json-dtype", b'{"dtype":"object"}', "a dtype that is none of ours"),
    ):
        long = c.CRC32_BIT * (len(text) + 1 >= c.LONG_PAYLOAD)
        yield name, head + raw_packet(c.METADATA | long, 0, b"\x01" + text) + tail, why
    yield "json-twice", head + 2 * raw_packet(c.METADATA, 0, b"\x01{}") + tail, "two JSON packets"
    yield "step-negative", _with_step(head, header, tail, b'{"step":[1,-1]}'), "a negative step"
    yield "step-infinite", _with_step(head, header, tail, b'{"step":[1,Infinity]}'), "an infinite step"
    yield "impossible-latent", _impossible(codec, head, packets, range(2)), "a payload whose escape has no end"
    short = codec.encode(np.rint(wave(300, 1, 300)).astype(np.int16), rate=360, quality=40)
    latents = codec.latents(short)
    brief = codec.encode_latents(replace(latents, header=replace(latents.header, rows=0)))
    inside = brief[6 + (brief[5] > 127) : -2]
    yield "brief-followed", brief + b"\0", "a byte after a brief signal"
    yield "brief-damaged", brief[:-3] + bytes([brief[-3] ^ 1]) + brief[-2:], "a brief signal whose CRC does not match"
    yield "brief-long", raw_header(inside + bytes(c.MAX_BRIEF)), "a brief signal of more than 2047 bytes"
    yield "brief-sample-type-0", raw_header(inside[:8] + bytes([inside[8] & ~7]) + inside[9:]), "a brief signal of no sample type"
    yield "brief-no-samples", raw_header(inside[:9] + c.varint(360) + b"\1\1\0\0"), "a brief signal of no samples"
    with_json = inside[:8] + bytes([inside[8] | c.WITH_JSON]) + inside[9:13]
    yield "brief-json-beyond", raw_header(with_json + b"\x7f{}"), "metadata longer than a brief signal"
    yield "brief-cut", raw_header(inside[:12]), "a brief signal that ends in its fields"


def _with_step(head: bytes, header: Any, tail: bytes, text: bytes) -> bytes:
    return c.write_header(replace(header, sample_type=6)) + raw_packet(c.METADATA, 0, b"\x01" + text) + tail


def _impossible(codec: Codec, head: bytes, packets: list[bytes], data: range) -> bytes:
    """The stream with payloads of right CRC whose latents cannot be."""
    for top in range(0xFFFF, 0, -1):
        # The escape is the last value, so the code begins near its top; zeros after it are the escape's zero bits.
        payload = top.to_bytes(2, "big") + bytes(20)
        forged = [raw_packet(0, i, payload) if i in data else packet for i, packet in enumerate(packets)]
        stream = head + b"".join(forged)
        try:
            codec.latents(stream)
        except VaecodecError as error:
            if "escape" in str(error):
                return stream
    raise SystemExit("no impossible payload was found")


# --- files ----------------------------------------------------------------------------------------------------------


def write_valid(folder: Path, codec: Codec, name: str, stream: bytes) -> None:
    latents: ImageLatents | SignalLatents = codec.latents(stream)
    (folder / f"{name}.vae").write_bytes(stream)
    (folder / f"{name}.z").write_bytes(b"".join(band.astype("<i2").tobytes() for band in latents.bands))
    np.savez_compressed(folder / f"{name}.npz", recon=codec.decode_latents(latents))  # type: ignore[arg-type]


def error_of(codec: Codec, stream: bytes) -> str:
    try:
        codec.decode(stream)
    except VaecodecError as error:
        return type(error).__name__
    raise SystemExit("a stream that should be invalid decodes")


def main(release: str) -> None:
    root = Path(release)
    cases: dict[str, Any] = {"valid": {}, "invalid": {}}
    image = ImageCodec(Bundle.open(root / "tiny-image.vaemodel"))
    signal, matching = (SignalCodec(Bundle.open(root / f"tiny-{kind}.vaemodel")) for kind in ("signal", "matching"))
    for kind, codec, valid, invalid in (
        ("image", image, valid_images(image), invalid_images(image)),
        ("signal", signal, valid_signals(signal), invalid_signals(signal)),
        ("matching", matching, valid_matching(matching), ()),
    ):
        for sort in ("valid", "invalid"):
            (root / sort).mkdir(parents=True, exist_ok=True)
        for name, stream in valid:
            write_valid(root / "valid", codec, f"{kind}-{name}", stream)
            cases["valid"][f"{kind}-{name}"] = {"bundle": f"tiny-{kind}.vaemodel"}
        for name, stream, why in invalid:
            (root / "invalid" / f"{kind}-{name}.vae").write_bytes(stream)
            cases["invalid"][f"{kind}-{name}"] = {"bundle": f"tiny-{kind}.vaemodel", "error": error_of(codec, stream), "why": why}
    (root / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    print(len(cases["valid"]), "valid,", len(cases["invalid"]), "invalid streams")


if __name__ == "__main__":
    main(*sys.argv[1:])
