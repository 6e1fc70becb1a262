"""Functions that take any bytes and may raise nothing but errors of ours. Used by atheris and by the mutation test."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from common import IMAGE_BUNDLE, RELEASE, SIGNAL_BUNDLE, image_codec, sensing_codec, signal_codec

from vaecodec.codec import container
from vaecodec.codec.bounded import BoundedCodec
from vaecodec.codec.bundle import Bundle, pack
from vaecodec.codec.errors import VaecodecError
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.native import SymbolModel
from vaecodec.codec.sensing import SensingCodec
from vaecodec.codec.sensing_model import SenseModel
from vaecodec.codec.signal import SignalCodec
from vaecodec.codec.stream_decoder import Decoder
from vaecodec.codec.stream_encoder import Encoder
from vaecodec.codec.stream_syntax import StreamHeader, StreamPacket, read_sync, write_packet, write_sync
from vaecodec.io import arrays, csv_files, images, wav, wfdb
from vaecodec.io.files import write
from vaecodec.io.streams import content

Target = Callable[[bytes], None]

# Small, so that one input cannot take long.
PIXELS = 1 << 12
IMAGE = ImageCodec(image_codec().bundle, max_pixels=PIXELS)
SIGNAL = SignalCodec(signal_codec().bundle, max_samples=PIXELS)
SENSING = SensingCodec(sensing_codec().bundle, max_samples=PIXELS)
BOUNDED = BoundedCodec(max_samples=PIXELS)


def picture_stream(data: bytes) -> None:
    """A picture's file; what decodes is encoded to the same bytes again if its payloads are the encoder's."""
    latents = IMAGE.latents(data)
    IMAGE.encode_latents(latents)
    IMAGE.decode_latents(latents)


def signal_stream(data: bytes) -> None:
    """A signal's file."""
    latents = SIGNAL.latents(data)
    SIGNAL.encode_latents(latents)
    with warnings.catch_warnings():
        # Float samples may come out infinite where the stream says so.
        warnings.simplefilter("ignore", RuntimeWarning)
        SIGNAL.decode_latents(latents)


def picture_payload(data: bytes) -> None:
    """Range-coded bytes in a picture whose framing is right."""
    header = container.ImageHeader(IMAGE.bundle.model_id, IMAGE.bundle.synthesis_id, data[0] if data else 0, 17, 12, 3)
    quarter = len(data) // 4
    packets = [container.Packet(container.DATA, i, data[i * quarter : (i + 1) * quarter]) for i in range(4)]
    picture_stream(container.write_file(container.File(header, tuple(packets))))


def signal_payload(data: bytes) -> None:
    """Range-coded bytes in a signal whose framing is right."""
    header = container.SignalHeader(SIGNAL.bundle.model_id, SIGNAL.bundle.synthesis_id, data[0] if data else 0, Fraction(1), 3, 8, 0, (0, 5))
    packets = (container.Packet(container.DATA, 0, data),)
    signal_stream(container.write_file(container.File(header, packets, (), 128)))


def sensed_stream(data: bytes) -> None:
    """A sensed signal's file."""
    latents = SENSING.latents(data)
    SENSING.encode_latents(latents)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        SENSING.decode_latents(latents)


def sensed_symbols(data: bytes) -> None:
    """A model of compressed sensing; what loads measures, and decodes what it encodes."""
    model = SenseModel(data)
    t = model.codes // 2
    z = model.measure(np.arange(2 * model.window, dtype=np.int16)[:, None], t)
    assert np.array_equal(model.decode(model.encode(z, t), t, *z.shape[:2]), z)


