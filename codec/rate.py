"""Rate targets: the finest quality that fits, by bisection over the encoder's settings.

A stream's step code t moves in sixteenths of an octave, some 3.5 % of its bytes. Between two codes the encoder leaves out a little more instead: a
*setting* is `SUBSTEPS` t + k. At effort 1 k takes k / 256 off the rounding offset of every band that has a dead zone; at higher ones the
coder chooses with a lower weight of the error (`rdoq.Effort`). Ten such steps cost in bytes and in error what one step code does (measured
on photos and ECG), at the same rate-distortion slope; a decoder sees t alone. On single pictures ten may cost up to 2.4 % more, so that bytes rise
by as much from one step code to the coarser next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from vaecodec.codec.arguments import is_number, shown
from vaecodec.codec.errors import InputError

__all__ = [
    *("DEFAULT_QUALITY", "NEAREST", "SUBSTEPS", "encode_at", "fit", "fit_prdn", "fit_psnr", "only_one"),
    *("quality_of", "rounding_offsets", "setting", "step_code", "target"),
]

DEFAULT_QUALITY = 60.0
SUBSTEPS = 10
MAX_TARGET = 1 << 62
NEAREST = 128  # a rounding offset of 1/2: no dead zone


def setting(quality: float, t_lo: int, t_hi: int) -> int:
    """Setting of a quality in 0..100; 100 is the finest, step code `t_lo` with its own rounding.

    Raises:
        InputError: the quality is outside 0..100 or not a number.
    """
    if not is_number(quality) or not 0 <= quality <= 100:
        raise InputError(f"quality is a number in 0..100, got {shown(quality)}")
    # Exact, as on a device (vc_setting.c): of two settings that are as near, the even one.
    return round(SUBSTEPS * (t_hi + (t_lo - t_hi) * Fraction(str(float(quality))) / 100))


def step_code(value: int) -> int:
    """Step code t of a setting."""
    return value // SUBSTEPS


def rounding_offsets(value: int, own: Sequence[int]) -> list[int]:
    """Rounding offset of each band in 1/256 at a setting, at effort 1.

    Args:
        value: the setting.
        own: offsets of the model.
    """
    k = value % SUBSTEPS
    return [max(0, r - k) if r < NEAREST else r for r in own]


def quality_of(t: int, t_lo: int, t_hi: int) -> float:
    """The quality that gives step code `t` and the model's own rounding (clamped to 0..100)."""
    return min(100.0, max(0.0, 100.0 * (t_hi - t) / max(1, t_hi - t_lo)))


def fit(encode: Callable[[int], bytes], target: int, finest: int, coarsest: int) -> bytes:
    """The stream of the finest setting that is at most `target` bytes long.

    Size falls with the setting but for small exceptions, so bisection finds the border or a place next to it.

    Args:
        encode: gives the stream of a setting.
        target: bytes.
        finest: lowest setting.
        coarsest: highest setting.

    Raises:
        InputError: even the coarsest setting needs more.
    """
    best = encode(coarsest)
    if len(best) > target:
        raise InputError(f"{target} bytes cannot be reached: the smallest stream of this input has {len(best)} bytes")
    while finest < coarsest:
        middle = (finest + coarsest) // 2
        stream = encode(middle)
        if len(stream) <= target:
            best, coarsest = stream, middle
        else:
            finest = middle + 1
    return best


def fit_psnr(encode: Callable[[int], tuple[bytes, float]], wanted: float, steps: tuple[int, int]) -> bytes:
    """The stream of the coarsest setting that reaches a PSNR, by bisection like `fit`.

    Args:
        encode: gives the stream of a setting and its dB.
        wanted: dB.
        steps: finest and coarsest step code, t_lo and t_hi.

    Raises:
        InputError: `wanted` is no number in 1..100, or even the finest setting is below it.
    """
    if not is_number(wanted) or not 1 <= wanted <= 100:
        raise InputError(f"a PSNR is a number in 1..100 dB, got {shown(wanted)}")
    finest = encode(SUBSTEPS * steps[0])
    if finest[1] < wanted:
        raise InputError(f"{wanted:g} dB were not reached: the finest quality of this picture has {finest[1]:.2f} dB")
    return _coarsest(encode, lambda decibels: decibels >= wanted, steps, finest[0])


