"""Threads that hardly spin while they wait, on machines that do other work as well.

Whoever imports this sets it; it has to come before torch is loaded, for OpenMP reads its settings once.
"""

from __future__ import annotations

import os

# A thread of torch's OpenMP runtime (GNU's on Linux, LLVM's on a Mac) that is done with its part spins until the
# others are done too. Alone on a machine that saves microseconds. Where something else runs, the spinning thread
# keeps the processor from the very thread that it waits for, and a pass may take several times as long. How much that
# is varies from run to run (`python -m benchmarks busy`). All three names say how threads wait: whoever set one has
# chosen.
_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")

if not any(name in os.environ for name in _CHOICES):
    # Inherited by the processes that trainings and studies start.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    # GNU's threads would go to sleep at once, and waking them costs more than a small piece of work: so many turns,
    # some microseconds, are enough for these (a soup from disk took twice as long without), and still harm nobody.
    os.environ["GOMP_SPINCOUNT"] = "1000"
