"""From folders of files to batches: readers, the split into training and validation, crops and windows, augmentation.

These readers give numbers to train on and nothing else. Files that a user encodes, with their column names, units and headers
to be given back, are read by `vaecodec.io`, which lies a floor above this part.
"""
