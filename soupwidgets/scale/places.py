"""Where workers stand: how many on each node, with how many threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# More threads than this bring a network of ordinary size little; a larger machine has several workers instead.
_MOST_THREADS = 8


@dataclass(frozen=True)
class Place:
    """Room for one worker.

    Parameters
    ----------
    node
        Ray's identifier of the node.
    number
        Which of the node's workers.
    name
        Of the node, for people.
    threads
        Processors that it takes, and threads that it computes with.
    cards
        CUDA devices that it takes: one, or none.
    """

    node: str
    number: int
    name: str
    threads: int
    cards: int


def places(nodes: Sequence[Mapping[str, Any]], pool_bytes: int) -> list[Place]:
    """Room for workers on a cluster's nodes: one for each card, else one for every eight processors.

    Parameters
    ----------
    nodes
        As ``ray.nodes()`` lists them.
    pool_bytes
        Size of the pool's weights in memory, which every worker holds: fewer workers where they have not room for it
        twice each.

    Examples
    --------
    >>> node = {"NodeID": "a1b2c3d4e5", "Alive": True, "NodeManagerHostname": "box", "NodeManagerAddress": "10.0.0.7"}
    >>> [p.threads for p in places([{**node, "Resources": {"CPU": 16.0, "memory": 64e9}}], pool_bytes=10**9)]
    [8, 8]
    >>> [p.threads for p in places([{**node, "Resources": {"CPU": 16.0, "memory": 64e9}}], pool_bytes=20 * 10**9)]
    [16]
    >>> [(p.threads, p.cards) for p in places([{**node, "Resources": {"CPU": 12.0, "GPU": 4.0}}], pool_bytes=10**9)]
    [(3, 1), (3, 1), (3, 1), (3, 1)]
    """
    found = []
    for node in nodes:
        room = node.get("Resources", {})
        processors, cards = int(room.get("CPU", 0)), int(room.get("GPU", 0))
        if not node.get("Alive") or not processors:
            continue
        fitting = int(room.get("memory", 0) // max(1, 2 * pool_bytes))
        number = cards or max(1, min(processors // _MOST_THREADS, fitting))
        name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']}, node {node['NodeID'][:8]})"
        threads = max(1, processors // number)
        found += [Place(node["NodeID"], i, name, threads, min(1, cards)) for i in range(number)]
    return found
