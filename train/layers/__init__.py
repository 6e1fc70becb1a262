"""Keras layers of the model."""
