"""How a training process holds its memory."""

KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(1 << 26),
}
"""Environment of a process that trains: glibc keeps what it freed. A step frees and asks for the same megabytes over
and over; given back to the system, each must be cleared anew, which took a quarter of the time. Read at a process's
start; without effect on other C libraries."""
