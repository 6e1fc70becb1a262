import numpy as np
import pytest

from vaecodec.benchmarks import dct_peer, dead_zone, wavelet_peer
from vaecodec.benchmarks.adaptive import ideal_bits
from vaecodec.benchmarks.dct_peer import CosineSetting
from vaecodec.benchmarks.distortion import prdn, psnr
from vaecodec.benchmarks.image_peers import ImagePeer, image_peers
from vaecodec.benchmarks.signal_peers import FlacPeer, SignalPeer, signal_peers
from vaecodec.benchmarks.wavelet_peer import WaveletSetting

IMAGE_PEERS = image_peers()
SIGNAL_PEERS = signal_peers()


def picture() -> np.ndarray:
    y, x = np.mgrid[:96, :128]
    noise = np.random.default_rng(0).normal(0, 6, (96, 128, 3))
    return (128 + 60 * np.sin(x / 9 + y / 17)[..., None] + noise).clip(0, 255).astype(np.uint8)


def heartbeat(count: int = 6000) -> np.ndarray:
    t = np.arange(count) / 360
    random = np.random.default_rng(0)
    return np.rint(1000 + 300 * np.exp(-(((t % 0.8) - 0.3) ** 2) / 0.001) + 40 * np.sin(t) + random.normal(0, 4, count)).astype(np.int64)


def test_all_peers_of_the_protocol_are_here() -> None:
    assert [peer.name for peer in IMAGE_PEERS] == ["JPEG", "WebP", "JPEG 2000", "AVIF", "JPEG XL"]
    assert [peer.name for peer in SIGNAL_PEERS] == ["DWT", "DCT", "SZ3"]


@pytest.mark.parametrize("peer", IMAGE_PEERS, ids=lambda peer: peer.name)
def test_settings_go_from_coarse_to_fine(peer: ImagePeer) -> None:
    pixels = picture()
    files = [peer.encode(pixels, value) for value in (peer.values[0], peer.values[-1])]
    coarse, fine = (psnr(pixels, peer.decode(data)) for data in files)
    assert len(files[0]) < len(files[1])
    assert coarse < fine


@pytest.mark.parametrize("target", [2.0, 9.0])
@pytest.mark.parametrize("peer", SIGNAL_PEERS, ids=lambda peer: peer.name)
def test_a_signal_peer_reaches_its_target(peer: SignalPeer, target: float) -> None:
    samples = heartbeat()
    decoded = peer.decode(peer.encode(samples, peer.tune(samples, target)), len(samples))
    assert 0.98 * target <= prdn(samples, decoded) <= target


@pytest.mark.parametrize("count", [1, 2, 127, 128, 1001])
def test_wavelet_files_hold_signals_of_any_length(count: int) -> None:
    samples = heartbeat(count)
    decoded = wavelet_peer.decode(wavelet_peer.encode(samples, WaveletSetting(0.25, 0.5, True)))
    assert np.abs(decoded - samples).max() <= 1


def test_wavelet_files_are_next_to_their_ideal() -> None:
    samples = heartbeat(200_000)
    setting = WaveletSetting(10.0, 0.2, True)
    scaled = wavelet_peer._scaled(wavelet_peer._analyse(samples, round(samples.mean())), setting.step, setting.weighted)
    ideal = sum(ideal_bits(band) for band in dead_zone.quantise(scaled, setting.rounding)) / 8
    assert len(wavelet_peer.encode(samples, setting)) <= 1.03 * ideal + 100


@pytest.mark.parametrize("log_size", dct_peer.LOG_SIZES)
@pytest.mark.parametrize("count", [1, 127, 128, 1001])
def test_cosine_files_hold_signals_of_any_length(count: int, log_size: int) -> None:
    samples = heartbeat(count)
    decoded = dct_peer.decode(dct_peer.encode(samples, CosineSetting(0.25, 0.5, log_size)))
    assert np.abs(decoded - samples).max() <= 1


def test_cosine_files_are_next_to_their_ideal() -> None:
    samples = heartbeat(200_000)
    setting = CosineSetting(10.0, 0.2, 7)
    scaled = [band / setting.step for band in dct_peer._analyse(samples, round(samples.mean()), setting.log_size)]
    ideal = sum(ideal_bits(band) for band in dead_zone.quantise(scaled, setting.rounding)) / 8
    assert len(dct_peer.encode(samples, setting)) <= 1.03 * ideal + 100


def test_flac_is_exact() -> None:
    samples = heartbeat()
    np.testing.assert_array_equal(FlacPeer().decode(FlacPeer().encode(samples)), samples)
