"""How networks lie in vectors: units of one network side by side, or networks; and blocks of networks on threads."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numba
import numpy as np

from elman.network import Rule, State, Weights, begin

UNITS = 8  # of one network in a vector
NETWORKS = 16  # in a vector
LARGE = 5000  # weights of a network, of which a block no longer stays in the memory next to the processor
_PAGE = 4096  # bytes
_ALIGNMENT = 128  # bytes of the longest vector, and of the longest cache line of today's processors


def zeros(shape: tuple[int, ...], dtype: Any = float) -> np.ndarray:
    """Zeros that start where a cache line does, so that no vector lies across two, and no two threads write to one."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + 2 * _ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % _ALIGNMENT
    return memory[first : first + size].view(dtype).reshape(shape)


def together(*groups: tuple[np.ndarray, ...]) -> list[tuple[np.ndarray, ...]]:
    """Copies of groups of arrays, one after another in memory, from the start of a page.

    Processors take a load for one of what was just stored if the addresses differ by a multiple of a page, and wait.
    Arrays of a small network do not do so if they lie together; by themselves, they do or do not from run to run.
    """
    sizes = [-(-array.nbytes // _ALIGNMENT) * _ALIGNMENT for group in groups for array in group]
    memory = np.empty(sum(sizes) + _PAGE, np.uint8)
    at = -memory.ctypes.data % _PAGE
    copies = []
    for group in groups:
        copied = []
        for array in group:
            copy = memory[at : at + array.nbytes].view(array.dtype).reshape(array.shape)
            copy[...] = array
            copied.append(copy)
            at += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
        copies.append(tuple(copied))
    return copies


def _in_units(array: np.ndarray) -> np.ndarray:
    """The n units (1, n, ...) of one network in vectors (n/8, ..., 8)."""
    n, *rest = array.shape[1:]
    laid = zeros((-(-n // UNITS), *rest, UNITS), array.dtype)
    for u in range(min(n, UNITS)):
        units = array[0, u::UNITS]
        laid[: len(units), ..., u] = units
    return laid


def _from_units(laid: np.ndarray, like: np.ndarray) -> np.ndarray:
    array = np.empty_like(like)
    for u in range(min(like.shape[1], UNITS)):
        units = array[0, u::UNITS]
        units[...] = laid[: len(units), ..., u]
    return array


def _in_networks(array: np.ndarray) -> np.ndarray:
    """The units (r, ...) of up to 16 networks in vectors (..., 16)."""
    laid = zeros((*array.shape[1:], NETWORKS), array.dtype)
    laid[..., : len(array)] = array.transpose(*range(1, array.ndim), 0)
    laid[..., len(array) :] = laid[..., :1]
    return laid


def from_networks(laid: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The inverse of `_in_networks`, into the shape of a second array."""
    return laid.transpose(-1, *range(laid.ndim - 1))[: len(like)]


class Form(NamedTuple):
    """One of the two ways to lie in vectors."""

    networks: int
    """In a block, at most."""
    lay: Callable[[np.ndarray], np.ndarray]
    """Vectors from an array with a leading axis of networks."""
    take: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """The inverse, into the shape of a second array."""


ALONE = Form(1, _in_units, _from_units)
SIDE_BY_SIDE = Form(NETWORKS, _in_networks, from_networks)


def _quicker_alone(R: int, weights: int, threads: int) -> bool:
    """Whether R networks of so many weights train faster one by one than in blocks, each on its thread."""
    as_long = min(2 + weights / 70, 12)  # networks alone take as long as a block; measured, like LARGE
    blocks = math.ceil(R / NETWORKS)
    return weights > LARGE or math.ceil(R / threads) <= as_long * math.ceil(blocks / threads)


def each_block(
    weights: Weights, one: Callable[[Form, slice], None], tick: Callable[[float], None] = lambda share: None
) -> None:
    """Call `one` for each block of networks, on as many threads as NUMBA_NUM_THREADS allows.

    Args:
        weights: of all networks.
        one: is told how the networks of the block are to lie, and which they are.
        tick: called after each block with the share of the networks that are done.
    """
    R, threads = len(weights.b_h), numba.config.NUMBA_NUM_THREADS
    size = 1 if _quicker_alone(R, sum(array[0].size for array in weights), threads) else NETWORKS
    blocks = [slice(r, min(r + size, R)) for r in range(0, R, size)]
    forms = [ALONE if block.stop - block.start == 1 else SIDE_BY_SIDE for block in blocks]
    if threads == 1 or len(blocks) == 1:
        for form, block in zip(forms, blocks, strict=True):
            one(form, block)
            tick(block.stop / R)
    else:
        with ThreadPoolExecutor(min(threads, len(blocks))) as pool:
            for block, _ in zip(blocks, pool.map(one, forms, blocks), strict=True):
                tick(block.stop / R)


def smallest(networks: int | None, rule: Rule) -> list[State]:
    """The smallest networks that there are, alone and (unless there is but one) side by side."""
    several = 3 * numba.config.NUMBA_NUM_THREADS
    shapes = [[(R, *[1] * dimensions) for dimensions in (2, 2, 1, 2, 1)] for R in (1, several)[: networks or 2]]
    return [begin(Weights(*map(np.zeros, shape)), rule) for shape in shapes]
