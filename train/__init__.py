"""Models, data pipelines and training. Imports TensorFlow; nothing below it may."""
