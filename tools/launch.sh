# Sourced by the other scripts: finds Python, checks the call once, and starts one process per GPU.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
if [ -z "${PYTHON:-}" ]; then
    PYTHON=python
    [ -x "$root/.venv/bin/python" ] && PYTHON="$root/.venv/bin/python"
fi

require_rm_mm() {
    "$PYTHON" -c 'import rm_mm' 2>/dev/null && return
    echo "rm_mm is not installed for $PYTHON: activate its environment, or set PYTHON=DIR/bin/python" >&2
    exit 2
}

usage() {
    echo "usage: tools/dist_$1.sh $2 [options of rm-mm $1]" >&2
    exit 2
}

# launch train|test CONFIG GPUS [arguments]
launch() {
    local command="$1" config="${2:-}" gpus="${3:-}"
    [[ "$gpus" =~ ^[1-9][0-9]*$ ]] || usage "$command" "CONFIG ... GPUS (a number from 1)"
    shift 3
    if [ "${NNODES:-1}" -gt 1 ] && [ -z "${MASTER_ADDR:-}" ]; then
        echo "NNODES=$NNODES needs MASTER_ADDR, the address of the first machine" >&2
        exit 2
    fi
    require_rm_mm
    # One process checks the call first. torchrun would print the error GPUS times and lose the exit code.
    WORLD_SIZE=$((gpus * ${NNODES:-1})) "$PYTHON" -m rm_mm.cli "$command" "$config" "$@" --check ||
        exit $?
    local rendezvous=(--standalone)
    if [ "${NNODES:-1}" -gt 1 ]; then
        rendezvous=(--nnodes "$NNODES" --node-rank "${NODE_RANK:-0}"
            --master-addr "$MASTER_ADDR"
            --master-port "${PORT:-29500}")
    fi
    exec "$PYTHON" -m torch.distributed.run "${rendezvous[@]}" --nproc-per-node "$gpus" \
        -m rm_mm.cli "$command" "$config" "$@" --launcher pytorch
}
