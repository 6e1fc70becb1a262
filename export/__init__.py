"""From a training run to what ships: bundles, .tflite files, firmware.

`symbols` holds the integer program of a model, `wavelets` the filter bank it starts from, `untrained` a model without
training, `encoder_tflite` the analysis for other engines. None of these needs TensorFlow.
"""