def fit_prdn(encode: Callable[[int], tuple[bytes, float]], wanted: float, steps: tuple[int, int]) -> bytes:
    """The stream of the coarsest setting that keeps a PRDN, by bisection like `fit`.

    Args:
        encode: gives the stream of a setting and its PRDN in per cent.
        wanted: per cent.
        steps: finest and coarsest step code, t_lo and t_hi.

    Raises:
        InputError: `wanted` is no number above 0 and at most 100, or even the finest setting is above it.
    """
    if not is_number(wanted) or not 0 < wanted <= 100:
        raise InputError(f"a PRDN is a number above 0 and at most 100 %, got {shown(wanted)}")
    finest = encode(SUBSTEPS * steps[0])
    if finest[1] > wanted:
        raise InputError(f"a PRDN of {wanted:g} % was not reached: the finest quality of this signal has {finest[1]:.3g} %")
    return _coarsest(encode, lambda error: error <= wanted, steps, finest[0])


def _coarsest(encode: Callable[[int], tuple[bytes, float]], good: Callable[[float], bool], steps: tuple[int, int], best: bytes) -> bytes:
    """The stream of the coarsest setting that is good; `best` is that of the finest, which is."""
    finest, coarsest = (SUBSTEPS * t for t in steps)
    while finest < coarsest:
        middle = (finest + coarsest + 1) // 2
        stream, measure = encode(middle)
        if good(measure):
            best, finest = stream, middle
        else:
            coarsest = middle - 1
    return best


def only_one(*targets: object) -> None:
    """InputError if more than one of these is given (not None)."""
    if sum(value is not None for value in targets) > 1:
        raise InputError("give one of quality, target_bytes, target_bpp, psnr, prdn, max_error and bitrate, not several")


def encode_at(
    encode: Callable[[int], bytes],
    steps: tuple[int, int],
    samples: int,
    *,
    quality: float | None,
    target_bytes: int | None,
    target_bits: float | None,
) -> bytes:
    """The stream that the caller asked for: by quality, by a target, or at DEFAULT_QUALITY if neither is given.

    Args:
        encode: gives the stream of a setting.
        steps: finest and coarsest step code, t_lo and t_hi.
        samples: pixels, or samples over all channels.
        quality: 0..100, or None.
        target_bytes: bytes to stay within, or None.
        target_bits: bits a pixel or sample to stay within, or None.

    Raises:
        InputError: quality or target are wrong, or the target cannot be reached.
    """
    wanted = target(quality, target_bytes, target_bits, samples)
    if wanted is not None:
        return fit(encode, wanted, *(SUBSTEPS * t for t in steps))
    return encode(setting(DEFAULT_QUALITY if quality is None else quality, *steps))


def target(quality: float | None, target_bytes: int | None, target_bits: float | None, samples: int) -> int | None:
    """Bytes to aim at, or None if the quality decides.

    Args:
        quality: the caller's quality.
        target_bytes: the caller's target in bytes.
        target_bits: the caller's target in bits a pixel or sample.
        samples: pixels, or samples over all channels.

    Raises:
        InputError: more than one of the three is given, or a target is not positive.
    """
    only_one(quality, target_bytes, target_bits)
    given = target_bytes if target_bits is None else target_bits
    if given is None:
        return None
    if not is_number(given) or not 0 < given < MAX_TARGET:
        raise InputError(f"a target is a number above 0 and below 2^62, got {shown(given)}")
    return int(given if target_bits is None else target_bits * samples / 8)
