"""The picture codec: arrays to streams and back.

    uint8 [H, W, ...] ──► analysis ──► coefficients ──► quantiser(t) ──► ImageLatents ──► tiles, level groups ──► bytes
                                                                              │
    uint8 [H, W, ...] ◄──────────────────── synthesis ◄───────────────────────┘
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaecodec.codec import container, rate, rdoq
from vaecodec.codec.arguments import check_kind, check_threads, shown, whole_number
from vaecodec.codec.bundle import Bundle
from vaecodec.codec.container import File, ImageHeader, Metadata, Packet
from vaecodec.codec.engine import C, analysis_of
from vaecodec.codec.errors import FormatError, InputError, LimitError, ModelError
from vaecodec.codec.grids import Bands, Box, level_groups, padded, tile_rows, tiles
from vaecodec.codec.image_encoder import Blocks, ImageEncoder
from vaecodec.codec.synthesis import Piece, Synthesis, whole
from vaecodec.codec.tiling import TileReader, code
from vaecodec.codec.warn import PartialWarning, SynthesisWarning

__all__ = ["ImageCodec", "ImageLatents"]

Pixels = NDArray[np.uint8]

# Pictures above this many pixels are cut into tiles, so that memory stays bounded.
WHOLE_PIXELS = 1 << 22
TILE_PIXELS = 1024
# Rows that larger pictures are synthesised in at a time.
STRIP_ROWS = 512
# A tile decodes in one piece: its size bounds what a decoder must hold.
MAX_TILE_PIXELS = 1 << 24
MAX_PADDED_PIXELS = 1 << 25
MOST = 1 << 62
ORDERS = ("tile", "level")
MODES = {1: "grey", 2: "grey + alpha", 3: "RGB", 4: "RGB + alpha"}


@dataclass(frozen=True)
class ImageLatents:
    """A picture as integers: everything that its stream holds.

    Attributes:
        header: geometry, step code, ids.
        bands: int16 latents of the padded picture, in the order of docs/format.md section 1.
        metadata: alpha plane, colour profile and so on, as packets carry them.
    """

    header: ImageHeader
    bands: Bands
    metadata: tuple[Metadata, ...] = ()


class ImageCodec:
    """Codes pictures with one bundle. Threads may share one, but synthesise one at a time.

    Args:
        bundle: an image bundle.
        threads: threads the synthesis may use.
        max_pixels: larger pictures are refused, in both directions.

    Raises:
        ModelError: the bundle is damaged or codes signals.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1, max_pixels: int = container.MAX_PIXELS) -> None:
        if bundle.modality != "image":
            raise ModelError(f"{bundle.name} codes signals, not pictures")
        check_threads(threads)
        whole_number(max_pixels, "max_pixels", 1, MOST)
        self.bundle = bundle
        self._model = bundle.symbols
        self._threads = threads
        self._max_pixels = max_pixels
        self._synthesis: Synthesis | None = None
        self._lock = Lock()  # an interpreter serves one thread at a time

    @property
    def scales(self) -> tuple[int, ...]:
        """What `decode` takes as `scale`: 1, 2, 4, .. 2^L."""
        return tuple(1 << level for level in range(self._model.levels + 1))

    # --- arrays <-> bytes ---

    def encode(
        self,
        array: Pixels,
        *,
        quality: float | None = None,
        target_bytes: int | None = None,
        target_bpp: float | None = None,
        psnr: float | None = None,
        effort: int = rdoq.DEFAULT_EFFORT,
        tile: int | tuple[int, int] | None = None,
        order: str = "level",
        icc: bytes | None = None,
        exif: bytes | None = None,
        engine: str = C,
    ) -> bytes:
        """Compresses a picture.

        Args:
            array: uint8 `[H, W]` grey, `[H, W, 2]` grey + alpha, `[H, W, 3]` RGB or `[H, W, 4]` RGB + alpha; alpha is kept exactly.
            quality: 0..100, 100 the finest; 60 unless a target is given.
            target_bytes: the finest quality whose stream has at most so many bytes.
            target_bpp: the same in bits a pixel.
            psnr: the coarsest quality that decodes with at least so many dB over all colours (1..100).
            effort: 1 quantises as a device does; 2 lets the entropy coder choose what to leave out; 3..9 decode and choose again
                `effort` - 2 times (at one quality for some bytes more and an error that falls by more), each as slow as decoding and with small
                tiles several times slower. From 3 on memory grows with the picture, and bytes may depend on the machine.
            tile: side of the independently coded tiles in pixels (rounded up to the model's grid); 0 for the whole picture,
                up to 16 Mpixel; or their width and height. Unless given, pictures above 4 Mpixel are tiled.
            order: "level": all tiles coarse to fine, so that a file that is cut off is a coarser picture; "tile": one tile after the other, as a
                device sends them.
            icc: colour profile to carry along.
            exif: EXIF block to carry along.
            engine: what runs the analysis: "c" (the same bytes everywhere), or "litert" on the bundle's encoder.tflite, whose latents may differ
                here and there; any decoder takes both.

        Returns:
            A vaecodec file (docs/format.md).

        Raises:
            InputError: wrong shape, dtype or quality, an empty picture, or a target that cannot be reached.
            LimitError: too many pixels.
            UnsupportedError: "litert", of a picture below some 96 pixels a side, a bundle without encoder.tflite, or where LiteRT is not installed.
        """
        for block in (icc, exif):
            if block is not None:
                check_kind(block, bytes)
        planes, alpha, mode = self._split(array)
        header = self._header(planes.shape[0], planes.shape[1], mode, tile, order)
        metadata = _metadata(alpha, icc, exif)
        analyse = analysis_of(self.bundle, engine, self._threads)
        encoder = ImageEncoder(self._model, planes, header, rdoq.plan(effort), self._synthesise, self._threads, analyse)

        def measured(setting: int) -> tuple[bytes, float]:
            coded = encoder.code(setting, keep=True)
            return _file(coded.header, coded.payloads, metadata), encoder.psnr(coded)

        def at(setting: int) -> bytes:
            coded = encoder.code(setting)
            return _file(coded.header, coded.payloads, metadata)

        steps, pixels = (self._model.t_lo, self._model.t_hi), header.width * header.height
        if psnr is not None:
            rate.only_one(quality, target_bytes, target_bpp, psnr)
            return rate.fit_psnr(measured, psnr, steps)
        return rate.encode_at(at, steps, pixels, quality=quality, target_bytes=target_bytes, target_bits=target_bpp)

    def decode(
        self, data: bytes, *, region: tuple[int, int, int, int] | None = None, scale: int = 1, partial: bool = False, fast: bool = False
    ) -> Pixels:
        """Reconstructs a picture; shape and dtype are those of the array that was encoded.

        Args:
            data: a vaecodec file.
            region: (x, y, width, height) in pixels of the whole picture: only this part, from only the packets that it needs.
            scale: 1, 2, 4, .. up to 2^L: a picture (or region) of 1/scale of the size, from only the level groups that it needs.
            partial: take a file that is cut off or damaged: what is missing is left out, and the picture comes out coarser.
            fast: leave out the residual network of the finest level: about twice as fast, some tenths of a dB less.

        Raises:
            FormatError: the stream is damaged.
            ModelError: it was made with another model.
            LimitError: it claims more pixels than allowed.
            InputError: the region does not lie within the picture, or there is no such scale.
            UnsupportedError: `fast`, where the bundle lacks what it takes.

        Warns:
            SynthesisWarning: it was made for other decoder weights of this model.
            PartialWarning: packets were missing.
        """
        file, header, payloads = self._open(data, partial)
        box, level = _part(header, region, scale, self.scales)
        reader = TileReader(self._model, header, payloads, level, self._threads)
        return self._paint(header, reader.pieces, file.metadata, box, level, fast)

    # --- latents ---

    def latents(self, data: bytes) -> ImageLatents:
        """Decodes the integers of a stream; errors as `decode`."""
        file, header, payloads = self._open(data, False)
        height, width = self._padded(header)
        everything = [Box(0, 0, height >> level, width >> level) for level in range(self._model.levels + 1)]
        pieces = TileReader(self._model, header, payloads, threads=self._threads).pieces(everything)
        return ImageLatents(header, [np.asarray(piece.array, np.int16) for piece in pieces], file.metadata)

    def encode_latents(self, latents: ImageLatents) -> bytes:
        """Writes latents as a stream; the inverse of `latents`.

        Raises:
            InputError: the bands do not fit the header's geometry.
        """
        check_kind(latents, ImageLatents)
        header = self._own(latents.header)
        shapes = [tuple(shape) for shape in self._model.band_shapes(self._padded(header))]
        if [band.shape for band in latents.bands] != shapes or any(band.dtype != np.int16 for band in latents.bands):
            raise InputError(f"latents of {header.width} x {header.height} pixels are {len(shapes)} int16 arrays of shapes {shapes[:4]} ...")
        rows = ((bands, None) for bands in tile_rows(latents.bands, header, self._model.levels))
        return _file(header, code(self._model, header, rows, self._threads), latents.metadata)

    def decode_latents(self, latents: ImageLatents) -> Pixels:
        """Turns latents into the picture that their stream decodes to."""
        check_kind(latents, ImageLatents)
        header = self._check_header(latents.header)
        pieces = [whole(band) for band in latents.bands]
        return self._paint(header, lambda _: pieces, latents.metadata, Box(0, 0, header.height, header.width), 0)

    def info(self, data: bytes) -> dict[str, Any]:
        """What a stream says about itself; see `vaecodec.info`."""
        from vaecodec.codec.info import describe

        return describe(data, self.bundle)

    # --- steps ---

    def _open(self, data: bytes, partial: bool) -> tuple[File, ImageHeader, list[bytes | None]]:
        """The parsed file and a payload for every packet that the picture has; None for those that are missing."""
        file = container.read_file(data, partial=partial)
        header = self._check_header(file.header)
        _check_alpha(header, file.metadata)
        places, groups = sum(1 for _ in tiles(header, self._model.levels)), len(level_groups(self._model.levels))
        came, count = len(file.packets), places * groups
        if came > count or (came < count and not (partial and came)):
            raise FormatError(f"{came} data packets; this picture has {places} tiles of {groups} level groups: truncated?")
        if came < count:
            warnings.warn(PartialWarning(came, count), stacklevel=3)
        return file, header, [packet.payload for packet in file.packets] + [None] * (count - came)

    def _paint(
        self,
        header: ImageHeader,
        pieces: Callable[[Sequence[Box]], list[Piece]],
        metadata: tuple[Metadata, ...],
        box: Box,
        level: int,
        fast: bool = False,
    ) -> Pixels:
        """Synthesises a box of the approximation of a level, strip by strip.

        Args:
            header: of the picture.
            pieces: gives the parts of the bands that `Synthesis.boxes` names.
            metadata: holds the alpha plane.
            box: the part wanted.
            level: 0 the picture itself, 1 half its size and so on.
            fast: leave out the residual network of level 1.
        """
        out = np.empty((box.rows, box.cols, *{1: (), 2: (2,), 3: (3,), 4: (4,)}[header.mode]), np.uint8)
        colour = out[..., None] if header.mode == 1 else out[..., : 1 if header.mode == 2 else 3]
        for row, col, block in self._blocks(header, pieces, box, level, fast):
            colour[row : row + len(block), col : col + block.shape[1]] = np.rint(block)
        if header.mode in (2, 4):
            out[..., -1] = _reduced(_inflate_alpha(metadata, header).reshape(header.height, header.width), box, 1 << level)
        return out

    def _blocks(
        self, header: ImageHeader, pieces: Callable[[Sequence[Box]], list[Piece]], box: Box, level: int = 0, fast: bool = False
    ) -> Blocks:
        """What `_paint` rounds: float32 `[h, w, 3 or 1]` in 0..255 with row and column within the box; strip by strip."""
        synthesis = self._synthesiser()
        high = box.rows if box.rows * box.cols <= WHOLE_PIXELS else STRIP_ROWS
        for top in range(0, box.rows, high):
            strip = Box(box.row + top, box.col, min(high, box.rows - top), box.cols)
            parts = pieces(synthesis.boxes(strip, self._padded(header), level))
            with self._lock:
                for row, col, block in synthesis.image(parts, header.step_code, strip, level, fast):
                    colours = block.mean(axis=2, keepdims=True) if header.mode <= 2 else block
                    yield top + row, col, np.clip(colours, 0, 255)

    def _synthesise(self, header: ImageHeader, bands: Bands, box: Box) -> Blocks:
        pieces = [whole(band) for band in bands]
        return self._blocks(header, lambda _: pieces, box)

    def _split(self, array: Pixels) -> tuple[Pixels, Pixels | None, int]:
        """Colour planes [H, W, C], alpha, mode."""
        mode = _mode(array)
        pixels = array.shape[0] * array.shape[1]
        if pixels > self._max_pixels or max(array.shape[:2]) > container.MAX_SIDE:
            raise LimitError(f"a picture of {array.shape[1]} x {array.shape[0]} pixels; the limit is {self._max_pixels} pixels, 65535 a side")
        colours = self._model.colours
        if mode > 2 and colours == 1:
            raise InputError(f"{self.bundle.name} codes grey pictures only")
        alpha = array[..., -1] if mode in (2, 4) else None
        planes = array[..., None] if mode == 1 else array[..., :-1] if alpha is not None else array
        return (np.broadcast_to(planes, (*planes.shape[:2], colours)) if mode <= 2 else planes), alpha, mode

    def _header(self, height: int, width: int, mode: int, tile: int | tuple[int, int] | None, order: str) -> ImageHeader:
        if tile is None:
            tile = TILE_PIXELS if height * width > WHOLE_PIXELS else 0
        wide, tall = (whole_number(side, "a tile's side in pixels", 0, container.MAX_SIDE) for side in _sides(tile))
        if min(wide or width, width) * min(tall or height, height) > MAX_TILE_PIXELS:
            raise InputError(f"a tile has at most {MAX_TILE_PIXELS} pixels: give a side of {TILE_PIXELS}, or none")
        if order not in ORDERS:
            raise InputError(f"packets come in the order of {' or '.join(ORDERS)}, got {shown(order)}")
        columns, rows = (padded(side, self._model.levels) >> self._model.levels for side in (wide, tall))
        return ImageHeader(self.bundle.model_id, self.bundle.synthesis_id, 0, width, height, mode, columns, rows, ORDERS.index(order))

    def _check_header(self, header: container.Header) -> ImageHeader:
        header = self._own(header)
        if header.synthesis_id != self.bundle.synthesis_id:
            warnings.warn(SynthesisWarning(header.synthesis_id, self.bundle.synthesis_id), stacklevel=3)
        return header

    def _own(self, header: container.Header) -> ImageHeader:
        """Checks that this codec can take a stream with such a header."""
        if not isinstance(header, ImageHeader):
            raise ModelError(f"this stream holds a signal; {self.bundle.name} codes pictures")
        if header.model_id != self.bundle.model_id:
            raise ModelError(f"this stream needs model {header.model_id:08x}; {self.bundle.name} is {self.bundle.model_id:08x}")
        if header.width * header.height > self._max_pixels:
            raise LimitError(f"a picture of {header.width} x {header.height} pixels; the limit is {self._max_pixels} pixels")
        biggest = next(tiles(header, self._model.levels))
        if (biggest.rows * biggest.cols) << (2 * self._model.levels) > MAX_PADDED_PIXELS:
            side = 1 << self._model.levels
            raise LimitError(f"tiles of {biggest.cols * side} x {biggest.rows * side} pixels; the limit is {MAX_PADDED_PIXELS} pixels")
        if header.mode > 2 and self._model.colours == 1:
            raise FormatError("a colour picture in a stream of a model for grey ones")
        return header

    def _padded(self, header: ImageHeader) -> tuple[int, int]:
        return padded(header.height, self._model.levels), padded(header.width, self._model.levels)

    def _synthesiser(self) -> Synthesis:
        if self._synthesis is None:
            self._synthesis = Synthesis(self.bundle.network(self._threads), self._model, self.bundle.manifest["halo"])
        return self._synthesis


