"""Import rm_mm before mmdetection, which needs what it supplies."""

import rm_mm  # noqa: F401
