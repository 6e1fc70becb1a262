"""Readers and writers of the files that the command line takes."""

from __future__ import annotations
