"""The garbage collector of a process that serves for days."""

import gc


def spare() -> None:
    """Once all is loaded. What is loaded stays, and neither the rows of a batch nor calls in the
    air hold cycles: looking for some at each 700 new objects took a quarter of accepting a batch,
    and an eighth of dispatching while WeChat is slow."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
