"""The numbers that the plan's compiler and the kernel agree on: where each integer stands.

A change of meaning here, in `arena.py` or in `kernel.py` must raise `KERNEL_VERSION`.
"""

from __future__ import annotations

from typing import Final

#: Named in every plan hash: another version may give other bytes.
KERNEL_VERSION: Final = "2"

# What a call answers.
DONE: Final = 0
NEED_ARENA: Final = 1
NEED_INDEX: Final = 2
NOT_SURE: Final = 3  # whether so many rows find room; one by one they may

#: Kept with every state: another layout's cannot be read.
STATE_VERSION: Final = 6

# Columns of a row (`row.EVENT_ROW` read as int64), and fields that are derived from them.
KIND_TRANSFER: Final = 0
KIND_REPORT: Final = 1
KINDS: Final = 27
ROW_KIND, ROW_OCCURRED_AT, ROW_RECEIVED_AT, ROW_AMOUNT = 0, 1, 2, 3
ROW_PAYER, ROW_PAYEE, ROW_INITIATION, ROW_PURPOSE, ROW_ACCEPTED = 4, 6, 10, 11, 12
ROW_DEVICE, ROW_PAYER_ISPB, ROW_PAYEE_ISPB = 13, 15, 16
ROW_PAYEE_KEY, ROW_PAYEE_PERSON, ROW_FACTS = 17, 19, 21
ROW_EVENT: Final = 8
FIELD_HOUR, FIELD_WEEKDAY = 100, 101
ROW_WORDS: Final = 29
ABSENT: Final = -1

# Entities; a head is [two key words, the place of its annex where its table has any, then what is
# kept of transfers], in whole lines of the processor's cache. What is kept of anything else stands
# in the annex, which is made when the first such thing is told: of most keys nothing ever is, and a
# transfer asks for four heads of accounts. The key of a link is the two heads that it joins:
# neither heads nor annexes ever move.
PAYER, PAYEE, PAIR, DEVICE, INSTITUTION, PAYER_DEVICE, PAYER_INSTITUTION = 0, 1, 2, 3, 4, 5, 6
PAYEE_KEY, PAYEE_PERSON = 7, 8
# Links that no feature is of: they only say when an owner and a member met last.
PAYEE_INSTITUTION, PAIR_DEVICE = 9, 10
ENTITIES: Final = 11
# Heads that are read and not folded: the other role of an account, and the pair turned round.
PAYER_RECEIVING, PAYEE_SENDING, PAIR_REVERSED = 11, 12, 13
VIEWS: Final = 14
HEAD_SERIES: Final = 2
HEAD_ANNEX: Final = 2
LINE_WORDS: Final = 8
HEAD_LEVELS: Final = 2  # a series in a head is [first, newest, then two words a level]

#: The order of tables: a link before its ends, whose members ask when the two met last.
FOLD_ORDER: Final = (
    *(PAIR_DEVICE, PAIR, PAYER_DEVICE, PAYER_INSTITUTION, PAYEE_INSTITUTION),
    *(PAYER, PAYEE, DEVICE, INSTITUTION, PAYEE_KEY, PAYEE_PERSON),
)

#: Rows that are worked on at once: each step of the plan is looked up once for all of them. Lanes
#: of an odd number of cache lines spread over the sets of the processor's cache.
BATCH_ROWS: Final = 24

