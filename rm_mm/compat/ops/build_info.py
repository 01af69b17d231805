"""What a report of the environment prints about the compilation of mmcv."""

from __future__ import annotations


def get_compiler_version() -> str:
    """Say that there was no compiler."""
    return 'none: ops are the substitutes of rm_mm'


def get_compiling_cuda_version() -> str:
    """Return what mmcv returns when built without CUDA."""
    return 'not available'
