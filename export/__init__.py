"""From a training run to what ships: bundles, .tflite files, firmware."""
