"""The synthesis in blocks equals the synthesis in one piece, and undoes the analysis at the borders too."""

from __future__ import annotations

import numpy as np
import pytest
from common import beats, image_codec, picture, prdn, psnr, signal_codec

from vaecodec.codec import synthesis


@pytest.mark.parametrize("block", [1, 5, 16, 1000])
def test_blocks_of_a_picture_leave_no_seams(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    latents = image_codec().latents(image_codec().encode(picture(50, 70), quality=50))
    whole = image_codec().decode_latents(latents)
    monkeypatch.setattr(synthesis, "IMAGE_BLOCK", block)
    pieces = image_codec().decode_latents(latents)
    assert np.abs(whole.astype(int) - pieces).max() <= 1


@pytest.mark.parametrize("block", [3, 64])
def test_blocks_of_a_signal_leave_no_seams(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    latents = signal_codec().latents(signal_codec().encode(np.rint(beats(1000)).astype(np.int16), quality=50))
    whole = signal_codec().decode_latents(latents)
    monkeypatch.setattr(synthesis, "SIGNAL_BLOCK", block)
    assert np.abs(whole.astype(int) - signal_codec().decode_latents(latents)).max() <= 1


@pytest.mark.parametrize("length", [1, 2, 3, 16, 17, 100])
def test_borders_of_a_signal_are_as_good_as_its_middle(length: int) -> None:
    samples = np.rint(beats(length) + 500).astype(np.int16)
    decoded = signal_codec().decode(signal_codec().encode(samples, quality=100))
    assert np.abs(samples.astype(int) - decoded).max() <= 4


def test_borders_of_a_picture_are_as_good_as_its_middle() -> None:
    pixels = picture(61, 83)
    decoded = image_codec().decode(image_codec().encode(pixels, quality=100))
    border = np.ones(pixels.shape[:2], bool)
    border[4:-4, 4:-4] = False
    assert psnr(pixels[border], decoded[border]) > psnr(pixels[~border], decoded[~border]) - 3


@pytest.mark.parametrize("high", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 8])
def test_bands_continue_as_those_of_the_mirrored_signal(high: bool, length: int) -> None:
    # The signal x of 2 length samples continues by x[-k] = x[k], x[n-1+k] = x[n-1-k]; bands are its even and odd samples.
    signal = np.arange(2 * length)
    period = max(1, 4 * length - 2)
    long = np.array([min(i % period, period - i % period) for i in range(-40, 41)])
    assert set(long) == set(signal)
    start, stop = -15, 15
    index = synthesis._mirror(start, stop, length, high)
    assert isinstance(index, np.ndarray)
    expected = long[40 + 2 * start + high : 40 + 2 * stop + high : 2]
    assert np.array_equal(2 * index + high, expected)


def test_spans_cover_the_band_with_one_size() -> None:
    for length in range(1, 40):
        for most in (1, 3, 7, 100):
            spans = list(synthesis._spans(5, length, most))
            assert {size for _, size in spans} == {spans[0][1]}
            assert spans[0][1] <= most
            assert set().union(*(range(start, start + size) for start, size in spans)) == set(range(5, 5 + length))


def test_decoding_twice_gives_the_same() -> None:
    samples = beats(500, 2)
    stream = signal_codec().encode(samples, quality=70)
    assert np.array_equal(signal_codec().decode(stream), signal_codec().decode(stream))
    assert prdn(samples, signal_codec().decode(stream)) < 5
