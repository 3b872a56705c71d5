"""What every process does first that trains for another one."""

import gc


def start_worker() -> None:
    """Compute with one thread, so that results do not depend on how many cores a machine has or processes share.

    What is imported so far stays: the garbage collector need not look at it again.
    """
    import torch

    torch.set_num_threads(1)
    gc.freeze()
