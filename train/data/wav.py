"""Reads PCM WAV files."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from vaecodec.codec.errors import InputError
from vaecodec.train.data.recording import Recording, plain


def read_wav(path: Path) -> Recording:
    """Reads 8, 16, 24 or 32 bit PCM as int32 [N, channels]; 8-bit samples, unsigned in the file, are centred on 0.

    Raises:
        InputError: if the file is no PCM WAV.
    """
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise InputError(f"Expected a PCM WAV file. Received: {path} ({error})") from error
    raw = raw[: len(raw) // (width * channels) * width * channels]
    return plain(_integers(raw, width).reshape(-1, channels), rate=float(rate))


def _integers(raw: bytes, width: int) -> np.ndarray:
    if width == 1:
        return np.frombuffer(raw, np.uint8).astype(np.int32) - 128
    if width == 3:
        padded = np.zeros([len(raw) // 3, 4], np.uint8)
        padded[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return padded.view("<i4")[:, 0] >> 8
    return np.frombuffer(raw, f"<i{width}").astype(np.int32)
