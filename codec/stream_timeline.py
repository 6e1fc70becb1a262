"""Latents of a stream, packet by packet, to samples: each block is synthesised once its neighbours on both sides are there.

              given out          synthesised next      not yet: the right-hand context is missing
    ────────┬──────────────────┬─────────────────────┬──────────────────┐
            │ context (reach)  │ done ..             │ context (reach)  │ end
    ────────┴──────────────────┴─────────────────────┴──────────────────┘

Lost packets are made up: the prior runs on from the latents before the gap, and every symbol is the likeliest one. After some blocks that is no
better than silence; then the baseline is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec.grids import Bands
from vaecodec.codec.lapped import LappedSynthesis
from vaecodec.codec.native import Prior, SymbolModel
from vaecodec.codec.recordings import finish
from vaecodec.codec.stream_syntax import StreamHeader
from vaecodec.codec.synthesis import Synthesis

__all__ = ["CONCEALED", "DECODED", "EDGE", "Chunk", "SignalTimeline", "Timeline"]

DECODED, EDGE, CONCEALED = "decoded", "edge", "concealed"
# Blocks before a gap from which the prior makes up what was lost; as many as the longest memory of a prior.
HISTORY = 80
# Blocks for which it does. Measured on ECG with benchmarks/concealment.py: PRDN 65, 84, 95 and 97 % over gaps of 0.25, 0.5, 1 and 2 s; twice as
# many blocks make it 65, 84, 95 and 98 %, one alone 65, 87, 97 and 97 %.
GUESSED = 4
# Blocks whose median is the baseline.
BASELINE = 20


@dataclass(frozen=True, eq=False)
class Chunk:
    """Samples of a part of one packet.

    Attributes:
        first: index of the first sample, from the beginning of the stream.
        time: seconds of that sample from the beginning; NaN where the rate is not known.
        number: of the packet, from the beginning of the stream.
        samples: `[n, channels]`, of the type that was encoded.
        origin: "decoded": as the encoder meant them; "edge": of an intact packet, but within the synthesis' reach of a gap, so approximate;
            "concealed": made up in place of a lost packet.
    """

    first: int
    time: float
    number: int
    samples: NDArray[np.generic]
    origin: str


class Timeline:
    """The blocks of a stream from a border on, up to a gap that is too long to be concealed; how blocks become samples is the model's business.

    Args:
        block: samples of a block.
        reach: blocks to each side of a block that its synthesis looks at.
        header: of the first packet.
        number: of the first packet; that of number 0 has a true border before it, any other one a gap.
        ahead: blocks after a block that it waits for, at most the synthesis' reach; None: all of these. Fewer leave samples in want of a context that
            matters little, and then how many blocks come at once decides how much of it they see.
    """

    def __init__(self, block: int, reach: int, header: StreamHeader, number: int, ahead: int | None = None) -> None:
        self._block, self._reach = block, reach
        self._ahead = reach if ahead is None else min(ahead, reach)
        self._rows = header.rows
        self._base = self._done = number * header.rows  # blocks, from the beginning of the stream
        self._border = -1 if number == 0 else self._base  # blocks within reach after it are approximate
        self._steps: NDArray[np.int64] = np.empty(0, np.int64)
        self._intact: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._headers: list[StreamHeader] = []  # one a block

    @property
    def end(self) -> int:
        """The block after the last one."""
        return self._base + len(self._steps)

    @property
    def pending(self) -> int:
        """Blocks whose context is there on both sides."""
        return self.end - self._ahead - self._done

    def add(self, bands: Bands, t: int, header: StreamHeader, intact: bool = True) -> None:
        """Appends the latents of a packet."""
        blocks = len(bands[0])
        self._append(bands)
        self._steps = np.append(self._steps, np.full(blocks, t))
        self._intact = np.append(self._intact, np.full(blocks, intact))
        self._headers += [header] * blocks

    def conceal(self, packets: int) -> None:
        """Appends made up latents for lost packets, if there is anything to go on from."""
        if not self._headers:
            return
        t, header, blocks = int(self._steps[-1]), self._headers[-1], packets * self._rows
        self.add(self._made_up(blocks, t), t, header, intact=False)

    def ready(self) -> Iterator[Chunk]:
        """Synthesises what has its context on both sides."""
        yield from self._give(self.end - self._ahead, None)

    def finish(self, samples: int | None, is_end: bool) -> Iterator[Chunk]:
        """Synthesises what is left.

        Args:
            samples: samples from the beginning of the stream after which nothing is given out; None: all.
            is_end: whether the signal ends here, so that its mirrored border is a true one; else it goes on behind a gap.
        """
        yield from self._give(self.end, is_end, samples)

    def _give(self, end: int, is_end: bool | None, samples: int | None = None) -> Iterator[Chunk]:
        """Blocks done .. end, in runs of one packet, scaling, step and origin."""
        if end <= self._done:
            return
        origins = self._origins(end, is_end is False)
        cuts = [i for i in range(self._done + 1, end) if self._differs(i)]
        for first, last in zip([self._done, *cuts], [*cuts, end], strict=True):
            values = self._synthesise(first, last)
            header = self._headers[first - self._base]
            values = values * 2.0**header.shift + np.asarray(header.offsets, np.float64)
            restored = finish(values, header, header.metadata).reshape(values.shape)
            yield from self._chunks(first, restored, origins[first - self._done : last - self._done], header, samples)
        self._forget(end)

    def _differs(self, block: int) -> bool:
        at = block - self._base
        return bool(self._steps[at] != self._steps[at - 1]) or self._headers[at] is not self._headers[at - 1]

    def _origins(self, end: int, gap_follows: bool) -> list[str]:
        """Of each block done .. end."""
        bad = np.concatenate([[0], np.cumsum(~self._intact)])  # blocks that are made up, before each one
        found = []
        for block in range(self._done, end):
            low, high = (min(max(place - self._base, 0), len(self._intact)) for place in (block - self._reach, block + self._ahead + 1))
            begins = self._border >= 0 and block < self._border + self._reach
            edge = bad[high] > bad[low] or begins or (gap_follows and block >= self.end - self._ahead)
            found.append(DECODED if not edge else EDGE if self._intact[block - self._base] else CONCEALED)
        return found

    def _chunks(self, first: int, samples: NDArray[np.generic], origins: list[str], header: StreamHeader, limit: int | None) -> Iterator[Chunk]:
        """Cuts the samples of blocks first .. where packets or origins change, and at `limit`."""
        block = self._block
        edges = [i for i in range(1, len(origins)) if origins[i] != origins[i - 1] or (first + i) % self._rows == 0]
        for start, stop in zip([0, *edges], [*edges, len(origins)], strict=True):
            index = (first + start) * block
            part = samples[start * block : stop * block]
            if limit is not None:
                part = part[: max(0, limit - index)]
            time = float(index / header.rate) if header.rate else float("nan")
            if len(part):
                yield Chunk(index, time, (first + start) // self._rows, part, origins[start])

    def _forget(self, end: int) -> None:
        """Drops blocks that nothing needs any more."""
        self._done = end
        drop = max(0, end - max(self._reach, HISTORY) - self._base)
        self._drop(drop)
        self._steps, self._intact = self._steps[drop:].copy(), self._intact[drop:].copy()
        del self._headers[:drop]
        self._base += drop

    def _append(self, bands: Bands) -> None:
        """Keeps latents."""
        raise NotImplementedError

    def _drop(self, blocks: int) -> None:
        """Forgets those of the first blocks."""
        raise NotImplementedError

    def _made_up(self, blocks: int, t: int) -> Bands:
        """Latents for blocks that were lost."""
        raise NotImplementedError

    def _synthesise(self, first: int, last: int) -> NDArray[np.float64]:
        """Values of blocks first .. last, in units after the shift of their header."""
        raise NotImplementedError


class SignalTimeline(Timeline):
    """The timeline of a model with analysis and synthesis.

    Args:
        model: the symbol model.
        synthesis: of the same bundle.
        header: as the next two, as of `Timeline`.
        number: see there.
        ahead: see there.
    """

    def __init__(
        self, model: SymbolModel, synthesis: Synthesis | LappedSynthesis, header: StreamHeader, number: int, ahead: int | None = None
    ) -> None:
        super().__init__(1 << model.levels, synthesis.reach, header, number, ahead)
        self._model = model
        self._synthesis = synthesis
        shapes = model.band_shapes((1 << model.levels, header.channels))
        self._scales = [rows for rows, _ in shapes]
        self._bands: Bands = [np.empty((0, cols), np.int16) for _, cols in shapes]

    def _append(self, bands: Bands) -> None:
        self._bands = [np.concatenate(pair) for pair in zip(self._bands, bands, strict=True)]

    def _drop(self, blocks: int) -> None:
        self._bands = [band[blocks * scale :].copy() for band, scale in zip(self._bands, self._scales, strict=True)]

    def _made_up(self, blocks: int, t: int) -> Bands:
        """Guesses, none beyond what the latents before reach, and then the baseline."""
        made_up = [np.zeros((blocks * scale, band.shape[1]), np.int16) for scale, band in zip(self._scales, self._bands, strict=True)]
        made_up[0][:] = np.rint(np.median(self._bands[0][-BASELINE:], axis=0))
        known, guessed = min(HISTORY, len(self._steps)), min(blocks, GUESSED)
        before = [band[len(band) - known * scale :] for band, scale in zip(self._bands, self._scales, strict=True)]
        for band, guess, old in zip(made_up, self._guess(before, known, guessed, t), before, strict=True):
            band[: len(guess)] = np.clip(guess, old.min(axis=0), old.max(axis=0))
        return made_up

    def _guess(self, before: Bands, known: int, guessed: int, t: int) -> Bands:
        """The likeliest latents after those of `known` blocks."""
        bands = [np.zeros((guessed * scale, band.shape[1]), np.int16) for band, scale in zip(before, self._scales, strict=True)]
        prior = Prior(self._model, ((known + guessed) << self._model.levels, bands[0].shape[1]), t)
        prior.rows(0, known)
        prior.cost(before, 0, 0)
        prior.rows(known, known + guessed)
        prior.guess(bands, 0, 0)
        return bands

    def _synthesise(self, first: int, last: int) -> NDArray[np.float64]:
        low, high = max(self._base, first - self._reach), min(self.end, last + self._ahead)
        at, t = slice(low - self._base, high - self._base), int(self._steps[first - self._base])
        bands = [band[at.start * scale : at.stop * scale] for band, scale in zip(self._bands, self._scales, strict=True)]
        header = self._headers[first - self._base]
        plain = (self._steps[at] == t).all() and all(h is header for h in self._headers[at])
        values = self._synthesis.signal(bands if plain else self._coefficients(bands, at, header), t)
        return values[(first - low) * self._block : (last - low) * self._block]

    def _coefficients(self, bands: Bands, at: slice, header: StreamHeader) -> list[NDArray[np.float32]]:
        """Latents of several steps and scalings as coefficients of one scaling."""
        steps = {int(t): self._model.steps(int(t)) for t in np.unique(self._steps[at])}
        table = np.array([steps[int(t)] for t in self._steps[at]])
        factors = np.array([2.0 ** (h.shift - header.shift) for h in self._headers[at]])
        out = []
        for number, (band, scale) in enumerate(zip(bands, self._scales, strict=True)):
            values = band * np.repeat(table[:, number] * factors, scale)[:, None]
            out.append((values + self._moved(self._headers[at], header, number)).astype(np.float32))
        return out

    def _moved(self, headers: list[StreamHeader], new: StreamHeader, band: int) -> NDArray[np.float64]:
        """What a band lacks in blocks of other scalings, the offsets' difference as the analysis passes it on: `[sites, channels]`."""
        model = self._model
        factors = np.array([2.0 ** (h.shift - new.shift) for h in headers])[:, None]
        offsets = (np.array([h.offsets for h in headers]) - np.array(new.offsets)) / 2.0**new.shift
        constant = 2.0**model.in_shift * (offsets + model.in_offset * (factors - 1.0))
        moved: NDArray[np.float64] = (constant[:, None] * model.constant_gains[band][:, None]).reshape(-1, offsets.shape[1])
        return moved
