"""This codec beside its peers, on the same files, by one protocol."""
