"""Rate targets: the finest quality that fits, by bisection over the step code."""

from __future__ import annotations

from collections.abc import Callable

from vaecodec.codec.errors import InputError

__all__ = ["DEFAULT_QUALITY", "encode_at", "fit", "quality_of", "step_code", "target"]

DEFAULT_QUALITY = 60.0


def step_code(quality: float, t_lo: int, t_hi: int) -> int:
    """Step code t of a quality in 0..100; 100 is the finest step, `t_lo`.

    Raises:
        InputError: the quality is outside 0..100 or not a number.
    """
    if not 0 <= quality <= 100:
        raise InputError(f"quality is 0..100, got {quality}")
    return round(t_hi + (t_lo - t_hi) * quality / 100)


def quality_of(t: int, t_lo: int, t_hi: int) -> float:
    """The quality that gives step code `t` (clamped to 0..100)."""
    return min(100.0, max(0.0, 100.0 * (t_hi - t) / max(1, t_hi - t_lo)))


def fit(encode: Callable[[int], bytes], target: int, t_lo: int, t_hi: int) -> bytes:
    """The stream with the finest step that is at most `target` bytes long.

    Size falls with t but for small exceptions, so bisection finds the border or a place next to it.

    Args:
        encode: gives the stream for a step code.
        target: bytes.
        t_lo: finest step code.
        t_hi: coarsest step code.

    Raises:
        InputError: even the coarsest step needs more.
    """
    best = encode(t_hi)
    if len(best) > target:
        raise InputError(f"{target} bytes cannot be reached: the smallest stream of this input has {len(best)} bytes")
    while t_lo < t_hi:
        t = (t_lo + t_hi) // 2
        stream = encode(t)
        if len(stream) <= target:
            best, t_hi = stream, t
        else:
            t_lo = t + 1
    return best


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
        encode: gives the stream for a step code.
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
        return fit(encode, wanted, *steps)
    return encode(step_code(DEFAULT_QUALITY if quality is None else quality, *steps))


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
    if sum(value is not None for value in (quality, target_bytes, target_bits)) > 1:
        raise InputError("give one of quality, target_bytes and target_bpp, not several")
    wanted = target_bytes if target_bits is None else target_bits * samples / 8
    if wanted is None:
        return None
    if not 0 < wanted < float("inf"):
        raise InputError(f"a target is a positive number, got {target_bytes if target_bits is None else target_bits}")
    return int(wanted)
