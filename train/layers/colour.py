"""The colour mix: RGB to luma and two chroma planes whose equal steps minimise the squared error in RGB."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# Luma and chroma weights of ITU-R BT.601. With unit steps the squared RGB error of plane i is |column i of the inverse|^2 / 12;
# dividing a plane by (that norm of luma / its own) makes all three cost the same.
BT601 = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def mix_matrix() -> np.ndarray:
    """[C out, C in], rows scaled so that equal steps cost equal RGB error, luma of unit gain."""
    norms = np.linalg.norm(np.linalg.inv(BT601), axis=0)
    return BT601 * (norms / norms[0])[:, None]


class Colour(tf.keras.layers.Layer):
    """A C x C linear map of the last axis; `inverse` starts as the inverse of the mix."""

    def __init__(self, inverse: bool = False, trainable_mix: bool = False, **kwargs):
        super().__init__(**kwargs)
        m = mix_matrix()
        start = (np.linalg.inv(m) if inverse else m).T
        self.mix = self.add_weight("mix", shape=start.shape, initializer=tf.keras.initializers.Constant(start), trainable=trainable_mix)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.einsum("...i,ij->...j", x, self.mix)
