"""The spool on a disk that keeps what was synchronised and nothing else: a power cut after any call loses no acknowledged packet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from edge.disk import Disk, Files, watched

from vaecodec.edge_runtime.spool import LEAST_BYTES, Spool


@dataclass(frozen=True)
class Promise:
    """What holds at a moment: packets below `taken` were acknowledged to the source, those below `gone` delivered or dropped."""

    taken: int
    gone: int


def packet(number: int) -> bytes:
    return bytes([number % 251 + 1]) * (900 + number)


def run(disk: Disk, promises: list[Promise]) -> None:
    """Takes, delivers and drops packets over three starts, and writes down what it promised."""
    number = gone = 0

    def promise() -> None:
        promises.append(Promise(number, gone))
        disk.promise = len(promises) - 1

    promise()
    for start in range(3):
        spool = Spool(disk.folder, LEAST_BYTES)
        spool.begin_stream()
        for step in range(14):
            many = [(packet(number + i), number + i + 1) for i in range(1 + step % 3)]
            number += spool.append(many)
            promise()
            if step % 3 == start % 3 and (batch := spool.batch(3, 1 << 20)):
                gone = batch.sequence + len(batch.records)  # the receiver has them, whatever becomes of us
                promise()
                spool.acknowledge(gone)
            if step == 12:
                gone = max(gone, int(sorted(disk.folder.glob("*.seg"))[1].stem))  # the next one's first number
                promise()
                spool.drop_oldest()
        spool.close()


def left(folder: Path, files: Files) -> tuple[dict[int, bytes], Spool]:
    """What a start finds."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    spool, found = Spool(folder, LEAST_BYTES), {}
    while (batch := spool.batch(1000, 1 << 20)) is not None:
        found |= {record.sequence: record.packet for record in batch.records}
        spool.acknowledge(batch.sequence + len(batch.records))
    return found, spool


def test_a_power_cut_after_any_call_loses_nothing_that_was_promised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    promises: list[Promise] = []
    with watched(tmp_path / "spool", monkeypatch) as disk:
        run(disk, promises)
    states = 0
    for number, files in ((number, files) for number, many in disk.cuts for files in many):
        promised = promises[number]
        states += 1
        found, spool = left(tmp_path / str(states), files)
        assert set(range(promised.gone, promised.taken)) <= set(found), (states, promised)
        assert all(data == packet(sequence) for sequence, data in found.items())
        assert spool.position >= promised.taken
        assert spool.begin_stream().sequence >= promised.taken
        spool.close()
    assert states > 300
