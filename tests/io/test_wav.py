"""WAV files."""

from __future__ import annotations

import io
import struct
import wave
from fractions import Fraction

import numpy as np
import pytest
from common import beats

from vaecodec.codec.errors import FormatError, InputError, UnsupportedError
from vaecodec.io import wav
from vaecodec.io.recording import Recording

RATE = Fraction(8000)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_and_rate_come_back(dtype: str, channels: int) -> None:
    samples = (beats(101, channels, 60) + 64).astype(dtype)
    again = wav.read(wav.write(Recording(samples, RATE)))
    assert again.samples.dtype == samples.dtype
    assert np.array_equal(again.samples, samples)
    assert again.rate == RATE


def test_24_bits_come_back_as_24_bits() -> None:
    samples = np.array([[-(1 << 23), 5], [(1 << 23) - 1, -1], [0, 77]], np.int32)
    recording = Recording(samples, RATE, extra={"wav": {"bits": 24}})
    data = wav.write(recording)
    assert len(data) == 44 + 18
    again = wav.read(data)
    assert np.array_equal(again.samples, samples)
    assert again.extra == recording.extra


def test_the_standard_library_agrees() -> None:
    samples = beats(50, 2).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((2, 2, 8000, 50, "NONE", ""))
        file.writeframes(samples.tobytes())
    assert out.getvalue() == wav.write(Recording(samples.astype(np.int16), RATE))
    assert np.array_equal(wav.read(out.getvalue()).samples, samples)


def test_extra_chunks_and_the_extensible_form_are_read() -> None:
    form = struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 16000, 2, 16) + struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
    body = b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", 4) + b"\x01\x00\xff\xff"
    assert wav.read(b"RIFF" + struct.pack("<I", len(body)) + body).samples.tolist() == [1, -1]


def test_compressed_audio_is_refused() -> None:
    form = struct.pack("<HHIIHH", 6, 1, 8000, 8000, 1, 8)
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", 2) + b"ab"
    with pytest.raises(UnsupportedError, match="format 6"):
        wav.read(b"RIFF" + struct.pack("<I", len(body)) + body)


def test_truncation_is_an_error() -> None:
    data = wav.write(Recording(beats(50).astype(np.int16), RATE))
    for length in range(len(data)):
        with pytest.raises(FormatError):
            wav.read(data[:length])


def test_a_recording_that_was_cut_off_is_read_up_to_its_end_in_whole_frames() -> None:
    data = bytearray(wav.write(Recording(np.arange(8, dtype=np.int16).reshape(4, 2), RATE)))
    data[40:44] = b"\xff\xff\xff\xff"
    assert wav.read(bytes(data)).samples.shape == (4, 2)
    with pytest.raises(FormatError, match="frame"):
        wav.read(bytes(data[:-2]))


def test_a_signal_without_rate_cannot_be_written() -> None:
    with pytest.raises(InputError, match="rate"):
        wav.write(Recording(np.zeros(3, np.int16)))
