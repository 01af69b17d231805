#!/usr/bin/env bash
# Train on GPUS devices of this machine: tools/dist_train.sh CONFIG GPUS [options of rm-mm train]
# On several machines, set NNODES, NODE_RANK, MASTER_ADDR and PORT on each.
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
exec "$PYTHON" -m rm_mm.cli.launch train "$@"
