"""What decoders of streams need of a model: signals with analysis and synthesis, or signals that are sensed compressively."""

from __future__ import annotations

from functools import cached_property

from vaecodec.codec.bundle import Bundle
from vaecodec.codec.lapped import LappedSynthesis
from vaecodec.codec.recovery import Recovery
from vaecodec.codec.stream_groups import GroupDecoder, check_streams
from vaecodec.codec.stream_layout import block
from vaecodec.codec.stream_sensed import SensedDecoder, SensedTimeline
from vaecodec.codec.stream_syntax import StreamHeader
from vaecodec.codec.stream_timeline import SignalTimeline, Timeline
from vaecodec.codec.synthesis import Synthesis

__all__ = ["StreamKind"]


class StreamKind:
    """One bundle, for all streams of it.

    Args:
        bundle: of signals, or of compressed sensing.
        threads: threads the synthesis may use.

    Attributes:
        model_id: the bundle's.
        block: samples a channel that it codes at once.

    Raises:
        ModelError: it codes no streams.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        check_streams(bundle)
        self.model_id, self.block = bundle.model_id, block(bundle)
        self._bundle, self._threads = bundle, threads

    def decoder(self, header: StreamHeader) -> GroupDecoder | SensedDecoder:
        """What turns payloads into latents; errors as these two."""
        if self._bundle.modality == "sensing":
            return SensedDecoder(self._bundle.sensing, header)
        return GroupDecoder(self._bundle.symbols, header)

    def timeline(self, header: StreamHeader, number: int, ahead: int | None) -> Timeline:
        """What turns latents into samples; see `Timeline`."""
        synthesis = self._synthesis
        if isinstance(synthesis, Recovery):
            return SensedTimeline(synthesis, self._bundle.sensing, header, number, ahead)
        return SignalTimeline(self._bundle.symbols, synthesis, header, number, ahead)

    @cached_property
    def _synthesis(self) -> Synthesis | LappedSynthesis | Recovery:
        network, halo = self._bundle.network(self._threads), self._bundle.manifest["halo"]
        if self._bundle.modality == "sensing":
            return Recovery(network, self._bundle.sensing, halo)
        kind = LappedSynthesis if self._bundle.symbols.lapped else Synthesis
        return kind(network, self._bundle.symbols, halo)