# The plan: numbers, then the sizes of each entity's head (0: not kept) and annex (0: it has none),
# then the entities whose heads, and whose annexes, an event of each kind touches (a bit each).
P_SLACK, P_LATENESS, P_SATURATION, P_BRASILIA, P_SECOND = 0, 1, 2, 3, 4
P_N_CONDITIONS, P_N_COLUMNS, P_N_FEATURES, P_LANES = 5, 6, 7, 8
P_MEMBERS_MAX, P_NIGHT_BEGINS, P_NIGHT_ENDS = 9, 10, 11
P_ROW_WORDS: Final = 12  # the most that the heads and first blocks of a row can take
P_LANE_COLUMNS: Final = 13
# Where a head has what exposure is made of (0: it is not kept); what is read of it, from and to.
P_EXPOSURE_PAIR, P_EXPOSURE_PAYER, P_EXPOSURE_PAYEE, P_EXPOSED, P_EXPOSED_END = 14, 15, 16, 17, 18
P_DEPTHS: Final = 19  # how many steps it takes to look for all heads, a link after its ends
P_N_TABLES: Final = 20  # how many tables anything is kept or read of
P_READ_BACK: Final = 21  # how long before its receipt a transfer may be read
P_HEAD_WORDS: Final = 22
P_ANNEX_WORDS: Final = P_HEAD_WORDS + ENTITIES
P_TOUCHED: Final = P_ANNEX_WORDS + ENTITIES
P_ANNEXED: Final = P_TOUCHED + KINDS
# Of each view: whether it is looked for, the table it looks in, where its key stands in a row (0:
# it is a link), or the views of a link's ends, and in which step it is looked for.
P_LOOKED_FOR: Final = P_ANNEXED + KINDS
P_TABLE_OF: Final = P_LOOKED_FOR + VIEWS
P_OWN_KEY: Final = P_TABLE_OF + VIEWS
P_ONE_END: Final = P_OWN_KEY + VIEWS
P_OTHER_END: Final = P_ONE_END + VIEWS
P_DEPTH: Final = P_OTHER_END + VIEWS
# Those tables in the order in which they are folded; then where each part begins; then the parts.
P_ORDER: Final = P_DEPTH + VIEWS
P_PARTS: Final = P_ORDER + ENTITIES
P_TABLES, P_SERIES, P_LEVELS, P_COLUMNS, P_GROUPS = (P_PARTS + part for part in range(5))
P_EDGES, P_READS, P_MEMBERS, P_COUNTS, P_FEATURES = (P_PARTS + part for part in range(5, 10))
P_ARGUMENTS, P_CONDITIONS, P_CODE, P_FACTS, P_TOLD = (P_PARTS + part for part in range(10, 15))
P_AMOUNTS, P_EXTREMES, P_FIRSTS, P_EARLIEST = (P_PARTS + part for part in range(15, 19))
P_PICKS, P_MEETINGS = (P_PARTS + part for part in range(19, 21))
P_HEADER_WORDS: Final = P_PARTS + 22

# A table: the groups, counts of members, reads of facts, members, series, facts, lists of amounts
# and what is read of them, first tellings and what is read of them, picks and meetings that are its
# own, each from and to.
T_GROUP, T_GROUPS_END, T_COUNT, T_COUNTS_END, T_TOLD, T_TOLD_END = 0, 1, 2, 3, 4, 5
T_MEMBERS, T_MEMBERS_END, T_SERIES, T_SERIES_END, T_FACTS, T_FACTS_END = 6, 7, 8, 9, 10, 11
T_AMOUNTS, T_AMOUNTS_END, T_EXTREME, T_EXTREMES_END = 12, 13, 14, 15
T_FIRSTS, T_FIRSTS_END, T_EARLIEST, T_EARLIEST_END = 16, 17, 18, 19
T_PICK, T_PICKS_END, T_MEETING, T_MEETINGS_END = 20, 21, 22, 23
TABLE_WORDS: Final = 24

# A series: whose events of which kind are kept, and how. A level's rows have an instant, and the
# columns up to the last one that a window is read of: those that more windows read come first.
# With a link (-1: none) it counts first transfers alone: when the link's two met first.
S_ENTITY, S_EVENT, S_AT, S_LEVEL, S_LEVELS, S_COLUMN, S_COLUMNS, S_LINK = range(8)
L_TILE, L_KEEP, L_WIDTH = 0, 1, 2
SERIES_WORDS, LEVEL_WORDS, COLUMN_WORDS = 8, 3, 2

# A group: a series as one view of it is read, from the lane of its head or annex. Its values are
# the instant it is read at, its last and first event, then the reads. Its night is the lane of the
# hour that was told, or -1.
G_VIEW, G_AT, G_WIDTH, G_LEVELS, G_EDGE, G_EDGES, G_VALUE, G_END, G_NIGHT = range(9)
GROUP_WORDS: Final = 9
E_LEVEL, E_LENGTH, E_TILE, E_READ, E_READS, E_WIDTH, EDGE_WORDS = 0, 1, 2, 3, 4, 5, 6
VALUE_AT, VALUE_LAST, VALUE_FIRST, VALUE_READS = 0, 1, 2, 3

# A count of members: the view whose owner is asked, its list, its series, the window, whether it is
# the list's longest, the value, the night's lane.
N_VIEW, N_AT, N_SERIES_AT, N_LENGTH, N_TILE, N_IS_LONGEST, N_VALUE, N_NIGHT = range(8)
COUNT_WORDS: Final = 8

