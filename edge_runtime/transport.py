"""How packets get to a receiver: one interface for HTTP and MQTT."""

from __future__ import annotations

import re
import ssl
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from vaecodec.codec.errors import InputError, UnsupportedError, VaecodecError
from vaecodec.edge_runtime.spool import Batch

__all__ = ["Link", "LinkError", "Transport", "open_transport"]

DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class LinkError(VaecodecError):
    """The packets did not get through, as far as we know; they are sent again later.

    Attributes:
        wait: seconds that the receiver asks for before the next try.
        smaller: whether the receiver takes fewer bytes at a time.
    """

    def __init__(self, message: str, wait: float = 0.0, *, smaller: bool = False) -> None:
        super().__init__(message)
        self.wait, self.smaller = wait, smaller


@dataclass(frozen=True)
class Link:
    """Where packets go.

    Attributes:
        url: http://, https://, mqtt:// or mqtts://.
        device: what the receiver calls us: letters, digits and . _ -, 64 at most.
        secret: bearer token of HTTP, password of MQTT.
        authority: certificates to trust, in place of the system's.
        timeout: seconds that the receiver may take.
    """

    url: str
    device: str
    secret: str | None = None
    authority: Path | None = None
    timeout: float = 30.0

    def __post_init__(self) -> None:
        if not DEVICE.fullmatch(self.device):
            raise InputError(f"a device has a name of letters, digits and . _ -, 64 at most; got {self.device!r}")

    @property
    def parts(self) -> SplitResult:
        """The URL's parts.

        Raises:
            InputError: it has no host, or a port that is none.
        """
        try:
            parts = urlsplit(self.url)
            named = bool(parts.hostname) and parts.port != 0
        except ValueError as error:
            raise InputError(f"{self.url!r}: {error}") from error
        if not named:
            raise InputError(f"{self.url!r} names no host; expected a URL such as https://host/ or mqtt://host:1883")
        if parts.password is not None:
            raise InputError("a password in a URL can be seen by others: give it with a file")
        return parts

    def tls(self) -> ssl.SSLContext:
        """What to trust."""
        return ssl.create_default_context(cafile=None if self.authority is None else str(self.authority))


class Transport(ABC):
    """Sends packets and waits for the receiver's word that it has them for good."""

    @abstractmethod
    def send(self, batch: Batch) -> int:
        """Sends a batch.

        Returns:
            How many of its packets, from the first on, the receiver acknowledged.

        Raises:
            LinkError: none, as far as we know.
        """

    def close(self) -> None:  # noqa: B027 - not all have a connection
        """Lets go of the connection."""


def open_transport(link: Link) -> Transport:
    """The transport of a URL; connects with the first packets.

    Raises:
        InputError: such URLs are not known.
        UnsupportedError: a package that it needs is not installed.
    """
    scheme = link.parts.scheme
    if scheme in ("http", "https"):
        from vaecodec.edge_runtime.http_transport import HttpTransport

        return HttpTransport(link)
    if scheme in ("mqtt", "mqtts"):
        try:
            from vaecodec.edge_runtime.mqtt_transport import MqttTransport
        except ImportError as error:
            raise UnsupportedError(f"MQTT needs the package {error.name!r}: pip install '.[edge]'") from error
        return MqttTransport(link)
    raise InputError(f"{link.url!r}: expected http://, https://, mqtt:// or mqtts://")
