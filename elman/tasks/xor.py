"""XOR in time: two random bits and their exclusive-or, over and over (Elman 1990, pp. 185-187)."""

import numpy as np

from elman.errors import ConfigError
from elman.stream import Stream

TRIPLE = 3


def xor(length: int, rng: np.random.Generator) -> Stream:
    """Triples (random bit, random bit, exclusive-or of the two), concatenated: 1 0 1 0 0 0 0 1 1 ...

    Only the third bit of a triple can be predicted.

    Args:
        length: bits in the stream, at least 3; rounded down to whole triples.
        rng: source of the random bits.

    Returns:
        A Stream of one bit a step, with the positions "bit 1", "bit 2" and "xor"; a sequence is a triple.

    Raises:
        ConfigError: for a stream without a whole triple.
    """
    if length < TRIPLE:
        raise ConfigError(f"task.length must be at least {TRIPLE}, the longest unit of xor, not {length}")
    pairs = rng.integers(2, size=(length // TRIPLE, 2), dtype=np.uint8)  # (triples, 2)
    third = pairs[:, :1] ^ pairs[:, 1:]  # (triples, 1)
    bits = np.hstack([pairs, third]).reshape(-1, 1)  # (T, 1)
    expected = np.hstack([np.full(pairs.shape, 0.5), third]).reshape(-1, 1)  # (T, 1)
    return Stream(
        vectors=bits,
        symbols=np.array(["0", "1"])[bits[:, 0]],
        positions=np.resize(["bit 1", "bit 2", "xor"], len(bits)),
        expected=expected,
        features=("bit",),
        starts=np.arange(len(bits)) % TRIPLE == 0,
        sequence="triple",
    )