def _sides(tile: int | tuple[int, int]) -> tuple[int, int]:
    """Width and height of a tile."""
    if not isinstance(tile, (tuple, list)):
        return tile, tile
    if len(tile) != 2:
        raise InputError(f"a tile has a width and a height, got {shown(tile)}")
    return tile[0], tile[1]


def _mode(array: Pixels) -> int:
    """Colour mode of an array, or an error that says what is expected."""
    expected = "expected uint8 [H, W], [H, W, 2], [H, W, 3] or [H, W, 4]"
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        raise InputError(f"{expected}; received {getattr(array, 'dtype', type(array).__name__)}")
    mode = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if not 1 <= mode <= 4 or (array.ndim == 3 and mode == 1):
        raise InputError(f"{expected}; received shape {array.shape}")
    if array.size == 0:
        raise InputError(f"an empty picture: shape {array.shape}")
    return mode


def _file(header: ImageHeader, payloads: Sequence[bytes], metadata: tuple[Metadata, ...]) -> bytes:
    packets = tuple(Packet(container.DATA, i & 255, payload) for i, payload in enumerate(payloads))
    return container.write_file(File(header, packets, metadata))


def _part(header: ImageHeader, region: tuple[int, int, int, int] | None, scale: int, allowed: tuple[int, ...]) -> tuple[Box, int]:
    """The box that a region is at a scale, and the level that has this scale."""
    if not isinstance(scale, int) or scale not in allowed:
        raise InputError(f"a scale is one of {', '.join(map(str, allowed))}, got {shown(scale)}")
    wanted = (0, 0, header.width, header.height) if region is None else region
    if not isinstance(wanted, (tuple, list)) or len(wanted) != 4 or not all(isinstance(n, (int, np.integer)) for n in wanted):
        raise InputError(f"a region is four whole numbers (x, y, width, height), got {shown(region)}")
    x, y, width, height = map(int, wanted)
    if min(x, y) < 0 or min(width, height) < 1 or x + width > header.width or y + height > header.height:
        raise InputError(f"region {shown(region)} does not lie within {header.width} x {header.height} pixels")
    row, col = y // scale, x // scale
    return Box(row, col, -(-(y + height) // scale) - row, -(-(x + width) // scale) - col), scale.bit_length() - 1


def _reduced(plane: Pixels, box: Box, scale: int) -> Pixels:
    """A box of a plane at 1/scale of its size, by means over squares."""
    cut = plane[box.row * scale : (box.row + box.rows) * scale, box.col * scale : (box.col + box.cols) * scale]
    if scale == 1:
        return cut
    cut = np.pad(cut, ((0, box.rows * scale - cut.shape[0]), (0, box.cols * scale - cut.shape[1])), mode="edge")
    return np.asarray(np.rint(cut.reshape(box.rows, scale, box.cols, scale).mean((1, 3))), np.uint8)


def _metadata(alpha: Pixels | None, icc: bytes | None, exif: bytes | None) -> tuple[Metadata, ...]:
    packed = None if alpha is None else zlib.compress(alpha.tobytes(), 9)
    parts = ((container.META_ALPHA, packed), (container.META_EXIF, exif), (container.META_ICC, icc))
    return tuple(Metadata(kind, data) for kind, data in parts if data is not None)


def _check_alpha(header: ImageHeader, metadata: tuple[Metadata, ...]) -> None:
    count = sum(m.kind == container.META_ALPHA for m in metadata)
    if count != (header.mode in (2, 4)):
        raise FormatError(f"{count} alpha planes in a picture of mode {MODES[header.mode]}")


def _inflate_alpha(metadata: tuple[Metadata, ...], header: ImageHeader) -> Pixels:
    """The alpha plane, inflated no further than to the picture's size."""
    packed = next(m.data for m in metadata if m.kind == container.META_ALPHA)
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, header.width * header.height + 1)
    except zlib.error as error:
        raise FormatError(f"the alpha plane is damaged: {error}") from error
    if len(raw) != header.width * header.height or not inflater.eof or inflater.unused_data:
        raise FormatError("the alpha plane does not have the picture's size")
    return np.frombuffer(raw, np.uint8).reshape(header.height, header.width)
