"""Pillow opens and saves .vae pictures once this module is imported.

    import vaecodec.pillow
    from PIL import Image

    Image.open("photo.vae").save("photo.png")
    Image.open("photo.png").save("photo.vae", quality=70)      # or target_bytes=20000, model="photo"

`Image.draft` and `Image.thumbnail` decode at 1/2, 1/4, 1/8 .. of the size, from only the part of the file that this needs. ICC profile and EXIF
are kept.
"""

from __future__ import annotations

from typing import IO, Any

from PIL import Image, ImageFile, ImageOps

from vaecodec import api
from vaecodec.codec import container
from vaecodec.codec.errors import VaecodecError
from vaecodec.codec.image import ImageCodec
from vaecodec.io.images import pixels_of, upright

__all__ = ["VaeImageFile"]

FORMAT = "VAE"
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_ENCODER_OPTIONS = ("quality", "target_bytes", "target_bpp", "psnr", "effort", "tile")


class VaeImageFile(ImageFile.ImageFile):
    """A picture in a vaecodec file; pixels are decoded when they are first needed."""

    format = FORMAT
    format_description = "vaecodec picture"

    def _open(self) -> None:
        assert self.fp is not None
        self._data: bytes | None = self.fp.read()
        self._scale = 1
        try:
            file = container.read_file(self._data)
        except VaecodecError as error:
            raise SyntaxError(str(error)) from error
        header, metadata = file.header, file.metadata
        if not isinstance(header, container.ImageHeader):
            raise SyntaxError("this vaecodec file holds a signal")
        self._mode, self._size = MODES[header.mode], (header.width, header.height)
        names = {container.META_ICC: "icc_profile", container.META_EXIF: "exif"}
        self.info.update({names[m.kind]: upright(m.data) if m.kind == container.META_EXIF else m.data for m in reversed(metadata) if m.kind in names})

    def draft(self, mode: str | None, size: tuple[int, int] | None) -> tuple[str, tuple[int, int, float, float]] | None:
        """Chooses the smallest size that still covers `size`, before the picture is loaded; `mode` is not looked at."""
        if size is None or min(size) < 1 or self._data is None or self._scale != 1:
            return None
        codec = self._codec()
        width, height = self.size
        while self._scale < codec.scales[-1] and min(width // size[0], height // size[1]) >= 2 * self._scale:
            self._scale *= 2
        self._size = -(-width // self._scale), -(-height // self._scale)
        return self.mode, (0, 0, width / self._scale, height / self._scale)

    def load(self) -> Any:
        """Decodes the pixels.

        Raises:
            OSError: the stream is damaged or its model is not known.
        """
        if self._data is not None:
            try:
                pixels = self._codec().decode(self._data, scale=self._scale)
            except VaecodecError as error:
                raise OSError(str(error)) from error
            self._data, self.tile = None, []
            self.im = Image.fromarray(pixels).im
            if self.fp is not None and self._exclusive_fp and self._close_exclusive_fp_after_loading:
                self.fp.close()
            self.fp = None
        return super().load()

    def _codec(self) -> ImageCodec:
        assert self._data is not None
        try:
            codec = api.codec_for(self._data)
        except VaecodecError as error:
            raise OSError(str(error)) from error
        if not isinstance(codec, ImageCodec):
            raise OSError("this stream names a model for signals")
        return codec


def _save(image: Image.Image, file: IO[bytes], _: str | bytes) -> None:
    """What `Image.save` calls; its keywords are those of `ImageCodec.encode`, and `model`."""
    options = dict(image.encoderinfo)
    model = options.pop("model", "photo")
    exif = options.pop("exif", image.info.get("exif"))
    icc = options.pop("icc_profile", image.info.get("icc_profile"))
    chosen = {key: value for key, value in options.items() if key in _ENCODER_OPTIONS}
    block = exif.tobytes() if isinstance(exif, Image.Exif) else exif
    try:
        pixels = pixels_of(ImageOps.exif_transpose(image))
    except VaecodecError as error:
        raise OSError(str(error)) from error
    file.write(api.encode(pixels, model, **chosen, icc=icc or None, exif=upright(block)))


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(container.MAGIC)


Image.register_open(FORMAT, VaeImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, ".vae")
Image.register_mime(FORMAT, "image/x-vaecodec")
