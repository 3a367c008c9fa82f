"""The numbers that the plan's compiler and the kernel agree on: where each integer stands.

A change of meaning here, in `arena.py` or in `kernel.py` must raise `KERNEL_VERSION`.
"""

from __future__ import annotations

from typing import Final

#: Named in every plan hash: another version may give other bytes.
KERNEL_VERSION: Final = "1"

# What a call answers.
DONE: Final = 0
NEED_ARENA: Final = 1
NEED_INDEX: Final = 2

# Columns of a row (`row.EVENT_ROW` read as int64), and fields that are derived from them.
KIND_TRANSFER, KIND_REPORT = 0, 1
ROW_KIND, ROW_OCCURRED_AT, ROW_RECEIVED_AT, ROW_AMOUNT = 0, 1, 2, 3
ROW_PAYER, ROW_PAYEE, ROW_INITIATION, ROW_PURPOSE, ROW_ACCEPTED = 4, 6, 10, 11, 12
FIELD_HOUR, FIELD_WEEKDAY = 100, 101
ROW_WORDS: Final = 13
ABSENT: Final = -1

# Entities; a head is [two key words, then its series], in whole lines of the processor's cache.
PAYER, PAYEE, PAIR = 0, 1, 2
HEAD_SERIES: Final = 2
LINE_WORDS: Final = 8
HEAD_LEVELS: Final = 2  # a series in a head is [first, newest, then two words a level]

# The plan's table: numbers, then where each table begins, then the tables.
P_SLACK, P_LATENESS, P_SATURATION, P_BRASILIA, P_SECOND = 0, 1, 2, 3, 4
P_N_SERIES, P_N_FEATURES, P_SCRATCH_WORDS, P_HEAD_WORDS = 5, 6, 7, 8
P_TABLES: Final = 11
P_SERIES, P_LEVELS, P_COLUMNS, P_EDGES, P_READS, P_FEATURES, P_CODE = 11, 12, 13, 14, 15, 16, 17
P_HEADER_WORDS: Final = 18
S_ENTITY, S_EVENT, S_AT, S_WIDTH, S_LEVEL, S_LEVELS = 0, 1, 2, 3, 4, 5
S_COLUMN, S_COLUMNS, S_EDGE, S_EDGES, S_VALUE, S_VALUE_END, SERIES_WORDS = 6, 7, 8, 9, 10, 11, 12
LEVEL_WORDS, COLUMN_WORDS, EDGE_WORDS, FEATURE_WORDS = 2, 2, 5, 4
E_LEVEL, E_LENGTH, E_TILE, E_READ, E_READS = 0, 1, 2, 3, 4

# Values read of a series: the instant it is read at, its last and first event, then the reads.
VALUE_AT, VALUE_LAST, VALUE_FIRST, VALUE_READS = 0, 1, 2, 3

# Scratch words: the heads of payer, payee and pair, the stack of conditions, the values. A fold has
# no values, and keeps what it adds to each column in their place.
SCRATCH_STACK, SCRATCH_VALUES = 3, 19

#: How far apart the steps are by which memory is asked for ahead: eight rows.
STEP_WORDS: Final = 8 * 13

# Operations of features, and of conditions in postfix.
OP_FIELD, OP_HOLDS, OP_COUNT, OP_SUM, OP_MEAN, OP_RATIO, OP_PER = 0, 1, 2, 3, 4, 5, 6
OP_SINCE_LAST, OP_SINCE_FIRST = 7, 8
END, PUSH_FIELD, PUSH_VALUE, AND, OR, NOT = 0, 1, 2, 3, 4, 5
LESS: Final = 6  # then <=, ==, !=, >=, > as in `expression.Comparison`

LATE, BEHIND, SATURATED = 1, 2, 4

# Control words: resumption, the arena's end, counters, and the free blocks of each power of two.
C_ROW, C_OUT, C_TOP, C_KEYS, C_FOLDED, C_LATE, C_FREE = 0, 1, 2, 3, 4, 5, 8
CLASS_MIN: Final = 3  # a line
CLASSES: Final = 48
CONTROL_WORDS: Final = C_FREE + CLASSES

# A level's second word: the class of its block, how many rows stand in it, and where its edge was.
CLASS_MASK, ROWS_SHIFT, HINT_SHIFT = 63, 6, 36
ROWS_MASK: Final = (1 << 30) - 1
HINT_MAX: Final = (1 << 27) - 1

NEVER: Final = -(1 << 62)
OFFSET_BITS: Final = 40
OFFSET_MASK: Final = (1 << 40) - 1
TAG_MASK: Final = (1 << 20) - 1
HALF_MASK: Final = (1 << 32) - 1
