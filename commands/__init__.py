"""The commands that build, check and convert datasets.

They multiply no matrices: the threads that OpenBLAS would start for that, here and in every worker
process, would only spin for a while.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported
