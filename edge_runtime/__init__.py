"""What a device runs: the C core's sources and the Python client."""
