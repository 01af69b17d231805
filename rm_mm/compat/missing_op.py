"""The error for an mmcv op that is neither compiled nor substituted."""

from __future__ import annotations

from rm_mm.errors import InputError


class MissingOpError(InputError, RuntimeError):
    """An op was called that only a compiled mmcv has.

    The advice follows the build script of onedl-mmcv 2.3.6. The script finds torch only without
    build isolation and asks for C++17, while the headers of torch after 2.10 need C++20.
    """

    def __init__(self, op: str) -> None:
        super().__init__(
            f"mmcv op '{op}' is not compiled here and rm_mm has no substitute for it. Either "
            'install a compiled wheel that matches this torch (pip install onedl-mim && mim '
            'install onedl-mmcv), or build it with torch <= 2.10 and a C++17 compiler (pip install '
            '--no-build-isolation --no-binary onedl-mmcv --force-reinstall --no-deps onedl-mmcv; '
            'prefix FORCE_CUDA=1 for CUDA where no GPU is visible)'
        )
