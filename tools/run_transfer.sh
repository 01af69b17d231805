#!/usr/bin/env bash
# Transfer every pretrained method and print the table: tools/run_transfer.sh atss coco [options]
# A config of your own takes the same backbones: tools/run_transfer.sh path/to/config.py
# The same as `rm-mm transfer`, whose --help lists the options (--gpus 8, --methods, --data-root).
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
require_rm_mm
exec "$PYTHON" -m rm_mm.cli transfer "$@"
