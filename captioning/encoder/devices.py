"""What TensorFlow finds on this machine, so that nothing is assumed about it."""

import tensorflow as tf


def has_gpu() -> bool:
    """Whether TensorFlow sees one. Must be asked before TensorFlow's first operation.

    It takes a whole GPU's memory unless growth is switched on, and that cannot be done later.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return bool(gpus)
