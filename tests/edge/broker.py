"""A real broker, mosquitto, on a loopback port, and somebody who listens to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from common import missing
from paho.mqtt.enums import CallbackAPIVersion


def program() -> str:
    """Where mosquitto is; Debian keeps it where only root looks."""
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        missing("mosquitto")
    return found


class Broker:
    """Can be stopped and started again; remembers sessions over that."""

    def __init__(self, folder: Path, more: str = "") -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._folder, self._process = folder, None
        self._settings = folder / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""
        persistence = f"persistence true\npersistence_location {folder}/\nautosave_interval 1\nautosave_on_changes true\n"
        self._settings.write_text(f"listener {self.port} 127.0.0.1\n{user}{persistence}max_queued_messages 0\n{more or 'allow_anonymous true'}\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Runs it; returns once it listens."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([program(), "-c", str(self._settings)], stdout=log, stderr=log)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert self._process.poll() is None, (self._folder / "mosquitto.log").read_text()
                time.sleep(0.01)

    def stop(self) -> None:
        """Ends it; it saves what it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


class Subscriber:
    """Takes every message of a broker, in a session that outlives it."""

    def __init__(self, broker: Broker, topic: str = "#", login: tuple[str, str] | None = None) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self._topic, self._ready = topic, False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        if login:
            self._client.username_pw_set(*login)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._take
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        while not self._ready:
            time.sleep(0.01)

    def _subscribed(self, *_: Any) -> None:
        self._ready = True

    def _take(self, client: Any, data: Any, message: mqtt.MQTTMessage) -> None:
        self.messages.append((message.topic, message.payload))

    def wait(self, count: int) -> list[tuple[str, bytes]]:
        """Messages, once there are so many different ones."""
        while len(set(self.messages)) < count:
            time.sleep(0.01)
        return self.messages

    def close(self) -> None:
        """Ends listening."""
        self._client.disconnect()
        self._client.loop_stop()
