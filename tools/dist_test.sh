#!/usr/bin/env bash
# Evaluate on GPUS devices: tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of rm-mm test]
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
exec "$PYTHON" -m rm_mm.cli.launch test "$@"
