"""The machine that code is compiled for."""

from __future__ import annotations

import functools
import hashlib
import sys
from typing import Any

from llvmlite import binding


def target_machine() -> Any:
    """Describe this machine to LLVM, as numba does; whoever takes it owns it."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features().flatten()
    target = binding.Target.from_triple(binding.get_process_triple())
    return target.create_target_machine(
        binding.get_host_cpu_name(), features, opt=3, codemodel="jitdefault", jit=True
    )


@functools.cache
def machine() -> str:
    """Name what compiled code depends on beside its sources: Python and the processor."""
    processor = f"{binding.get_host_cpu_name()}{binding.get_host_cpu_features().flatten()}"
    return hashlib.sha256(f"{processor}{sys.version_info[:2]}".encode()).hexdigest()[:8]
