"""Files, pipes and serial ports as sources."""

from __future__ import annotations

import os
import pty
import threading
import tty
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from vaecodec.codec.errors import FormatError, InputError
from vaecodec.edge_runtime.sources import FileSource, Format, GapError, PipeSource, SerialSource, Source, open_source
from vaecodec.edge_runtime.stop import Stop

RAW, LINES = Format(), Format(lines=True)


def everything(source: Source) -> list[list[int]]:
    rows: list[list[int]] = []
    while (samples := source.read(Stop())) is not None:
        rows += samples.tolist()
    source.close()
    return rows


def some(source: Source, count: int) -> list[list[int]]:
    """So many samples of a source that does not end."""
    rows: list[list[int]] = []
    while len(rows) < count:
        samples = source.read(Stop())
        assert samples is not None
        rows += samples.tolist()
    return rows


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "in.raw"
    path.write_bytes(np.arange(20000, dtype="<i2").tobytes())
    return path


@pytest.mark.parametrize("position", [0, 1, 9999, 20000])
def test_a_raw_file_is_read_on_from_any_sample(raw: Path, position: int) -> None:
    source = FileSource(raw, RAW)
    source.seek(position)
    assert everything(source) == [[i] for i in range(position, 20000)]


def test_channels_are_interleaved(raw: Path) -> None:
    source = FileSource(raw, Format(channels=4))
    source.seek(4999)
    assert everything(source) == [[19996, 19997, 19998, 19999]]


@pytest.mark.parametrize("position", [0, 1, 8999, 9000])
def test_a_file_of_lines_is_read_on_from_any_sample(tmp_path: Path, position: int) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a,b\n# a comment\n" + "".join(f"{i},{-i}\n" for i in range(9000)))
    source = FileSource(path, LINES)
    source.seek(position)
    assert everything(source) == [[i, -i] for i in range(position, 9000)]


def test_a_file_that_is_shorter_than_what_was_read_of_it_is_another_file(raw: Path, tmp_path: Path) -> None:
    with closing(FileSource(raw, RAW)) as source, pytest.raises(InputError, match="a spool of its own"):
        source.seek(20001)
    path = tmp_path / "in.csv"
    path.write_text("1\n2\n")
    with closing(FileSource(path, LINES)) as source:
        source.seek(3)
        with pytest.raises(InputError, match="1 samples before"):
            everything(source)


def test_a_file_that_ends_within_a_sample_is_damaged(raw: Path) -> None:
    raw.write_bytes(b"123")
    with closing(FileSource(raw, RAW)) as source, pytest.raises(FormatError):
        everything(source)


def test_a_file_is_followed_as_it_grows(raw: Path) -> None:
    source = FileSource(raw, RAW, follow=True)
    source.seek(19999)
    assert some(source, 1) == [[19999]]
    with raw.open("ab") as file:
        file.write(b"\x07")
        file.flush()
        assert source.read(Stop()).tolist() == []  # type: ignore[union-attr]
        file.write(b"\x00\x08\x00")
    assert some(source, 2) == [[7], [8]]
    source.close()


def test_a_pipe_is_read_to_its_end() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"\x01\x00\x02")
    os.write(writer, b"\x00")
    os.close(writer)
    assert everything(PipeSource(reader, RAW)) == [[1], [2]]
    os.close(reader)


def test_a_stop_ends_the_wait_for_a_pipe() -> None:
    reader, writer = os.pipe()
    stop = Stop()
    thread = threading.Thread(target=PipeSource(reader, RAW).read, args=(stop,))
    thread.start()
    stop.set()
    thread.join()
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("name", ["file:{}", "{}"])
def test_files_have_two_names(raw: Path, name: str) -> None:
    assert len(everything(open_source(name.format(raw), RAW))) == 20000


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_source(str(tmp_path / "no"), RAW)
    with pytest.raises(InputError, match="no such file"):
        open_source(str(tmp_path), RAW)


# --- serial ports, played by pseudo terminals -----------------------------------------------------------------------


class Port:
    """Both ends of a line; the device's has a name that stays."""

    def __init__(self, name: Path) -> None:
        self._name = name
        self.plug()

    def plug(self) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self._name.unlink(missing_ok=True)
        self._name.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        os.close(self.master)
        os.close(self._slave)

    def write(self, data: bytes) -> None:
        os.write(self.master, data)


def opened(source: Source) -> Source:
    """The source with its port open: what came before is not read."""
    stop = Stop()
    stop.set()
    assert source.read(stop).tolist() == []  # type: ignore[union-attr]
    return source


@pytest.fixture
def port(tmp_path: Path) -> Port:
    return Port(tmp_path / "tty")


def test_lines_from_a_serial_port_begin_with_a_whole_one(port: Port, tmp_path: Path) -> None:
    source = opened(open_source(f"serial:{tmp_path}/tty", LINES))
    port.write(b"34,5\n")
    port.write(b"1,2\n3,4\n5,")
    assert some(source, 2) == [[1, 2], [3, 4]]
    port.write(b"6\r\n")
    assert some(source, 1) == [[5, 6]]
    assert source.live
    source.close()


def test_lines_that_are_no_numbers_are_skipped_and_counted(port: Port, tmp_path: Path) -> None:
    lines: list[str] = []
    source = SerialSource(f"{tmp_path}/tty", 9600, LINES, lines.append)
    opened(source)
    port.write(b"\n1\nreset!\n2\n3,4\n\xff\xfe\n5\n")
    assert some(source, 3) == [[1], [2], [5]]
    assert source.skipped == 3
    assert sum("skipped" in line for line in lines) == 3
    source.close()


def test_raw_samples_come_from_a_serial_port(port: Port, tmp_path: Path) -> None:
    source = opened(SerialSource(f"{tmp_path}/tty", 9600, RAW))
    port.write(b"\x01\x00\x02\x00")
    assert some(source, 2) == [[1], [2]]
    source.close()


def test_a_serial_port_that_comes_back_has_a_gap(port: Port, tmp_path: Path) -> None:
    lines: list[str] = []
    source = opened(SerialSource(f"{tmp_path}/tty", 9600, LINES, lines.append))
    port.write(b"\n1\n")
    assert some(source, 1) == [[1]]
    port.unplug()
    assert source.read(Stop()).tolist() == []  # type: ignore[union-attr]
    port.plug()
    with pytest.raises(GapError):
        some(source, 1)
    port.write(b"\n2\n")
    assert some(source, 1) == [[2]]
    assert any("again until it is back" in line for line in lines)
    source.close()


def test_a_serial_port_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    source = SerialSource(f"{tmp_path}/tty", 9600, LINES)
    opened(source)
    port = Port(tmp_path / "tty")
    opened(source)
    port.write(b"\n1\n")
    assert some(source, 1) == [[1]]
    source.close()
