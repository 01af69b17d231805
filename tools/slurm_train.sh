#!/usr/bin/env bash
# Train through Slurm: tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of rm-mm train]
# GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (8) and SRUN_ARGS are taken from the environment.
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
exec "$PYTHON" -m rm_mm.cli.launch slurm "$@"
