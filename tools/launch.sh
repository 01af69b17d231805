# Sourced by the other scripts: finds the Python that has rm_mm.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
if [ -z "${PYTHON:-}" ]; then
    PYTHON=python
    [ -x "$root/.venv/bin/python" ] && PYTHON="$root/.venv/bin/python"
fi
"$PYTHON" -c 'import rm_mm' 2>/dev/null || {
    echo "rm_mm is not installed for $PYTHON: activate its environment, or set PYTHON=DIR/bin/python" >&2
    exit 2
}
