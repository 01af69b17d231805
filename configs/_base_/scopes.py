# List this file before a base `mmseg::…`. onedl-mmengine 0.10.12 finds such a base only after rm_mm
# has been imported, but mim and other tools read our configs without importing it. mmengine reads
# bases in order. The empty `_base_` is needed because mmengine treats a config with an import but
# without `_base_` as its newer, pure-Python kind.
_base_ = []

import rm_mm  # noqa: E402, F401
