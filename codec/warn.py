"""Warnings of the codec."""

from __future__ import annotations

__all__ = ["PartialWarning", "StepWarning", "SynthesisWarning"]


class SynthesisWarning(UserWarning):
    """The stream was made for other decoder weights of the same model: latents are exact, samples may differ."""

    def __init__(self, wanted: int, have: int) -> None:
        super().__init__(f"the stream names synthesis {wanted:04x}, this bundle has {have:04x}: it decodes, but not to the quoted figures")


class PartialWarning(UserWarning):
    """Packets of a picture are missing; what they held was left out."""

    def __init__(self, came: int, count: int) -> None:
        super().__init__(f"{came} of {count} packets came: the picture is coarser, or parts of it are grey")


class StepWarning(UserWarning):
    """Float samples whose channels are not those that the model knows the steps of."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"the model's steps are those of {', '.join(names)}: for other channels they are found from the data")
