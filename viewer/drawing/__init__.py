"""Drawing with pygame, and its window; the only modules that import it."""

import os

# Else importing pygame prints a greeting on standard output.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
