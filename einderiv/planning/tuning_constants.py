"""The constants that tune plans and code, in one place: what each counts, and what it was set by.

They decide when a faster form pays, never what comes out. Those of the first group are the sizes
from which one of two forms wins when both are timed side by side (float64, one thread, medians of
interleaved runs); where the two cross is flat, so a power of two says it. Those of the last bound
the work of planning. To change one, time both forms again, and run ``python -m bench.versions``
against the state before: calls and first calls of all families tell what else it moves.

The costs that estimates are made of can be measured on a machine and set by users; they are in
:class:`~.cost.Costs`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Tuning:
    """See the module."""

    # ---- when a form pays
    #: rows of a Gram matrix from which testing the signs of its weights costs less than it saves
    gram_rows: int = 64
    #: Gram matrices, rows of each, terms of their sums, from which half of each is less work
    grams: int = 256
    grams_rows: int = 4
    grams_terms: int = 64
    #: times that an operand of an elementwise product is read, from which it is copied in order
    copied_reads: int = 4
    #: entries of a result, below which such a copy is no gain
    copied_entries: int = 256
    #: entries of a product from which a number in front goes to its smallest operand
    numbered_entries: int = 1 << 13
    #: times fewer entries that this operand has
    numbered_times: int = 8
    #: terms of a sum, up to which each is also planned as if it were alone
    terms_apart: int = 8
    #: nodes of such a sum: planning must grow no faster than expressions
    nodes_apart: int = 64
    #: ways to solve the relations of one einsum that are compared; most have two or three
    index_solvings: int = 24
    #: those of a product of so many operands that its best order is not looked for
    few_solvings: int = 4
    #: the part of the time of a product with relations at once that stages of it may take: less
    #: gain is an accident of the estimate
    staged_gain: float = 0.8
    #: the smallest operands of such a product, whose pairs may be a stage
    staged_pairs: int = 8
    #: operands that are left, up to which the rest at once is compared with one more stage
    staged_operands: int = 3
    #: steps that an axis which is read beyond its ends counts as
    padded_steps: float = 2.0
    #: entries that a sum adds for each result, up to which a product with ones is faster, and
    #: rounds as little
    short_sum: int = 1 << 12
    #: rows from which, and columns up to which, an outer product is faster by BLAS
    outer_rows: int = 8
    outer_columns: int = 64
    #: entries of a result, up to which a product of vectors for each is fastest
    few_results: int = 32
    #: entries of an axis, from which a product of matrices along it is worth its call
    long_axis: int = 8
    #: entries of a row, from which one pass over the rows beats products with vectors
    long_row: int = 16
    #: entries of an array whose short rows `einsum` adds up faster than `sum`
    einsum_entries: int = 1 << 14
    #: entries of a value, from which writing over another saves more than it costs to plan
    reused_entries: int = 1 << 12
    #: entries of an array with zeros beside its parts, from which these are cleared by boxes, and
    #: how many boxes that may be
    cleared_entries: int = 1 << 13
    cleared_boxes: int = 16
    #: entries of an array that it pays to read once for several products
    read_once: int = 1 << 17
    #: times fewer entries that each of these has
    small_times: int = 8
    #: entries of an array that is beyond the cache, so that it is worth cutting
    wide_entries: int = 1 << 17
    #: entries of a window, from which a product copies no more of it than a block
    copied_window: int = 1 << 15
    #: products of entries of two vectors, from which their convolution is one of NumPy's
    convolved_vectors: int = 1 << 14
    #: rows of a block, or entries of one row: thinner blocks are slower than what they save
    thin_rows: int = 8
    thick_entries: int = 1 << 14
    #: entries in a row that cost as much to find in memory as to read
    piece_entries: int = 256
    #: the part of the time without a loop that one with it may take: less gain is an accident of
    #: the estimate
    tiling_gain: float = 0.8
    #: the part of the time before that a rewrite may take
    rewrite_gain: float = 0.95
    #: operations on rows, against other arithmetic
    rows_rate: float = 1.1
    #: the part of the overhead of a step that one takes which only names a value
    named_step: float = 0.2
    #: operations that an entry of a function counts as
    function_flops: int = 10

    # ---- blocks on a cluster
    #: entries of a block, 128 MiB of float64 as Dask cuts arrays itself, where no limit says
    #: otherwise
    block_entries: int = 1 << 24
    #: entries that a block has at least, so that its arithmetic takes longer than its task costs
    least_block: int = 1 << 18
    #: blocks that a worker has in memory at once: operands, a result, and those that wait
    blocks_at_once: int = 8

    # ---- how far planning looks
    #: operands for which the best of all orders is found
    exact_operands: int = 5
    #: operands from which the best of many random orders is looked for
    searched_operands: int = 11
    #: units of work of that search, about 0.1 s; and the seconds of a product from which it is done
    #: in full, for shorter ones less is
    path_work: float = 500_000
    path_seconds: float = 1e-4
    #: the part of the time of the plain order that a searched one may take: regular orders let
    #: parts be shared, so that less gain may be none
    path_gain: float = 0.7
    #: factors up to which nested products are multiplied out into one
    inlined_factors: int = 64
    #: seconds: a program that takes no longer is not rewritten; if it is called once, and often
    worth_seconds: float = 50e-6
    often_seconds: float = 3e-6
    #: plans that are tried for one program
    trials: int = 24
    #: nodes of all these plans together, and operands of their products, so that a large program
    #: gets fewer
    tried_nodes: int = 4000
    tried_operands: int = 12_000
    #: factors of all outputs from which they share one tree without a trial
    shared_factors: int = 40
    #: terms of a sum that a product is distributed over
    distributed_terms: int = 8
    #: overheads of a step that forming a sum takes, from which a product is distributed over it
    distributed_work: float = 0.3
    #: products that are looked at to take those of one program with sums apart
    distributed_products: int = 200
    #: terms of a derivative from which it is derived again with its sums kept
    kept_terms: int = 3
    #: times fewer entries that an operand has which is taken inside nested sums
    inside_times: int = 2
    #: times more entries that index arrays may read of the operands of a product than it has, where
    #: it is not formed
    gathered_times: int = 8
    #: nested sums that what is read is pulled back through
    pulled_sums: int = 12
    #: overheads of a step that a step takes, on average, from which that is tried; and nodes of all
    #: forms that are looked at, about 0.1 s
    pulled_work: float = 3.0
    pulled_nodes: int = 1500
    #: times that common factors are taken out of what is left of terms
    nested_rounds: int = 12
    #: operands that are contracted from their ends, the largest ones
    halved_operands: int = 4
    #: operands of a product that is searched for what stands twice
    twin_operands: int = 200
    #: factors of a product that is searched for what it has in common with others
    common_factors: int = 24
    #: groups of terms that have something in common which are tried
    common_groups: int = 4
    #: parts that one array is put together of, and sums within sums that are taken apart for it
    assembled_parts: int = 200
    assembled_depth: int = 16
    #: axes that a loop is tried along, those of the longest arrays
    tiling_seeds: int = 8
    #: rounds in which values are found that must be cut too
    tiling_rounds: int = 6


tuning = Tuning()
