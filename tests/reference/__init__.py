"""A second implementation of docs/format.md, in plain Python and NumPy, written for reading and not for speed.

One module a section. The C core must agree with it bit for bit; where they differ, the page decides which one is wrong.
"""
