"""The machine that code is compiled for."""

from __future__ import annotations

import functools
import hashlib
import sys
from typing import Any

from llvmlite import binding


def target_machine() -> Any:
    """Make LLVM's target machine for this processor, set up as numba does; the caller owns it."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features().flatten()
    target = binding.Target.from_triple(binding.get_process_triple())
    return target.create_target_machine(
        binding.get_host_cpu_name(), features, opt=3, codemodel="jitdefault", jit=True
    )


@functools.cache
def machine() -> str:
    """Return eight hexadecimal digits that stand for the processor and the version of Python."""
    processor = f"{binding.get_host_cpu_name()}{binding.get_host_cpu_features().flatten()}"
    return hashlib.sha256(f"{processor}{sys.version_info[:2]}".encode()).hexdigest()[:8]
