"""What a bundle says about itself beyond what its weights show."""

from __future__ import annotations

from dataclasses import dataclass

PACKET_SECONDS = 30.0


@dataclass(frozen=True)
class Facts:
    """What a bundle says about itself beyond what its weights show.

    Attributes:
        name: of the model; the config's unless given.
        version: of these weights.
        licence: of the weights, an SPDX identifier.
        sources: data they were trained on, one text each: name, licence, what part.
        description: one or two sentences: what it codes and for whom.
        command: how it was made.
    """

    name: str | None = None
    version: str = "1"
    licence: str = "Apache-2.0"
    sources: tuple[str, ...] = ()
    description: str = ""
    command: str = ""
