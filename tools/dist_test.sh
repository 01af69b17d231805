#!/usr/bin/env bash
# Evaluate on GPUS devices: tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of rm-mm test]
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
[ $# -ge 3 ] || usage test "CONFIG CHECKPOINT GPUS"
launch test "$1" "$3" "$2" "${@:4}"
