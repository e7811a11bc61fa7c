"""The machine that code is compiled for."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from typing import Any

from llvmlite import binding


def target_machine() -> Any:
    """Make LLVM's target machine for this processor, set up as numba does; the caller owns it."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    name, features = _processor()
    target = binding.Target.from_triple(binding.get_process_triple())
    return target.create_target_machine(name, features, opt=3, codemodel="jitdefault", jit=True)


@functools.cache
def machine() -> str:
    """Return eight hexadecimal digits that stand for the processor and the version of Python."""
    processor = "".join(_processor())
    return hashlib.sha256(f"{processor}{sys.version_info[:2]}".encode()).hexdigest()[:8]


def _processor() -> tuple[str, str]:
    """Return the processor's name and features: those that numba's variables ask for, or its own.

    Numba itself is not imported for it.
    """
    name = os.environ.get("NUMBA_CPU_NAME")
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        is_generic = name is not None and name.lower() == "generic"
        features = "" if is_generic else binding.get_host_cpu_features().flatten()
    return binding.get_host_cpu_name() if name is None else name, features
