"""What every computing process has in common: its environment, and its life tied to its parent's."""

import ctypes
import platform
import signal
import sys

PINS = {
    # One thread a process: parallelism is over jobs, and another count gives other bits.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",  # macOS
    # Figures need no screen.
    "MPLBACKEND": "Agg",
}
"""Environment of a process that computes, set before its first import of what computes."""
if platform.machine() in ("x86_64", "AMD64"):
    # One instruction set, whatever newer ones this processor has.
    PINS |= {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_CBWR": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
    }

SCHEDULER = "NOTMIWAE_SCHEDULER"
"""Variable with the address of a Dask scheduler that jobs go to, whatever params.yaml says."""

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, however it dies; elsewhere, do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
