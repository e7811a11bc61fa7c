"""Drawing with pygame, and its window; the only modules that import it."""
