"""The spool: what it gives out is what it took, whatever happened to its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecodec.codec.errors import InputError, LimitError
from vaecodec.edge_runtime.records import HEADER_BYTES, RECORD_BYTES, SegmentHeader, scan, write_record
from vaecodec.edge_runtime.segments import Cursor
from vaecodec.edge_runtime.spool import LEAST_BYTES, Spool, SpoolFullError
from vaecodec.edge_runtime.status import inspect

PACKETS = [(bytes([i + 1]) * (i % 7 + 1), 10 * (i + 1)) for i in range(40)]


def filled(folder: Path, packets: list[tuple[bytes, int]] = PACKETS, most: int = LEAST_BYTES) -> Spool:
    """An open spool with one stream."""
    spool = Spool(folder, most)
    spool.begin_stream()
    put(spool, packets)
    return spool


def put(spool: Spool, packets: list[tuple[bytes, int]]) -> None:
    while packets:
        packets = packets[spool.append(packets) :]


def rest(spool: Spool) -> list[tuple[int, bytes, int]]:
    """Takes all that waits."""
    out = []
    while (batch := spool.batch(5, 1 << 16)) is not None:
        out += [(record.sequence, record.packet, record.position) for record in batch.records]
        spool.acknowledge(batch.sequence + len(batch.records))
    return out


def expected(packets: list[tuple[bytes, int]], first: int = 0) -> list[tuple[int, bytes, int]]:
    return [(number, packet, position) for number, (packet, position) in enumerate(packets, first)]


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.seg"))


def test_gives_packets_out_in_order(tmp_path: Path) -> None:
    spool = filled(tmp_path)
    assert rest(spool) == expected(PACKETS)
    assert spool.waiting == 0


def test_numbers_and_positions_go_on_after_a_restart(tmp_path: Path) -> None:
    filled(tmp_path).close()
    spool = Spool(tmp_path)
    assert (spool.position, spool.waiting, spool.epoch) == (400, 40, 1)
    assert spool.begin_stream().epoch == 2
    put(spool, [(b"more", 404)])
    assert rest(spool) == expected([*PACKETS, (b"more", 404)])


def test_a_restart_with_all_delivered_goes_on_too(tmp_path: Path) -> None:
    spool = filled(tmp_path)
    rest(spool)
    spool.close()
    spool = Spool(tmp_path)
    assert (spool.position, spool.waiting) == (400, 0)
    spool.begin_stream()
    put(spool, [(b"more", 404)])
    assert rest(spool) == [(40, b"more", 404)]


def test_streams_have_names_of_their_own(tmp_path: Path) -> None:
    spool = filled(tmp_path / "a", PACKETS[:1])
    spool.begin_stream()
    put(spool, PACKETS[1:2])
    names = []
    while (batch := spool.batch(9, 99)) is not None:
        names.append(batch.stream)
        spool.acknowledge(batch.sequence + len(batch.records))
    other = filled(tmp_path / "b", PACKETS[:1]).batch(1, 1)
    assert other is not None
    assert len({*names, other.stream}) == 3


def test_what_was_not_acknowledged_is_given_out_again(tmp_path: Path) -> None:
    spool = filled(tmp_path)
    first = spool.batch(10, 1 << 16)
    assert first is not None
    spool.acknowledge(first.sequence + 4)
    spool.close()
    assert rest(Spool(tmp_path)) == expected(PACKETS)[4:]


def test_a_batch_is_bounded_but_never_empty(tmp_path: Path) -> None:
    spool = filled(tmp_path, [(bytes(100), 1), (bytes(100), 2), (bytes(100), 3)])
    assert [len(spool.batch(*most).records) for most in ((9, 1), (9, 199), (9, 200), (2, 999), (9, 999))] == [1, 1, 2, 2, 3]  # type: ignore[union-attr]


def test_delivered_segments_are_removed(tmp_path: Path) -> None:
    packets = [(bytes(1000), i) for i in range(1, 41)]
    spool = filled(tmp_path, packets)
    many = len(segments(tmp_path))
    rest(spool)
    assert many > 5
    assert len(segments(tmp_path)) == 1


def test_takes_no_more_than_it_may(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LEAST_BYTES)
    spool.begin_stream()
    taken = 0
    while spool.size + RECORD_BYTES + HEADER_BYTES + 500 <= LEAST_BYTES:
        taken += spool.append([(bytes(500), taken)])
    with pytest.raises(SpoolFullError):
        spool.append([(bytes(600), taken)])
    assert sum(path.stat().st_size for path in segments(tmp_path)) == spool.size <= LEAST_BYTES
    assert len(rest(spool)) == taken
    assert spool.append([(bytes(500), taken)]) == 1


def test_the_oldest_packets_are_dropped_and_counted(tmp_path: Path) -> None:
    spool = filled(tmp_path, [(bytes(1000), i) for i in range(1, 51)])
    lost = spool.drop_oldest()
    assert lost > 0
    spool.close()
    spool = Spool(tmp_path)
    assert spool.dropped == lost
    assert [number for number, _, _ in rest(spool)] == list(range(lost, 50))
    assert inspect(tmp_path)["dropped"] == lost


def test_the_newest_segment_is_never_dropped(tmp_path: Path) -> None:
    assert filled(tmp_path, PACKETS[:2]).drop_oldest() == 0


def test_a_full_disk_leaves_the_spool_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from vaecodec.edge_runtime import spool as module

    def torn(handle: int, data: bytes) -> None:
        import os

        os.write(handle, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    spool = filled(tmp_path, PACKETS[:3])
    before = segments(tmp_path)[0].read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_all", torn)
        with pytest.raises(SpoolFullError, match="disk is full"):
            spool.append(PACKETS[3:5])
        assert segments(tmp_path)[0].read_bytes() == before
        spool.begin_stream()
        with pytest.raises(SpoolFullError, match="disk is full"):
            spool.append(PACKETS[3:5])
        assert len(segments(tmp_path)) == 1
    put(spool, PACKETS[3:5])
    assert rest(spool) == expected(PACKETS[:5])


def test_a_packet_that_is_too_large_for_the_spool_is_refused(tmp_path: Path) -> None:
    spool = filled(tmp_path, PACKETS[:1])
    with pytest.raises(LimitError):
        spool.append([(bytes(LEAST_BYTES), 20)])


def test_one_process_has_a_spool_at_a_time(tmp_path: Path) -> None:
    spool = filled(tmp_path)
    with pytest.raises(InputError, match="another process"):
        Spool(tmp_path)
    spool.close()
    Spool(tmp_path)


def test_a_spool_belongs_to_one_source(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.belong_to("file:a")
    spool.belong_to("file:a")
    with pytest.raises(InputError, match="file:a"):
        spool.belong_to("file:b")


# --- power cuts -----------------------------------------------------------------------------------------------------


def recovered(folder: Path) -> list[tuple[int, bytes, int]]:
    """What a restart finds, and that it goes on from there."""
    spool = Spool(folder)
    position, waiting = spool.position, spool.waiting
    spool.begin_stream()
    put(spool, [(b"after", position + 1)])
    found = rest(spool)
    spool.close()
    assert len(found) == waiting + 1
    assert found[-1][1:] == (b"after", position + 1)
    assert position == (found[-2][2] if waiting else 0)
    return found[:-1]


@pytest.mark.parametrize("lost", [b"", b"\0", b"\xff"])
def test_an_unsynced_tail_may_be_lost_at_any_byte(tmp_path: Path, lost: bytes) -> None:
    """Cuts, zeroes or scrambles the newest segment from every byte on: the records before stay, and no other comes."""
    packets = PACKETS[:5]
    filled(tmp_path / "whole", packets).close()
    (path,) = segments(tmp_path / "whole")
    data = path.read_bytes()
    ends = [HEADER_BYTES, *(record.end for record in scan(data, 0, HEADER_BYTES))]
    for cut in range(len(data)):
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        (folder / path.name).write_bytes(data[:cut] + lost * (len(data) - cut))
        kept = max((i for i, end in enumerate(ends) if end <= cut), default=0)
        assert recovered(folder) == expected(packets[:kept]), cut
        shutil.rmtree(folder)


@pytest.mark.parametrize("lost", [b"", b"\0"])
def test_a_segment_that_was_just_begun_may_be_lost_at_any_byte(tmp_path: Path, lost: bytes) -> None:
    spool = filled(tmp_path / "whole", PACKETS[:3])
    spool.begin_stream()
    put(spool, PACKETS[3:4])
    spool.close()
    second = segments(tmp_path / "whole")[1]
    data = second.read_bytes()
    for cut in range(len(data)):
        folder = tmp_path / f"cut-{cut}"
        shutil.copytree(tmp_path / "whole", folder)
        (folder / second.name).write_bytes(data[:cut] + lost * (len(data) - cut))
        assert recovered(folder) == expected(PACKETS[:3]), cut
        shutil.rmtree(folder)


@pytest.mark.parametrize("content", [b"", b"\0" * 20, b"delivered", b"delivered 4\ndropped 0\n", "\u0661".encode()])
def test_without_its_cursor_all_that_is_there_is_sent_again(tmp_path: Path, content: bytes) -> None:
    spool = filled(tmp_path)
    batch = spool.batch(9, 9999)
    assert batch is not None
    spool.acknowledge(9)
    spool.close()
    (tmp_path / "cursor").write_bytes(content)
    assert rest(Spool(tmp_path)) == expected(PACKETS)


def test_numbers_are_never_used_twice_even_if_delivered_packets_are_lost_from_the_disk(tmp_path: Path) -> None:
    spool = filled(tmp_path)
    rest(spool)
    spool.close()
    (path,) = segments(tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    spool = Spool(tmp_path)
    assert spool.begin_stream().sequence == 40


def test_damage_within_costs_its_segment_and_is_counted(tmp_path: Path) -> None:
    packets = [(bytes([i]) * 1000, i) for i in range(1, 21)]
    filled(tmp_path, packets).close()
    first, second = segments(tmp_path)[:2]
    data = bytearray(first.read_bytes())
    data[HEADER_BYTES + RECORD_BYTES + 1000 + RECORD_BYTES + 5] ^= 1  # in the second record
    first.write_bytes(data)
    lines: list[str] = []
    spool = Spool(tmp_path, log=lines.append)
    begin = int(second.stem)
    assert rest(spool) == [expected(packets)[0], *expected(packets)[begin:]]
    spool.close()
    assert inspect(tmp_path)["damaged"] == begin - 1
    assert any("cannot be read back" in line for line in lines)


def test_an_older_segment_without_header_is_set_aside(tmp_path: Path) -> None:
    packets = [(bytes([i]) * 1000, i) for i in range(1, 21)]
    filled(tmp_path, packets).close()
    first, second, third = segments(tmp_path)[:3]
    second.write_bytes(bytes(second.stat().st_size))
    spool = Spool(tmp_path)
    assert rest(spool) == expected(packets)[: int(second.stem)] + expected(packets)[int(third.stem) :]
    assert second.with_name(second.name + ".bad").exists()
    assert inspect(tmp_path)["bad_files"] == 1
    assert first.name == f"{0:020d}.seg"


# --- bytes ----------------------------------------------------------------------------------------------------------


@given(st.binary(min_size=1, max_size=200), st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1), st.binary(max_size=30))
def test_a_record_is_read_as_it_was_written(packet: bytes, sequence: int, position: int, tail: bytes) -> None:
    data = write_record(sequence, position, packet)
    (record, *_) = scan(data + tail, sequence)
    assert (record.sequence, record.position, record.packet, record.end) == (sequence, position, packet, len(data))


@given(st.binary(max_size=120), st.integers(0, 3))
def test_any_bytes_are_no_records(data: bytes, sequence: int) -> None:
    assert list(scan(data, sequence)) == []
    assert SegmentHeader.read(data) is None


def test_headers_and_cursors_are_read_as_written(tmp_path: Path) -> None:
    header = SegmentHeader(1 << 63, 2, 3, 4, 5)
    assert SegmentHeader.read(header.write() + b"more") == header
    (tmp_path / "cursor").write_bytes(Cursor(7, 8, 9).write())
    assert Cursor.read(tmp_path / "cursor") == Cursor(7, 8, 9)
