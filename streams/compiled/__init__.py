"""What is compiled: the inner loops of the path an event takes, over bytes and arrays, in Cython.

Each has a twin in Python where it is used, which defines what it does and takes its place where nothing is compiled
(`tools/compile.py`). Of Jun they know how events are written, and nothing of what is measured.
"""

try:
    from streams.compiled import batches as batches
    from streams.compiled import closing as closing
    from streams.compiled import distinct as distinct
    from streams.compiled import reading as reading
    from streams.compiled import windows as windows
except ImportError:
    COMPILED = False
else:
    COMPILED = True
