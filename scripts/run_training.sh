#!/bin/sh
# Runs a command with the settings that Metal reads once, at the start of a process: no debug layer and no shader
# validation (both turn warnings into aborts), no upper limit on memory, and the CPU for operations Metal lacks.
#   scripts/run_training.sh redraft train recipes/cad-tiny.yaml
if [ "$#" -eq 0 ]; then
    echo "usage: scripts/run_training.sh CMD [ARGUMENT ...]" >&2
    exit 2
fi
export MTL_DEBUG_LAYER=0
export MTL_SHADER_VALIDATION=0
export PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0
export PYTORCH_ENABLE_MPS_FALLBACK=1
exec "$@"
