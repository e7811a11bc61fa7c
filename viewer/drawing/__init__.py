"""Drawing with pygame, and its window; the only modules that import it."""

import os
import sys

# Else importing pygame prints a greeting on standard output.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
# Else SDL takes SIGTERM for itself, also in processes that are forked from this one.
os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")
if sys.platform.startswith("linux"):
    # Else SDL may start OpenGL to copy a picture to the window: slow by software or through ssh.
    os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
