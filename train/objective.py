"""The objective R + lambda D, with lambda tied to the step.

A uniform quantiser of step s in an orthonormal transform has at high rate the distortion D = s^2 / 12 a coefficient and
the rate R = h - log2 s (Gish and Pierce, "Asymptotically efficient quantizing", 1968), h the differential entropy in
bits. Hence

    dD/ds = s / 6,   dR/ds = -1 / (s ln 2),   dD/dR = -(ln 2 / 6) s^2,

and R + lambda D is stationary in s at lambda = 6 / (ln 2 s^2): the step that a stream asks for is then the best one for
its lambda (Sullivan and Wiegand, "Rate-distortion optimization for video compression", 1998, derive lambda from the
quantiser in the same way). With D in units of s^2 lambda is `SLOPE`, 8.656 bits, for every step.

This lambda is also what makes the objective an evidence lower bound with nothing left to choose: a Gaussian likelihood of
variance sigma^2 has lambda = 1 / (2 ln 2 sigma^2), so sigma^2 = s^2 / 12, the very variance of the rounding noise that is
the posterior. docs/training.md writes it out.
"""

from __future__ import annotations

import tensorflow as tf

from vaecodec.codec.rdoq import SLOPE

RATE_FLOOR = 0.05
"""Bits a sample below which an example's weight grows no further."""


def rate_distortion(rate: tf.Tensor, distortion: tf.Tensor, lambda_scale: float = 1.0) -> tf.Tensor:
    """R + lambda D of every example.

    Args:
        rate: [B] bits a pixel or sample.
        distortion: [B] mean squared error of a component, in units of the squared step.
        lambda_scale: factor on lambda.

    Returns:
        [B] bits a pixel or sample.
    """
    return rate + lambda_scale * SLOPE * distortion


def joint_loss(rate: tf.Tensor, distortion: tf.Tensor, lambda_scale: float = 1.0) -> tf.Tensor:
    """The mean objective with all rates counting alike; for filters, which trade rate for distortion.

    Each example is divided by its own rate, held constant: otherwise the few fine steps, with tens of times the bits, would
    decide alone.

    Args:
        rate: [B] bits a pixel or sample.
        distortion: [B] in units of the squared step.
        lambda_scale: factor on lambda.

    Returns:
        Scalar.
    """
    return tf.reduce_mean(rate_distortion(rate, distortion, lambda_scale) / tf.stop_gradient(rate + RATE_FLOOR))


def dissimilarity(x: tf.Tensor, x_hat: tf.Tensor) -> tf.Tensor:
    """1 - MS-SSIM of pictures (Wang, Simoncelli and Bovik 2003), five scales, mean over colour planes.

    Args:
        x: [B, H, W, C] components 0..255, sides of at least 176.
        x_hat: likewise; clipped to 0..255.

    Returns:
        [B], 0 for equal pictures.
    """
    return 1.0 - tf.image.ssim_multiscale(x, tf.clip_by_value(x_hat, 0.0, 255.0), 255.0)


def similarity_loss(rate: tf.Tensor, dissimilarity: tf.Tensor) -> tf.Tensor:
    """`separate_loss` with 1 - MS-SSIM in place of the squared error.

    Args:
        rate: [B] bits a pixel.
        dissimilarity: [B] in 0..1.

    Returns:
        Scalar, whose gradients are about those of the mean log rate and of the mean log dissimilarity.
    """
    weighed = rate / tf.stop_gradient(rate + RATE_FLOOR) + dissimilarity / tf.stop_gradient(dissimilarity + 1e-4)
    return tf.reduce_mean(weighed)


def separate_loss(rate: tf.Tensor, distortion: tf.Tensor, lambda_scale: float = 1.0) -> tf.Tensor:
    """The same where the filters rest: the prior decides the rate and the synthesis the distortion, each with its own weights.

    Both terms are divided by themselves, held constant, so their gradients are about those of the mean log rate and of the mean log
    distortion; neither network can spoil the other's.

    Args:
        rate: [B] bits a pixel or sample.
        distortion: [B] in units of the squared step.
        lambda_scale: factor on lambda.

    Returns:
        Scalar.
    """
    terms = (rate, lambda_scale * SLOPE * distortion)
    return tf.add_n([tf.reduce_mean(t / tf.stop_gradient(t + RATE_FLOOR)) for t in terms])
