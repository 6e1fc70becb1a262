"""What an effort buys: fewer bytes at equal error, on a photo and an ECG that packages ship."""

from __future__ import annotations

import numpy as np
from common import prdn, psnr

from vaecodec import demo_data
from vaecodec.benchmarks.bdrate import bd_rate
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.signal import SignalCodec


def test_a_higher_effort_takes_fewer_bytes_for_the_same_error_of_a_picture() -> None:
    codec, pixels = ImageCodec(Bundle.open("photo")), np.ascontiguousarray(demo_data.photo()[50:306, 100:356])

    def curve(effort: int) -> list[tuple[float, float]]:
        streams = [codec.encode(pixels, quality=quality, effort=effort) for quality in (25, 40, 55, 70, 85)]
        return [(8 * len(stream) / pixels[..., 0].size, psnr(pixels, codec.decode(stream))) for stream in streams]

    plain, chosen, refined, again = (curve(effort) for effort in (1, 2, 3, 5))
    assert bd_rate(plain, chosen) < -0.4
    assert bd_rate(chosen, refined) < -1
    assert bd_rate(refined, again) < 0


def test_a_higher_effort_takes_fewer_bytes_for_the_same_error_of_a_signal() -> None:
    codec, samples = SignalCodec(Bundle.open("ecg")), demo_data.ecg()[0][:20000]

    def curve(effort: int) -> list[tuple[float, float]]:
        streams = [codec.encode(samples, quality=quality, effort=effort) for quality in (30, 45, 60, 75)]
        return [(8 * len(s) / len(samples), -20 * np.log10(prdn(samples, codec.decode(s)))) for s in streams]

    plain, chosen, refined = curve(1), curve(2), curve(4)
    assert bd_rate(plain, chosen, (0.01, 10)) < -0.4
    assert bd_rate(chosen, refined, (0.01, 10)) < -0.2
