"""Settings that keep waiting threads from spinning, for machines that do other work as well.

Importing this module applies them. It must be imported before torch, because OpenMP reads its settings only once.
"""

from __future__ import annotations

import os

# A thread of torch's OpenMP runtime (GNU's on Linux, LLVM's on a Mac) that has finished its part spins until the
# others have finished too. On an otherwise idle machine that saves microseconds. If something else runs, the spinning
# thread takes the processor from the very thread that it waits for, and a pass may take several times as long. How much
# that is varies from run to run (`python -m benchmarks busy`). All three variables say how threads wait: if the user
# has set one, it is respected.
_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")

if not any(name in os.environ for name in _CHOICES):
    # Inherited by the processes that trainings and studies start.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    # GNU's threads would go to sleep at once, and waking them costs more than a small piece of work. This many spins
    # bridge the gap between two layers. A sweep of the bundled pool on two Intel cores took 70, 51 and 51 microseconds
    # an image with 1,000, 5,000 and 100,000 of them, and beside two busy processes 109, 120 and 224.
    os.environ["GOMP_SPINCOUNT"] = "5000"
