"""Is sockcli as fast as it says? `python -m benchmarks` measures it beside nc, ncat, socat and a floor in C.

Every claim of speed in the README stands on this table. The contenders take turns (A B C, A B C, ...), so that
a slow moment of the machine hits all of them; the median of the runs counts. Loopback only.
"""
