"""Signal codecs to compare with; real bytes, one thread, tuned per file."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vaecodec.benchmarks.distortion import prdn
from vaecodec.benchmarks.search import coarsest_step

__all__ = ["CosinePeer", "FlacPeer", "SignalPeer", "SzPeer", "WaveletPeer", "signal_peers"]

Samples = NDArray[np.int64]


class SignalPeer(Protocol):
    """A codec that can aim at an error."""

    name: str

    def tune(self, samples: Samples, target: float) -> Any:
        """The cheapest setting whose PRDN is at most `target` per cent."""

    def encode(self, samples: Samples, setting: Any) -> bytes:
        """Integer samples `[N]` to a complete file."""

    def decode(self, data: bytes, count: int) -> Samples:
        """The file's samples as integers."""


class WaveletPeer:
    """See wavelet_peer.py. Its coder is Python: its speed says nothing."""

    name = "DWT"

    def __init__(self) -> None:
        from vaecodec.benchmarks import wavelet_peer

        self.tune = wavelet_peer.tune
        self.encode = wavelet_peer.encode
        self._decode = wavelet_peer.decode

    def decode(self, data: bytes, count: int) -> Samples:
        """The file's samples as integers."""
        return self._decode(data)


class CosinePeer:
    """See dct_peer.py. Its coder is Python: its speed says nothing."""

    name = "DCT"

    def __init__(self) -> None:
        from vaecodec.benchmarks import dct_peer

        self.tune = dct_peer.tune
        self.encode = dct_peer.encode
        self._decode = dct_peer.decode

    def decode(self, data: bytes, count: int) -> Samples:
        """The file's samples as integers."""
        return self._decode(data)


@dataclass(frozen=True)
class SzSetting:
    """Largest error of a sample, in units of the samples, and the name of the predictor."""

    bound: float
    algorithm: str


class SzPeer:
    """SZ3, error-bounded (Liang et al. 2023): absolute bound by bisection, the best of its predictors per file."""

    name = "SZ3"
    ALGORITHMS = ("INTERP_LORENZO", "INTERP", "LORENZO_REG")

    def tune(self, samples: Samples, target: float) -> SzSetting:
        """The setting with the fewest bytes."""
        return min((self._reach(samples, target, name) for name in self.ALGORITHMS), key=lambda s: len(self.encode(samples, s)))

    def encode(self, samples: Samples, setting: SzSetting) -> bytes:
        """Integer samples `[N]` to SZ3's bytes, from float32, which it takes better than integers."""
        from pysz import sz, szAlgorithm, szConfig, szErrorBoundMode

        config = szConfig((len(samples),))
        config.errorBoundMode = szErrorBoundMode.ABS
        config.absErrorBound = setting.bound
        config.cmprAlgo = getattr(szAlgorithm, setting.algorithm)
        compressed, _ = sz.compress(samples.astype(np.float32), config)
        return bytes(compressed)

    def decode(self, data: bytes, count: int) -> Samples:
        """The samples, rounded to integers."""
        from pysz import sz

        values, _ = sz.decompress(np.frombuffer(data, np.uint8).copy(), np.float32, (count,))
        decoded: Samples = np.rint(values).astype(np.int64)
        return decoded

    def _reach(self, samples: Samples, target: float, algorithm: str) -> SzSetting:
        def error(bound: float) -> float:
            return prdn(samples, self.decode(self.encode(samples, SzSetting(bound, algorithm)), len(samples)))

        return SzSetting(coarsest_step(error, target, target / 50 * float(samples.std())), algorithm)


class FlacPeer:
    """FLAC at its highest level: the lossless yardstick, 16-bit samples."""

    name = "FLAC"

    def encode(self, samples: Samples) -> bytes:
        """Integer samples `[N]` within 16 bits to a complete file."""
        import soundfile

        out = io.BytesIO()
        soundfile.write(out, samples.astype(np.int16), 8000, format="FLAC", subtype="PCM_16", compression_level=1.0)
        return out.getvalue()

    def decode(self, data: bytes) -> Samples:
        """The samples, exactly."""
        import soundfile

        values, _ = soundfile.read(io.BytesIO(data), dtype="int16")
        decoded: Samples = values.astype(np.int64)
        return decoded


def signal_peers() -> list[SignalPeer]:
    """The lossy peers whose packages are installed."""
    peers: list[SignalPeer] = []
    makers: tuple[tuple[str, Callable[[], SignalPeer]], ...] = (("pywt", WaveletPeer), ("numpy", CosinePeer), ("pysz", SzPeer))
    for module, make in makers:
        try:
            __import__(module)
        except ImportError:
            continue
        peers.append(make())
    return peers
