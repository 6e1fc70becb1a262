"""The reconstruction service."""
