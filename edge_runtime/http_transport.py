"""Packets by HTTP: POST /v1/streams/DEVICE/STREAM/packets (docs/edge.md)."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote, urlencode

from vaecodec.codec.container import varint
from vaecodec.edge_runtime.spool import Batch
from vaecodec.edge_runtime.transport import Link, LinkError, Transport

__all__ = ["MEDIA_TYPE", "HttpTransport"]

MEDIA_TYPE = "application/vnd.vaecodec.packets"
# An answer that is longer is none of ours.
MOST_ANSWER = 1 << 16
# What a receiver may make us wait, in seconds.
MOST_WAIT = 300.0
TOO_LARGE = 413


class HttpTransport(Transport):
    """One connection, kept open from batch to batch.

    Args:
        link: where to.
    """

    def __init__(self, link: Link) -> None:
        self._link, self._url = link, link.parts
        self._context = link.tls() if self._url.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def send(self, batch: Batch) -> int:
        """As `Transport.send`."""
        try:
            status, wait, body = self._post(batch)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise LinkError(f"{self._url.hostname}: {error or type(error).__name__}") from error
        if not 200 <= status < 300:
            raise LinkError(f"{self._url.hostname} answers {status}: {_shown(body)}", wait, smaller=status == TOO_LARGE)
        return _acknowledged(body, batch)

    def _post(self, batch: Batch) -> tuple[int, float, bytes]:
        """Status, seconds to wait, and body of the answer."""
        if self._connection is None:
            self._connection = self._connect()
        body = b"".join(varint(len(packet)) + packet for packet in batch.packets)
        self._connection.request("POST", self._target(batch), body, self._headers())
        answer = self._connection.getresponse()
        content = answer.read(MOST_ANSWER + 1)
        if len(content) > MOST_ANSWER or answer.will_close:
            self.close()
        return answer.status, _seconds(answer.getheader("Retry-After")), content

    def _connect(self) -> http.client.HTTPConnection:
        host, port, timeout = str(self._url.hostname), self._url.port, self._link.timeout
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=timeout)
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._context)

    def _target(self, batch: Batch) -> str:
        path = f"{self._url.path.rstrip('/')}/v1/streams/{quote(self._link.device)}/{quote(batch.stream)}/packets"
        return path + "?" + urlencode({"sequence": batch.sequence, "start": batch.header.start, "time": batch.header.time})

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": MEDIA_TYPE}
        if self._link.secret is not None:
            headers["Authorization"] = f"Bearer {self._link.secret}"
        return headers

    def close(self) -> None:
        """As `Transport.close`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _seconds(text: str | None) -> float:
    return min(MOST_WAIT, float(text)) if text and text.isascii() and text.isdigit() else 0.0


def _shown(body: bytes) -> str:
    """The beginning of an answer, as one line."""
    return " ".join(body[:200].decode("utf-8", "replace").split()) or "nothing"


def _acknowledged(body: bytes, batch: Batch) -> int:
    """Packets up to the highest durable number that an answer names.

    Raises:
        LinkError: it names none: whatever answered is no receiver of packets.
    """
    try:
        durable = json.loads(body)["durable"]
    except (ValueError, TypeError, KeyError, RecursionError):
        durable = None
    if type(durable) is not int:
        raise LinkError(f'the answer has no number "durable": {_shown(body)}')
    return max(0, min(durable + 1 - batch.sequence, len(batch.records)))
