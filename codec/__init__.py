"""Streams, bundles, and the codecs between arrays and streams."""

from __future__ import annotations
