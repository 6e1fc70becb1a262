"""What a spool holds, told while another process may have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vaecodec.edge_runtime.segments import load

__all__ = ["inspect"]


def inspect(folder: Path) -> dict[str, Any]:
    """Facts of a spool's folder.

    Returns:
        packets_waiting; bytes on the disk; samples of the source in durable packets; the running stream's `epoch`; next_sequence;
        delivered: packets below this sequence number need not be sent any more; packets dropped and damaged, ever; files with torn ends or
        damaged headers, which the next start mends.
    """
    found = load(folder)
    delivered = max(found.cursor.delivered, found.segments[0].header.sequence if found.segments else 0)
    return {
        "packets_waiting": found.next - delivered,
        "bytes": sum(segment.size for segment in found.segments),
        "samples": found.position,
        "epoch": found.epoch,
        "next_sequence": found.next,
        "delivered": delivered,
        "dropped": found.cursor.dropped,
        "damaged": found.cursor.damaged,
        "torn_files": len(found.torn),
        "bad_files": len(found.damaged) + len(list(folder.glob("*.bad"))),
    }