# Members: of an owner's head, who took part in its events that meet a condition (-1: all). The link
# joins owner and member; a lane says when the two met last in such an event.
M_OWNER, M_LINK, M_MEMBER, M_AT, M_OWNER_AT, M_BEFORE, M_KEEP, M_CAPPED, M_CONDITION = range(9)
MEMBERS_WORDS: Final = 9
# When a link's two met last in an event that meets a condition: where it stands in the link's head
# (0: never), and the lane for what it was before the event.
H_CONDITION, H_AT, H_VALUE, MEETING_WORDS = 0, 1, 2, 3
# A list of what one kind of event tells of a key: whose, which, where in the head, words of a row,
# where the values stand in an event's row, the condition that events meet (-1: all), how long what
# was before the newest is kept, and the tile of which the first event alone is listed (0: all are).
F_ENTITY, F_EVENT, F_AT, F_WIDTH, F_FROM, F_CONDITION, F_KEEP, F_TILE = range(8)
FACTS_WORDS: Final = 8
# In a head: when something was told last, then a level. A row: instant, id, values.
FACT_LEVEL, FACT_HEAD_WORDS = 1, 3
FACT_ID, FACT_VALUES = 1, 3
# Facts as one view reads them: the view, where in the head, words of a row, and the value's lanes:
# the instant it is read at, then the facts.
D_VIEW, D_AT, D_WIDTH, D_VALUE, TOLD_WORDS = 0, 1, 2, 3, 4
# A pick: the first or last event of such a list in a window, as one view reads it at the lane's
# instant; the night's lane; and the value's lanes: when it was (0: there is none), and its amount.
K_VIEW, K_AT, K_WIDTH, K_READ_AT, K_IS_FIRST, K_LENGTH, K_TILE, K_NIGHT, K_VALUE = range(9)
PICK_WORDS: Final = 9

# A list of the amounts of a series' events that meet a condition (-1: all): where it and the series
# stand in a head, how long what was before the newest event is kept for extremes and for ranks (-1:
# for none), and its levels of tiles. In a head: the extremes of what was dropped, the events'
# level, then those of the tiles.
A_EVENT, A_AT, A_SERIES_AT, A_CONDITION, A_KEEP, A_RANK_KEEP, A_LEVEL, A_LEVELS = range(8)
AMOUNTS_WORDS: Final = 8
AMOUNT_DROPPED, AMOUNT_RAW, AMOUNT_TILES = 0, 2, 4
# An event's row: instant, amount, the extremes of the rows that end here. A tile's: start and
# extremes. Extremes are two maxima, 0 where there is none: of the amounts, and of how far below the
# top they are.
ROW_SPAN, AMOUNT_ROW, TILE_ROW = 2, 4, 3
AMOUNT_TOP: Final = 1 << 40
# What is read of a list: the view, the list, the lane of the instant it is read at, the window (its
# tile may say `TILE_EVER`), its level of tiles, whether a rank is asked for, the first of two
# lanes, and the night's lane.
X_VIEW, X_AT, X_READ_AT, X_LENGTH, X_TILE, X_LEVEL, X_IS_RANK, X_VALUE, X_NIGHT = range(9)
EXTREME_WORDS: Final = 9
RANKED_MAX: Final = 256

# What the first event of a kind told that meets a condition (-1: any): the kind, where it stands in
# a head and in a row, and how many words. In a head: instant (0: none), id, values. A read: the
# view, the place, the words, and the lanes: the instant, then the values.
O_EVENT, O_AT, O_FROM, O_COUNT, O_CONDITION, FIRSTS_WORDS = 0, 1, 2, 3, 4, 5
FIRST_ID, FIRST_VALUES = 1, 3
Q_VIEW, Q_AT, Q_COUNT, Q_VALUE, EARLIEST_WORDS = 0, 1, 2, 3, 4

# Exposure (`exposure.py`): words of a pair, words of a payer or payee, and a read: the view, the
# level in its head, the window, whether the last of all is asked for, and the value.
MET_FIRST, MET_OF_PAYEE, MET_OF_PAYER, MET_WORDS = 0, 1, 2, 3
EXPOSURE_PAIRS, EXPOSURE_MARKED, EXPOSURE_WORDS = 2, 3, 4
Y_VIEW, Y_AT, Y_LENGTH, Y_TILE, Y_IS_LAST, Y_VALUE, EXPOSED_WORDS = range(7)

