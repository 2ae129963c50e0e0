"""How many compiled kernels oneDNN keeps, for processes that meet many sizes of batches.

Importing this module applies it. It must be imported before torch, because the limits are read only once.
"""

from __future__ import annotations

import os

# oneDNN compiles a kernel for every layer and every size of batch, with memory of its own, and keeps the last 1,024;
# torch's wrapper keeps as many once more. Anytime answers and audits have batches of many sizes: after a sweep of the
# bundled pool a process held 1.5 GB, and with these limits 0.9 GB, in the same time. A pass of a large network has
# fewer than a hundred different ones.
for _limit in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_limit, "128")
