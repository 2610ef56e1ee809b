"""The benchmarks: problems, the engine that measures them, and the pages that are made of the
figures.
"""
