"""Packets by MQTT 3.1.1: topic PREFIX/DEVICE/STREAM, quality of service 1 (docs/edge.md)."""

from __future__ import annotations

import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from vaecodec.codec.stream_syntax import long_varint
from vaecodec.edge_runtime.spool import Batch
from vaecodec.edge_runtime.transport import Link, LinkError, Transport

__all__ = ["MqttTransport"]

PREFIX = "vaecodec"
PORT, TLS_PORT = 1883, 8883
KEEP_ALIVE = 60
# Packets on their way at a time.
WINDOW = 32


class MqttTransport(Transport):
    """One session, made anew after any trouble: the spool remembers what is to be sent again, not the client.

    Args:
        link: where to; the path of its URL is the beginning of the topic, `vaecodec` unless given.
    """

    def __init__(self, link: Link) -> None:
        self._link, self._url = link, link.parts
        self._prefix = self._url.path.strip("/") or PREFIX
        self._client: mqtt.Client | None = None
        self._down = threading.Event()
        self._up = threading.Event()
        self._refused = ""

    def send(self, batch: Batch) -> int:
        """As `Transport.send`; a packet counts once the broker's PUBACK has come."""
        deadline = time.monotonic() + self._link.timeout
        try:
            client = self._connected(deadline)
            messages = [client.publish(self._topic(batch), payload, qos=1) for payload in self._payloads(batch)]
            count = self._wait(messages, deadline)
        except (OSError, ValueError, RuntimeError) as error:
            self.close()
            raise LinkError(f"{self._url.hostname}: {error}") from error
        if count < len(messages):
            self.close()
        if not count:
            raise LinkError(f"{self._url.hostname}: the broker acknowledged nothing")
        return count

    def _topic(self, batch: Batch) -> str:
        return f"{self._prefix}/{self._link.device}/{batch.stream}"

    def _payloads(self, batch: Batch) -> list[bytes]:
        head = long_varint(batch.header.start) + long_varint(batch.header.time)
        return [long_varint(record.sequence) + head + record.packet for record in batch.records]

    def _connected(self, deadline: float) -> mqtt.Client:
        if self._client is not None and not self._down.is_set():
            return self._client
        self.close()
        self._client = client = self._make()
        default = TLS_PORT if self._url.scheme == "mqtts" else PORT
        client.connect(str(self._url.hostname), self._url.port or default, KEEP_ALIVE)
        client.loop_start()
        while not self._up.wait(0.01):
            if self._down.is_set() or time.monotonic() > deadline:
                raise OSError(self._refused or "the broker does not answer")
        return client

    def _make(self) -> mqtt.Client:
        self._down, self._up, self._refused = threading.Event(), threading.Event(), ""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        client.connect_timeout = self._link.timeout
        client.max_inflight_messages_set(WINDOW)
        if self._url.username is not None:
            client.username_pw_set(self._url.username, self._link.secret)
        if self._url.scheme == "mqtts":
            client.tls_set_context(self._link.tls())
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        return client

    def _on_connect(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
            self._down.set()
        else:
            self._up.set()

    def _on_disconnect(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._down.set()

    def _wait(self, messages: list[mqtt.MQTTMessageInfo], deadline: float) -> int:
        """How many messages, from the first on, the broker acknowledged in time."""
        for count, message in enumerate(messages):
            while not message.is_published():
                if self._down.is_set() or time.monotonic() > deadline:
                    return count
                message.wait_for_publish(0.05)
        return len(messages)

    def close(self) -> None:
        """As `Transport.close`."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()
