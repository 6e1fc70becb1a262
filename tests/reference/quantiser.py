"""Section 3: coefficients to latents."""

from __future__ import annotations

import numpy as np

M = [round(2**15 * 2 ** (-k / 16)) for k in range(16)]


def band_step_code(program, band, t):
    """t_b = clamp(t + o_b, 0, 255)."""
    return min(max(t + program.bands[band].offset, 0), 255)


def quantise(y, step_code, rounding):
    """Latents of one band, coefficient by coefficient."""
    octave, sixteenth = step_code >> 4, step_code & 15

    def one(v):
        z = min(32767, (abs(v) * M[sixteenth] + (rounding << (7 + octave))) >> (15 + octave))
        return z if v >= 0 else -z

    return np.array([one(v) for v in y.ravel().tolist()], np.int16).reshape(y.shape)


def excess(y, z, step_code):
    """|y| / step - |z| in 1/256, saturated to int16."""
    octave, sixteenth = step_code >> 4, step_code & 15
    pairs = zip(y.ravel().tolist(), z.ravel().tolist(), strict=True)
    found = [((abs(v) * M[sixteenth]) >> (7 + octave)) - 256 * abs(w) for v, w in pairs]
    return np.clip(found, -32768, 32767).astype(np.int16).reshape(y.shape)


def quantise_all(bands, program, t):
    """Every band with its own step and default rounding."""
    return [quantise(y, band_step_code(program, b, t), program.bands[b].rounding) for b, y in enumerate(bands)]
