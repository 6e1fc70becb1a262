"""Bundles: found by name, read lazily, checked by hash."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from common import IMAGE_BUNDLE, SIGNAL_BUNDLE, beats, flip, image_codec, picture
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecodec.codec import golden
from vaecodec.codec.bundle import MEMBERS, Bundle, pack
from vaecodec.codec.errors import ModelError, VaecodecError
from vaecodec.codec.image import ImageCodec
from vaecodec.codec.signal import SignalCodec

GOOD = IMAGE_BUNDLE.read_bytes()


def members(data: bytes = GOOD) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(blobs: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, blob in blobs.items():
            archive.writestr(name, blob)
    return out.getvalue()


def with_manifest(**changes: object) -> bytes:
    blobs = members()
    manifest = {**json.loads(blobs["manifest.json"]), **changes}
    return zipped({**blobs, "manifest.json": json.dumps(manifest).encode()})


def with_golden() -> Bundle:
    blobs = members()
    manifest = json.loads(blobs.pop("manifest.json"))
    vectors = golden.build(Bundle(GOOD), [picture(9, 14), picture(8, 8, 1)], [30, 90])
    return Bundle(pack(manifest, {**blobs, "golden.npz": vectors}))


def test_packing_is_repeatable_and_keeps_the_order() -> None:
    blobs = members()
    manifest = json.loads(blobs.pop("manifest.json"))
    assert pack(manifest, blobs) == pack(manifest, dict(reversed(blobs.items())))
    assert list(members(pack(manifest, blobs))) == [name for name in MEMBERS if name in blobs or name == "manifest.json"]


def test_a_bundle_opens_by_path_and_verifies() -> None:
    for path in (IMAGE_BUNDLE, str(SIGNAL_BUNDLE)):
        Bundle.open(path).verify()


def test_models_are_found_by_name_in_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.vaemodel").write_bytes(GOOD)
    monkeypatch.setenv("VAECODEC_MODELS", str(tmp_path))
    assert Bundle.open("mine").model_id == image_codec().bundle.model_id
    assert Bundle.find(image_codec().bundle.model_id).name == "tiny-image"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match="photo"):
        Bundle.open("nobody")


def test_an_unknown_id_is_named() -> None:
    with pytest.raises(ModelError, match="0000002a"):
        Bundle.find(42)


def test_a_codec_of_the_other_modality_is_refused() -> None:
    with pytest.raises(ModelError):
        SignalCodec(Bundle(GOOD))
    with pytest.raises(ModelError):
        ImageCodec(Bundle.open(SIGNAL_BUNDLE))


@pytest.mark.parametrize("name", ["symbols.bin", "decoder.tflite"])
def test_a_damaged_member_is_found(name: str) -> None:
    blobs = members()
    with pytest.raises(ModelError, match="hash"):
        Bundle(zipped({**blobs, name: flip(blobs[name], 77)})).verify()


@pytest.mark.parametrize("name", ["symbols.bin", "decoder.tflite", "manifest.json"])
def test_a_missing_member_is_found(name: str) -> None:
    with pytest.raises(ModelError, match=name):
        Bundle(zipped({key: blob for key, blob in members().items() if key != name})).verify()


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"modality": "smell"},
        {"modality": "signal"},
        {"model_id": "00000000"},
        {"model_id": "xyz"},
        {"model_id": 5},
        {"synthesis_id": "ffff"},
        {"sha256": []},
        {"sha256": {"symbols.bin": 5}},
        {"halo": -1},
        {"halo": "2"},
        {"name": None},
    ],
    ids=repr,
)
def test_a_wrong_manifest_is_refused(changes: dict) -> None:
    with pytest.raises(ModelError):
        Bundle(with_manifest(**changes)).verify()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"[" * 100000, b"\xff\xfe"])
def test_a_manifest_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(ModelError):
        Bundle(zipped({**members(), "manifest.json": text}))


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06" + bytes(18), GOOD[:100], GOOD[:-30]])
def test_what_is_no_zip_is_refused(data: bytes) -> None:
    with pytest.raises(ModelError):
        Bundle(data)


@settings(max_examples=200)
@given(st.integers(0, 8 * len(GOOD) - 1))
def test_a_flipped_bit_is_found_or_harmless(bit: int) -> None:
    try:
        damaged = Bundle(flip(GOOD, bit))
        blobs = [damaged.member(name) for name in ("symbols.bin", "decoder.tflite")]
    except ModelError:
        return
    assert blobs == [members()[name] for name in ("symbols.bin", "decoder.tflite")]


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_damaged_symbols_are_refused_or_load(place: int, value: int) -> None:
    blobs = members()
    manifest = json.loads(blobs.pop("manifest.json"))
    symbols = bytearray(blobs["symbols.bin"])
    symbols[place % len(symbols)] = value
    # The hash is right: whoever made this bundle meant it. It must be refused, or load; never crash.
    bundle = Bundle(pack(manifest, {**blobs, "symbols.bin": bytes(symbols)}))
    try:
        codec = ImageCodec(bundle)
        codec.latents(codec.encode(picture(9, 9), quality=50))
    except VaecodecError:
        pass


def altered(**changes: np.ndarray) -> Bundle:
    """A bundle some of whose golden arrays are others; all hashes are right."""
    arrays = dict(np.load(io.BytesIO(with_golden().member("golden.npz"))))
    out = io.BytesIO()
    np.savez(out, **{**arrays, **changes})
    return with_golden_file(out.getvalue())


def with_golden_file(content: bytes) -> Bundle:
    blobs = members()
    manifest = json.loads(blobs.pop("manifest.json"))
    return Bundle(pack(manifest, {**blobs, "golden.npz": content}))


def test_golden_vectors_hold() -> None:
    assert golden.check(with_golden()) == 2


def test_golden_vectors_notice_another_model() -> None:
    arrays = dict(np.load(io.BytesIO(with_golden().member("golden.npz"))))
    for name, change in (("file_0", arrays["file_0"][::-1]), ("band_0_1", arrays["band_0_1"] + 1), ("recon_1", arrays["recon_1"] ^ 255)):
        with pytest.raises(ModelError, match="golden case"):
            altered(**{name: change}).verify()


def test_a_golden_reconstruction_that_is_no_number_is_noticed() -> None:
    recon = np.load(io.BytesIO(with_golden().member("golden.npz")))["recon_0"]
    with pytest.raises(ModelError, match="golden case 0: the reconstruction differs"):
        altered(recon_0=np.full(recon.shape, np.nan)).verify()


@pytest.mark.parametrize(
    "wrong",
    [np.array(["x"]), np.zeros((2, 2, 2, 2)), np.array([]), np.array(np.nan), np.zeros(3, np.complex64)],
    ids=repr,
)
@pytest.mark.parametrize("name", ["input_0", "quality_0", "file_0", "recon_0", "band_0_1"])
def test_golden_vectors_of_other_kinds_are_a_fault_of_the_bundle(name: str, wrong: np.ndarray) -> None:
    with pytest.raises(ModelError, match="golden case 0"):
        altered(**{name: wrong}).verify()


@pytest.mark.parametrize("header", ["{'descr': '<f8', 'fortran_order': False, 'shape': (10**30,)}", "{'descr': ('<f8' , 'shape': [[[", "(" * 5000])
def test_golden_vectors_with_hostile_headers_are_a_fault_of_the_bundle(header: str) -> None:
    text = header.encode() + b"\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("input_0.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(ModelError, match="golden.npz is damaged"):
        with_golden_file(out.getvalue()).verify()


def test_golden_vectors_that_unpack_to_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "MAX_UNPACKED", 1000)
    with pytest.raises(ModelError, match="unpacks to"):
        golden.check(with_golden())


def test_golden_vectors_of_a_signal_hold() -> None:
    blobs = members(SIGNAL_BUNDLE.read_bytes())
    manifest = json.loads(blobs.pop("manifest.json"))
    vectors = golden.build(Bundle.open(SIGNAL_BUNDLE), [np.rint(beats(100)).astype(np.int16), beats(90, 2)], [20, 80])
    assert golden.check(Bundle(pack(manifest, {**blobs, "golden.npz": vectors}))) == 2


@pytest.mark.parametrize("name", ["extra.bin", "../symbols.bin", "manifest.json"])
def test_a_member_that_is_not_of_a_bundle_is_refused(name: str) -> None:
    blobs = members()
    manifest = json.loads(blobs.pop("manifest.json"))
    with pytest.raises(ModelError):
        pack(manifest, {**blobs, name: b""})


@pytest.mark.parametrize("name", ["photo", "photo-ms", "photo-mcu", "ecg", "speech8k", "imu", "ecg-cs"])
def test_the_bundles_that_ship_pass_their_own_test(name: str) -> None:
    Bundle.open(name).verify()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"rate": rate} for rate in ("360", -5, float("nan"))),
        *({"step": step} for step in ("a", [], {}, [0])),
        {"packet_blocks": -3},
        {"columns": [1]},
    ],
    ids=str,
)
def test_a_manifest_with_fields_of_other_kinds_is_refused(wrong: dict) -> None:
    with zipfile.ZipFile(SIGNAL_BUNDLE) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    with pytest.raises(ModelError, match=f"the manifest's {next(iter(wrong))}"):
        Bundle(pack({**manifest, **wrong}, members))
