#!/usr/bin/env bash
# Transfer all pretrained methods and print the table: tools/run_transfer.sh atss coco [options]
# A custom config uses the same backbones: tools/run_transfer.sh path/to/config.py
# Same as `rm-mm transfer`; its --help lists the options (--gpus 8, --methods, --data-root).
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
exec "$PYTHON" -m rm_mm.cli transfer "$@"
