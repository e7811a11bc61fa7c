"""Functions compiled once for a machine, kept on disk, and called without the compiler."""
