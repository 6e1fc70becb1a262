"""Files, split, crops, windows and batches."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vaecodec.codec.errors import InputError
from vaecodec.train.config import Data
from vaecodec.train.config_io import with_options
from vaecodec.train.data import files
from vaecodec.train.data.examples import Crops, Windows, channels, load_examples
from vaecodec.train.data.files import split
from vaecodec.train.data.pipeline import Share, batch, batches
from vaecodec.train.data.recording import Recording, plain


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def names(paths: list[Path], folder: Path) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in paths]


def test_patterns_choose_files_by_path_end_with_or_without_suffix(tmp_path, signal_config):
    touch(tmp_path, "a/101.hea", "a/101.dat", "a/102.hea", "s1/x.csv", "s1/y.csv", "note.txt")
    config = with_options(signal_config, "data", train=("101", "s1/*"), validation=("102.hea",))
    train, held = split(config, tmp_path)
    assert names(train, tmp_path) == ["a/101.hea", "s1/x.csv", "s1/y.csv"]
    assert names(held, tmp_path) == ["a/102.hea"]


def test_files_held_out_are_not_trained_on_even_if_both_patterns_match(tmp_path, signal_config):
    touch(tmp_path, "a.csv", "b.csv", "c.csv")
    train, held = split(with_options(signal_config, "data", train=("*",), validation=("b",)), tmp_path)
    assert (names(train, tmp_path), names(held, tmp_path)) == (["a.csv", "c.csv"], ["b.csv"])


def test_without_patterns_about_one_in_twenty_is_held_out_and_stays_so(tmp_path, signal_config):
    touch(tmp_path, *(f"{i}.csv" for i in range(200)))
    train, held = split(signal_config, tmp_path)
    assert 3 <= len(held) <= 20
    assert len(train) + len(held) == 200
    (tmp_path / "new.csv").write_bytes(b"")
    assert set(held) <= set(split(signal_config, tmp_path)[1])


def test_each_pattern_is_matched_once_however_many_files_there_are(tmp_path, signal_config, monkeypatch):
    touch(tmp_path, *(f"{i}.csv" for i in range(50)))
    calls = []
    monkeypatch.setattr(files, "_matching", lambda names, patterns: calls.append(patterns) or set(names) - {tmp_path / "3.csv"})
    files.split(with_options(signal_config, "data", train=("*",)), tmp_path)
    assert calls == [("*",)]


def test_two_files_are_enough(tmp_path, image_config):
    touch(tmp_path, "a.png", "b.PNG")
    train, held = split(image_config, tmp_path)
    assert len(train) == len(held) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Data(length=32, train=("x",)), "Expected files for the pattern 'x'"),
        (Data(length=32, validation=("*",)), "Expected files to train on"),
    ],
)
def test_a_split_that_leaves_nothing_is_refused(tmp_path, signal_config, data, message):
    touch(tmp_path, "a.csv", "b.csv")
    with pytest.raises(InputError, match=message):
        split(replace(signal_config, data=data), tmp_path)


def test_a_folder_without_data_is_refused(tmp_path, signal_config):
    with pytest.raises(InputError, match="at least 2 signal files"):
        split(signal_config, tmp_path)
    with pytest.raises(InputError, match="Expected a folder"):
        split(signal_config, tmp_path / "none")


def test_crops_lie_within_the_picture(image_config):
    image = np.arange(40 * 50 * 3).reshape(40, 50, 3)
    crops = Crops(with_options(image_config, "data", flip=0.0, transpose=0.0), [image])
    for seed in range(20):
        crop = crops.draw(np.random.default_rng(seed))
        y, x = divmod(int(crop[0, 0, 0]) // 3, 50)
        np.testing.assert_array_equal(crop, image[y : y + 16, x : x + 16])


def test_small_pictures_are_extended_by_their_border(image_config):
    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    crop = Crops(with_options(image_config, "data", flip=0.0, transpose=0.0), [image]).draw(np.random.default_rng(0))
    assert crop.shape == (16, 16, 3)
    np.testing.assert_array_equal(crop[4:, 6:], np.broadcast_to(image[4, 6], [12, 10, 3]))


def test_flips_and_transposes_keep_the_content(image_config):
    image = np.random.default_rng(0).integers(0, 256, [16, 16, 3]).astype(np.uint8)
    seen = set()
    for seed in range(40):
        crop = Crops(image_config, [image]).draw(np.random.default_rng(seed))
        assert np.array_equal(np.sort(crop.reshape(-1, 3), axis=0), np.sort(image.reshape(-1, 3), axis=0))
        seen.add(crop.tobytes())
    assert len(seen) == 4


def test_validation_crops_are_central_and_of_whole_units(image_config):
    image = np.arange(41 * 50 * 3).reshape(41, 50, 3)
    (crop,) = Crops(image_config, [image]).fixed(64, 5)
    assert crop.shape == (40, 50, 3)
    (crop,) = Crops(image_config, [image]).fixed(16, 5)
    np.testing.assert_array_equal(crop, image[12:28, 17:33])


def test_windows_are_single_columns_drawn_by_weight(signal_config):
    recording = np.stack([np.zeros(100), np.ones(100), np.full(100, 2)], 1).astype(np.int32)
    config = with_options(signal_config, "data", columns=(0, 1, 2), weights=(0.0, 1.0, 3.0), flip=0.0, gain=0.0)
    windows = Windows(config, [recording])
    drawn = [float(windows.draw(np.random.default_rng(s))[0, 0]) for s in range(200)]
    assert 0.0 not in drawn
    assert drawn.count(2.0) > 2 * drawn.count(1.0)
    assert windows.draw(np.random.default_rng(0)).shape == (32, 1)


def test_gain_and_sign_leave_integers(signal_config):
    recording = np.arange(1, 101, dtype=np.int32)[:, None]
    windows = Windows(with_options(signal_config, "data", gain=0.3, flip=0.5), [recording])
    drawn = [windows.draw(np.random.default_rng(s)) for s in range(30)]
    assert all(np.array_equal(w, np.round(w)) for w in drawn)
    assert any((w < 0).all() for w in drawn)
    assert len({round(float(w[-1, 0] - w[0, 0])) for w in drawn}) > 3


def test_long_recordings_are_drawn_more_often(signal_config):
    windows = Windows(signal_config, [np.full([100, 1], 1, np.int32), np.full([900, 1], 2, np.int32)])
    drawn = [abs(float(windows.draw(np.random.default_rng(s))[0, 0])) for s in range(300)]
    assert np.mean(np.array(drawn) > 1.5) > 0.6


def three_axes() -> np.ndarray:
    return np.rint(np.random.default_rng(4).normal(0, [1000, 300, 20], (600, 3))).astype(np.int32)


def together(signal_config, **options):
    return with_options(signal_config, "data", columns=("0", "1", "2"), weights=(), together=True, flip=0.0, gain=0.0, **options)


def test_columns_drawn_together_stay_side_by_side(signal_config):
    recording = three_axes()
    windows = Windows(together(signal_config), [recording])
    window = windows.draw(np.random.default_rng(0))
    assert window.shape == (signal_config.data.length, 3)
    start = int(np.flatnonzero((recording == window[0]).all(1))[0])
    np.testing.assert_array_equal(window, recording[start : start + len(window)])
    assert windows.fixed(128, 1)[0].shape == (128, 3)


def test_deviations_come_down_to_the_configs_and_small_ones_stay(signal_config):
    windows = Windows(together(signal_config, deviation=100.0), [three_axes()])
    for window in (windows.draw(np.random.default_rng(0)), windows.fixed(512, 1)[0]):
        np.testing.assert_allclose(window.std(0), [100, 100, 20], rtol=0.25)


def test_vectors_that_turn_keep_their_length(signal_config):
    recording = np.tile(np.array([[3000, 400, 100]], np.int32), (600, 1))
    windows = Windows(together(signal_config, axes=3), [recording])
    lengths = [np.linalg.norm(windows.draw(np.random.default_rng(i)), axis=1) for i in range(8)]
    np.testing.assert_allclose(lengths, np.linalg.norm(recording[0]), atol=2)
    assert any(abs(windows.draw(np.random.default_rng(i))[0, 0] - 3000) > 100 for i in range(8))


def test_a_warped_window_has_another_pace(signal_config):
    ramp = (100 * np.arange(5000, dtype=np.int32))[:, None]
    config = with_options(signal_config, "data", columns=(), weights=(), warp=0.3, flip=0.0, gain=0.0)
    windows = Windows(config, [ramp])
    slopes = [np.diff(windows.draw(np.random.default_rng(i))[:, 0]).mean() for i in range(12)]
    assert min(slopes) < 95
    assert max(slopes) > 105
    assert any(slope == 100 for slope in slopes)


def test_validation_windows_start_at_the_start_and_spread_over_the_files(signal_config):
    windows = Windows(signal_config, [np.full([100, 1], i, np.int32) for i in range(10)])
    assert [w[0, 0] for w in windows.fixed(32, 5)] == [0, 2, 4, 6, 8]
    assert all(w.shape == (32, 1) for w in windows.fixed(32, 5))


def test_channels_take_off_the_baseline_of_the_file():
    recording = Recording(np.array([[1030, 5], [1020, 7]]), ("a", "b"), 1.0, (1024.0, 0.0))
    assert channels(recording, Data(), Path("f")).tolist() == [[6, 5], [-4, 7]]
    assert channels(recording, Data(offset="none"), Path("f")).tolist() == [[1030, 5], [1020, 7]]
    assert channels(recording, Data(offset="median"), Path("f")).tolist() == [[5, -1], [-5, 1]]


def test_channels_can_be_named_or_numbered():
    recording = plain(np.array([[1, 2, 3]]), ("time", "x", "y"))
    assert channels(recording, Data(), Path("f")).tolist() == [[2, 3]]
    assert channels(recording, Data(columns=("y", 1)), Path("f")).tolist() == [[3, 2]]
    with pytest.raises(InputError, match="'z' of .* among time, x, y"):
        channels(recording, Data(columns=("z",)), Path("f"))
    with pytest.raises(InputError, match="column 3"):
        channels(recording, Data(columns=(3,)), Path("f"))


def test_fractions_need_a_resolution():
    recording = plain(np.array([[0.5, 0.25], [1.0, 0.75]]))
    assert channels(recording, Data(columns=(0, 1), resolution=(0.5, 0.25)), Path("f")).tolist() == [[1, 1], [2, 3]]
    with pytest.raises(InputError, match=r"data.resolution in the config. Received: fractions in f"):
        channels(recording, Data(), Path("f"))


def test_samples_beyond_float_precision_are_refused():
    with pytest.raises(InputError, match="at most 24 bits"):
        channels(plain(np.array([2**30])), Data(), Path("f"))


def test_an_example_depends_on_seed_step_and_row_alone(image_config, image_folder):
    examples = load_examples(image_config, sorted(image_folder.iterdir()))
    whole, positions = batch(image_config, examples, 7, range(4))
    part, some = batch(image_config, examples, 7, range(2, 4))
    np.testing.assert_array_equal(whole[2:], part)
    np.testing.assert_array_equal(positions[2:], some)
    assert not np.array_equal(whole, batch(image_config, examples, 8, range(4))[0])
    reseeded = with_options(image_config, "training", seed=2)
    assert not np.array_equal(whole, batch(reseeded, examples, 7, range(4))[0])


def test_a_pipeline_can_start_at_any_step(signal_config, signal_folder):
    examples = load_examples(signal_config, sorted(signal_folder.iterdir()))
    all_of_it = list(batches(signal_config, examples).take(5))
    late = list(batches(signal_config, examples, 3).take(2))
    for (x, p), (x2, p2) in zip(all_of_it[3:], late, strict=True):
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(p, p2)


@pytest.mark.parametrize(("pipelines", "replicas"), [(1, 2), (2, 1), (2, 2)])
def test_shares_of_replicas_make_up_the_whole_batch(pipelines, replicas):
    rows = 8 // (pipelines * replicas)
    shares = [Share(i * replicas, replicas, rows) for i in range(pipelines)]
    for step in (0, 5):
        got = [s.rows_of(step * replicas + e) for s in shares for e in range(replicas)]
        assert {n for n, _ in got} == {step}
        assert sorted(r for _, rs in got for r in rs) == list(range(8))


def test_positions_follow_the_shares_of_the_config(signal_config, signal_folder):
    config = with_options(signal_config, "training", positions=((0.25, 0.0, 0.1), (0.75, 0.6, 0.9)), batch=400)
    _, positions = batch(config, load_examples(config, sorted(signal_folder.iterdir())), 0, range(400))
    low = positions < 0.3
    assert math.isclose(low.mean(), 0.25, abs_tol=0.08)
    assert positions[low].max() <= 0.1
    assert 0.6 <= positions[~low].min() <= positions.max() <= 0.9


def test_some_steps_have_short_windows_of_the_same_samples(signal_config, signal_folder):
    config = with_options(with_options(signal_config, "data", length=128), "training", short=(0.5, 32), batch=3)
    plain = with_options(config, "training", short=())
    examples = load_examples(config, sorted(signal_folder.iterdir()))
    short = 0
    for step in range(40):
        (x, p), (whole, positions) = (batch(c, examples, step, range(3)) for c in (config, plain))
        short += x.shape[1] == 32
        assert x.shape == ((12, 32, 1) if x.shape[1] == 32 else (3, 128, 1))
        np.testing.assert_array_equal(x.reshape(whole.shape), whole)
        np.testing.assert_array_equal(p, np.repeat(positions, len(x) // 3))
    assert 10 <= short <= 30
    assert {x.shape[1] for x, _ in batches(config, examples).take(12)} == {32, 128}


def test_some_steps_hold_columns_side_by_side_of_the_same_windows(signal_config, signal_folder):
    config = with_options(signal_config, "data", together=True, subsets=0.5, columns=(), weights=())
    whole = with_options(config, "data", subsets=0.0)
    examples = load_examples(config, sorted(signal_folder.iterdir()))
    counts = []
    for step in range(40):
        (some, p), (every, positions) = (batch(c, examples, step, range(3)) for c in (config, whole))
        n = some.shape[2]
        assert any(np.array_equal(some, every[:, :, i : i + n]) for i in range(every.shape[2] - n + 1))
        np.testing.assert_array_equal(p, positions)
        counts.append(n)
    assert set(counts) == set(range(1, every.shape[2] + 1))
    assert {x.shape[2] for x, _ in batches(config, examples).take(20)} > {1}


def test_subsets_of_columns_that_are_not_drawn_together_are_refused(signal_config):
    with pytest.raises(InputError, match=r"data\.subsets"):
        with_options(signal_config, "data", subsets=0.5)


@pytest.mark.parametrize("short", [(0.5, 48), (1.5, 32), (0.5,), (0.5, 32.5)])
def test_short_windows_that_cannot_be_are_refused(signal_config, short):
    with pytest.raises(InputError, match=r"training\.short"):
        with_options(with_options(signal_config, "data", length=128), "training", short=short)
