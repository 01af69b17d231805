#!/usr/bin/env bash
# Train through Slurm: tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of rm-mm train]
# Set GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (8) and SRUN_ARGS in the environment.
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
[ $# -ge 3 ] || { sed -n 2,3p "${BASH_SOURCE[0]}" | cut -c3- >&2; exit 2; }
partition="$1" job="$2"
shift 2
gpus="${GPUS:-8}" per_node="${GPUS_PER_NODE:-8}"
((per_node > gpus)) && per_node="$gpus"
require_rm_mm
WORLD_SIZE="$gpus" "$PYTHON" -m rm_mm.cli train "$@" --check || exit $?
# shellcheck disable=SC2086  # SRUN_ARGS is a list of options
exec srun --partition "$partition" --job-name "$job" --gres "gpu:$per_node" --ntasks "$gpus" \
    --ntasks-per-node "$per_node" --cpus-per-task "${CPUS_PER_TASK:-8}" --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} "$PYTHON" -u -m rm_mm.cli train "$@" --launcher slurm
