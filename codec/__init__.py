"""What both ends share: containers, bundles, the prior and the image and signal codecs."""
