"""Randomness keyed by what it is for, never drawn from a global stream.

Equal keys give equal numbers whatever else is drawn, in whichever order, process or machine: this is what makes every
comparison between arms a paired one (common random numbers).

Source of the generator: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox, counter based).
"""

import hashlib

import numpy as np


def generator(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """Return the generator of the key (`seed`, `purpose`, `index`); `index` is a layer or an epoch."""
    key = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "big")))