def bounded_stream(data: bytes) -> None:
    """A file of a signal of bounded error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        BOUNDED.decode(data)


def bounded_payload(data: bytes) -> None:
    """Range-coded bytes in a signal of bounded error whose framing is right."""
    header = container.BoundedHeader(data[0] if data else 0, 2, Fraction(1), 3, 128)
    packets = (container.Packet(container.DATA, 0, data[1:]),)
    bounded_stream(container.write_file(container.File(header, packets, (), 128)))


def live_stream(data: bytes) -> None:
    """A stream as it comes, from any place on; what it claims is not decoded to the end."""
    decoder = Decoder(SIGNAL.bundle)
    taken = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for at in range(0, len(data), 100):
            for chunk in decoder.chunks(data[at : at + 100]):
                taken += chunk.samples.size
                if taken > PIXELS:
                    return
        decoder.flush()


def live_payload(data: bytes) -> None:
    """Range-coded bytes in a key packet and a delta packet whose framing is right."""
    header = StreamHeader(SIGNAL.bundle.model_id, SIGNAL.bundle.synthesis_id, data[0] if data else 0, Fraction(100), 3, 2, 3, 0, (0, 5))
    half = len(data) // 2
    packets = [StreamPacket(container.DATA, i, part, i > 0) for i, part in enumerate((data[:half], data[half:]))]
    live_stream(write_sync(header, 0) + b"".join(write_packet(packet, header) for packet in packets))


def live_sync(data: bytes) -> None:
    """The payload of a sync packet whose framing is right, and packets of that stream."""
    header, number = read_sync(data)
    if header.rows * header.group * header.channels > 64:
        return
    packets = [StreamPacket(container.DATA, number + i, bytes(i), i % 2 > 0, step_code=7 * i) for i in range(4)]
    end = StreamPacket(container.END, number + 4, data[:1])
    live_stream(write_sync(header, number) + b"".join(write_packet(packet, header) for packet in [*packets, end]))


def signal_metadata(data: bytes) -> None:
    """JSON of a float signal whose framing is right."""
    header = container.SignalHeader(SIGNAL.bundle.model_id, SIGNAL.bundle.synthesis_id, 100, Fraction(1), 7, 8, 0, (0,))
    facts = (container.Metadata(container.META_JSON, data),)
    signal_stream(container.write_file(container.File(header, (container.Packet(container.DATA, 0, b""),), facts, 128)))


def written_metadata(data: bytes) -> None:
    """JSON of a signal that is then written in every format."""
    header = container.SignalHeader(SIGNAL.bundle.model_id, SIGNAL.bundle.synthesis_id, 100, Fraction(8), 3, 8, 0, (0, 5))
    facts = (container.Metadata(container.META_JSON, data),)
    stream = container.write_file(container.File(header, (container.Packet(container.DATA, 0, b""),), facts, 128))
    recording = content(SIGNAL, stream)
    for suffix in (".hea", ".csv", ".wav", ".npy", ".raw"):
        with contextlib.suppress(VaecodecError):
            write(recording, suffix, "x")


def symbols(data: bytes) -> None:
    """symbols.bin of a bundle whose hashes are right: refused, or it codes."""
    model = SymbolModel(data)
    members = {"symbols.bin": data, "decoder.tflite": b""}
    manifest = {"name": "fuzz", "modality": "image" if model.rank == 2 else "signal", "halo": 0}
    bundle = Bundle(pack(manifest, members))
    if model.rank == 2:
        codec = ImageCodec(bundle, max_pixels=PIXELS)
        codec.latents(codec.encode(np.zeros((5, 7), np.uint8), quality=50))
    else:
        signal_codec = SignalCodec(bundle, max_samples=PIXELS)
        signal_codec.latents(signal_codec.encode(np.arange(9), quality=50))


def bundle(data: bytes) -> None:
    """A whole bundle; the interpreter is left out, as its hash would have to be right."""
    found = Bundle(data)
    found.member("decoder.tflite")
    symbols(found.member("symbols.bin"))


def read_csv(data: bytes) -> None:
    """A CSV file; what is read is written and read again."""
    csv_files.read(csv_files.write(csv_files.read(data)))


def read_wav(data: bytes) -> None:
    """A WAV file."""
    wav.read(data)


def read_wfdb(data: bytes) -> None:
    """A WFDB header, a zero byte, and samples."""
    header, _, samples = data.partition(b"\0")
    wfdb.read(header, lambda _: samples)


def read_npy(data: bytes) -> None:
    """A .npy file."""
    arrays.load_npy(data)


def read_picture(data: bytes) -> None:
    """A picture file."""
    images.read(data, max_pixels=PIXELS)


def _streams(kind: str) -> list[bytes]:
    names = [name for sort in ("valid", "invalid") for name in json.loads((RELEASE / "cases.json").read_text())[sort] if name.startswith(kind)]
    found = [path for name in names for path in RELEASE.glob(f"*/{name}.vae")]
    return [path.read_bytes() for path in sorted(found)]


def _payloads(kind: str) -> list[bytes]:
    good = [container.read_file(path.read_bytes()) for path in sorted(RELEASE.glob(f"valid/{kind}-*.vae"))]
    return [packet.payload for file in good for packet in file.packets[:4]]


def _live_streams() -> list[bytes]:
    from common import beats

    found = []
    for options in ({}, {"key": 1.0}, {"bitrate": 300, "key": 2.0}):
        encoder = Encoder(SIGNAL.bundle, rate=100, packet=0.3, sync=2, **options)
        found.append(b"".join([*encoder.feed(np.rint(beats(500, 2)).astype(np.int16)), *encoder.flush()]))
    return found


def _bounded_streams() -> list[bytes]:
    from common import beats

    waves = np.rint(beats(128, 2))
    return [BOUNDED.encode(waves.astype(np.int16)), BOUNDED.encode(waves, max_error=2, packet_samples=50), BOUNDED.encode(np.arange(9) << 26)]


def _sensed_streams() -> list[bytes]:
    return [path.read_bytes() for path in sorted((RELEASE / "sensed").glob("*.vae"))]


def _picture_files() -> list[bytes]:
    from common import picture

    from vaecodec.io.recording import Picture

    return [images.write(Picture(picture(8, 9)), suffix) for suffix in (".png", ".jpg", ".webp", ".tif", ".bmp")]


CSV = b"time,a,label\n0.0,1.5,x\n0.1,-2.5,x\n0.2,7.25,y\n0.3,0.5,y\n"
WAV = wav.write(wav.Recording(np.arange(20, dtype=np.int16).reshape(10, 2), Fraction(8000)))
WRITTEN = (
    b'{"columns":["a","b"],"units":["mV","g"],"step":[1,2],"wav":{"bits":24},"wfdb":{"format":"212","gain":[200.0,5],"baseline":[1024,0],'
    b'"bits":[11,11],"zero":[1,2],"start":"12:00","comments":["x"]},"csv":{"sep":";","header":0,"places":[2,3],"time":{"at":0,"name":"t",'
    b'"start":0.5,"step":0.1,"places":1},"text":[{"at":1,"name":"l","runs":[["x",3],["y",1]]}]}}'
)
WFDB = b"100 2 360 4\n100.dat 212 200(5)/mV 11 1024 995 -22131 0 MLII\n100.dat 212 200 11 1024 1 2 0 V5\n#c\n\0" + bytes(range(12))

# Name -> target, seeds.
TARGETS: dict[str, tuple[Target, Callable[[], list[bytes]]]] = {
    "picture_stream": (picture_stream, lambda: _streams("image")),
    "signal_stream": (signal_stream, lambda: _streams("signal")),
    "picture_payload": (picture_payload, lambda: _payloads("image")),
    "signal_payload": (signal_payload, lambda: _payloads("signal")),
    "sensed_stream": (sensed_stream, _sensed_streams),
    "sensed_symbols": (sensed_symbols, lambda: [SENSING.bundle.sensing.blob]),
    "bounded_stream": (bounded_stream, _bounded_streams),
    "bounded_payload": (bounded_payload, lambda: [b"\0" + packet.payload for s in _bounded_streams() for packet in container.read_file(s).packets]),
    "live_stream": (live_stream, _live_streams),
    "live_sync": (live_sync, lambda: [stream[4 : 4 + stream[3]] for stream in _live_streams()]),
    "live_payload": (live_payload, lambda: [bytes(range(40)), b"", b"\0" * 9]),
    "signal_metadata": (signal_metadata, lambda: [b'{"step":[0.5],"ndim":2,"dtype":"float16","csv":{"time":{"at":0}}}', b"{}"]),
    "written_metadata": (written_metadata, lambda: [WRITTEN, WRITTEN.replace(b"212", b"16"), b"{}"]),
    "symbols": (symbols, lambda: [Bundle.open(path).member("symbols.bin") for path in (IMAGE_BUNDLE, SIGNAL_BUNDLE)]),
    "bundle": (bundle, lambda: [IMAGE_BUNDLE.read_bytes(), SIGNAL_BUNDLE.read_bytes()]),
    "read_csv": (read_csv, lambda: [CSV, CSV.replace(b",", b";"), b"1\n2\n3\n"]),
    "read_wav": (read_wav, lambda: [WAV]),
    "read_wfdb": (read_wfdb, lambda: [WFDB]),
    "read_npy": (read_npy, lambda: [arrays.save_npy(np.arange(6).reshape(2, 3))]),
    "read_picture": (read_picture, _picture_files),
}


def one_input(name: str) -> Target:
    """The target as a fuzzer calls it: errors of ours are an answer, everything else is a finding."""
    target = TARGETS[name][0]

    def run(data: bytes) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                target(data)
        except VaecodecError as error:
            if "\n" in str(error):
                raise AssertionError("an error is one line") from error

    return run
