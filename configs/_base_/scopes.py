# Before a base `mmseg::…`, which onedl-mmengine 0.10.12 finds only once rm_mm is imported: mim and
# other tools have not done that yet when they read a config of ours. mmengine reads bases in order,
# and would take a config with an import but without `_base_` for one of its other kind.
_base_ = []

import rm_mm  # noqa: E402, F401
