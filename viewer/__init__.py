"""Show trajectory datasets of Crafter."""

import os
import sys

# How pygame is to be imported, wherever that is first done.
# Otherwise it prints a greeting on standard output.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
# Otherwise SDL takes SIGTERM for itself, even in processes that are forked from this one.
os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")
if sys.platform.startswith("linux"):
    # Otherwise SDL may copy pictures to the window by OpenGL: slow in software or through ssh.
    os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