# A row of members: when, who (its head), when before, and whether this is the newest, with the
# count of such rows in the 64 and in the 4,096 that begin here.
R_INSTANT, R_MEMBER, R_BEFORE, R_NEWEST, MEMBER_ROW = 0, 1, 2, 3, 4
NEAR_SHIFT, NEAR_BITS, FAR_SHIFT, FAR_BITS = 8, 6, 16, 12

# Windows that begin with a part of the civil day have these for a tile.
TILE_TODAY, TILE_TONIGHT = -1, -2
TILE_EVER: Final = -3  # in lists of single events, and of exposures, alone
TILE_OWN_NIGHT: Final = -4

# What a column adds for an event: 1, its amount, or the amount's square in two parts.
COLUMN_COUNT, COLUMN_AMOUNT, COLUMN_SQUARE_HIGH, COLUMN_SQUARE_LOW = 0, 1, 2, 3
SQUARE_BITS: Final = 40  # the low part of a square

# Scratch is lanes, each a word for every row of a batch: the heads of all views, the hashes of the
# keys, when a link met last, and first, the annexes of all views, what the row is folded as (its
# kind, or -1), whether it is read, the rows that are, flags, what is taken back, the stack of
# conditions, their truth, what columns add, then the values.
LANE_HEAD, LANE_MIXED, LANE_BEFORE, LANE_FIRST = 0, VIEWS, 2 * VIEWS, 2 * VIEWS + ENTITIES
LANE_ANNEX: Final = LANE_FIRST + ENTITIES
LANE_KIND, LANE_IS_READ, LANE_READ_ROWS, LANE_FLAGS, LANE_KNOWN, LANE_BACK = (
    LANE_ANNEX + VIEWS + lane for lane in range(6)
)
LANE_STACK: Final = LANE_BACK + 1
LANE_CONDITIONS: Final = LANE_STACK + 16

#: The parts of a decayed window.
DECAY_PARTS: Final = 8

# Operations of features, and of conditions in postfix.
OP_FIELD, OP_HOLDS, OP_COUNT, OP_SUM, OP_MEAN, OP_RATIO, OP_PER = 0, 1, 2, 3, 4, 5, 6
OP_SINCE_LAST, OP_SINCE_FIRST, OP_STD, OP_Z_SCORE, OP_DECAYED, OP_PASS = 7, 8, 9, 10, 11, 12
OP_DISTINCT, OP_SINCE_EVER, OP_LAST, OP_AGE, OP_USED = 13, 14, 15, 16, 17
OP_MIN, OP_MAX, OP_RANK, OP_FIRST, OP_EXPOSED, OP_EXPOSED_SINCE = 18, 19, 20, 21, 22, 23
OP_SINCE_WITHIN, OP_SINCE_PICK = 24, 25
# A feature: operation, its first argument, the lane of the instant that must lie in a night (-1:
# need not), and that of the hour that was told for its beginning (-1: the policy's).
FEATURE_WORDS: Final = 4
END, PUSH_FIELD, PUSH_VALUE, AND, OR, NOT = 0, 1, 2, 3, 4, 5
LESS: Final = 6  # then <=, ==, !=, >=, > as in `expression.Comparison`

LATE, BEHIND, SATURATED = 1, 2, 4

# Control words: resumption, the arena's end, counters, the layout, the sizes of index and arena in
# words, the newest receipt that a whole stretch of transfers reached, the receipt before which none
# is read any more (0: any is), of the stretch under way how many transfers it is to have, how many
# it has and the least receipt of them, how many words are free, and the free blocks of each power
# of two.
C_ROW, C_OUT, C_TOP, C_KEYS, C_FOLDED, C_LATE, C_VERSION = 0, 1, 2, 3, 4, 5, 6
C_INDEX_SIZE, C_ARENA_SIZE, C_REACHED, C_RELEASED = 7, 8, 9, 10
C_STRETCH_SIZE, C_STRETCH, C_STRETCH_LEAST, C_FREE_WORDS, C_FREE = 11, 12, 13, 14, 15
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
ENTITY_BITS: Final = 4
ENTITY_MASK: Final = (1 << ENTITY_BITS) - 1
TAG_MASK: Final = (1 << 19) - 1
HALF_MASK: Final = (1 << 32) - 1
