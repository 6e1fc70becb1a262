"""HTTPS and MQTT over TLS: packets go to whom the certificate vouches for, and to nobody else."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge import certificates
from edge.broker import Broker
from edge.certificates import Certificate

from vaecodec.benchmarks.edge_receiver import receiving
from vaecodec.edge_runtime.spool import Batch, Spool
from vaecodec.edge_runtime.transport import Link, LinkError, open_transport


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    spool = Spool(tmp_path / "spool")
    spool.begin_stream()
    spool.append([(b"packet", 1)])
    found = spool.batch(1, 100)
    assert found is not None
    return found


@pytest.fixture
def https(tmp_path: Path, certificate: Certificate) -> Iterator[str]:
    with receiving(tmp_path) as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        yield f"https://127.0.0.1:{receiver.server_port}/"


@pytest.fixture
def mqtts(tmp_path: Path, certificate: Certificate) -> Iterator[str]:
    broker = Broker(tmp_path, f"allow_anonymous true\ncertfile {certificate.certificate}\nkeyfile {certificate.key}")
    broker.start()
    yield f"mqtts://127.0.0.1:{broker.port}"
    broker.stop()


@pytest.fixture(params=["https", "mqtts"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


def test_packets_go_to_whom_a_given_certificate_vouches_for(url: str, batch: Batch, certificate: Certificate) -> None:
    transport = open_transport(Link(url, "ward-7", authority=certificate.certificate, timeout=5.0))
    assert transport.send(batch) == 1
    transport.close()


# Of a handshake that failed, paho leaves the socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_they_go_to_nobody_else(url: str, batch: Batch) -> None:
    with pytest.raises(LinkError, match="(?i)certificate"):
        open_transport(Link(url, "ward-7", timeout=5.0)).send(batch)
