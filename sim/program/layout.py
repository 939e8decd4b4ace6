"""The program's machine: what each number in its arrays stands for. Read by the compiler and by the
engine."""

from __future__ import annotations

# ---- memory: one block of 8-byte words a worker, seen as int64 and as float64. First comes this header.
# Words that hold where a table or list starts; rows are NARROW or WIDE words apart.
NARROW, WIDE = 8, 16
NONE, NO, YES = -1, 0, 1  # Numba compiles a function anew for every literal given to it, but not for these
ONCE = 0  # the count, and the attempt, of what is drawn once and never again
(
    CODE,  #          expression code (narrow)
    STEPS,  #         care code (narrow)
    SLOTS,  #         kind, argument: the calendar, in the order that breaks ties (narrow)
    HAZARDS,  #       (wide)
    TIMERS,  #        sojourns and exits at a fixed time (narrow)
    STATES,  #        (wide)
    AXES,  #          state at birth, cell of the state, of the one before or -1 (narrow)
    SHARES,  #        code or -1 for the rest, target, cause (narrow)
    ASSIGNMENTS,  #   cell, code, variable (narrow)
    THINGS,  #        (narrow)
    LISTENERS,  #     (narrow)
    READERS,  #       list: where in DEPENDENTS the readers of a cell start
    DEPENDENTS,  #    list: hazards, then watches
    WATCHES,  #       (narrow)
    PROTOCOLS,  #     (narrow)
    PROVIDERS,  #     thing, first rider, riders (narrow)
    RIDERS,  #        list of protocols that start during a visit
    BIOMARKERS,  #    (narrow)
    RANGES,  #        floats of biomarkers (narrow)
    CONDITIONS,  #    diagnosed cell, thing, slot of its resolution (narrow)
    DRUGS,  #         prescribed cell, thing, slot of its supply, its doses (narrow)
    PROCEDURES,  #    and vaccines: thing, whether a vaccine, code in the log (narrow)
    VARIABLES,  #     cell, code of its draw or -1 (narrow)
    LOOKUPS,  #       (wide)
    BREAKS,  #        list of floats
    VALUES,  #        list of floats
    TABULATIONS,  #   code, grids, then what the loader works out (narrow)
    KEYS,  #          list: stream keys of the sites
    RATES,  #         list of floats: tabulated rates
    EDGES,  #         list of floats: ages (years) where groups of the age structure begin, and the last ends
    BELOW,  #         list of floats: share of women, then of men, younger than each edge
    BRIDGE,  #        list of floats: weight and sd of each level of each biomarker's noise
    TEMPLATE,  #      the cells of a life at its start
    DUE,  #           list of floats: when each slot is due, days since birth
    WINNERS,  #       list: the tree over DUE; its word 1 is the slot that is next
    WAITING,  #       list: things whose consequences are still to come
    DIRTY,  #         list: hazards and watches to look at again
    IS_DIRTY,  #      list
    WATCHED,  #       list: whether each watch was last true
    PROGRESS,  #      of protocols (wide)
    CONDITION_ROWS,  # list: the open row of each condition in the log, or -1
    DRUG_ROWS,  #     list
    GOING,  #         hazards of this life (wide, floats)
    HISTORY,  #       previous entry or -1, time, value (narrow, floats)
    LEDGER,  #        list of floats: days alive, then cumulative hazard of death, by sex, civil year and age
    COUNTED,  #       list: whether deaths of each condition go into the ledger
    MOVED,  #         list: by which consequence each axis was last moved
    VISITS,  #        of visits: what was under way around each, how long it lasts (narrow)
    EVENTS,  #        (narrow)
    MEMBERSHIPS,  #   groups of things (narrow)
) = range(50)
# Words that hold a number.
(
    N_SLOTS,  # a power of 2
    N_HAZARDS,
    N_WATCHES,
    N_AXES,
    N_VARIABLES,
    N_PROTOCOLS,
    N_CONDITIONS,
    N_DRUGS,
    N_EDGES,
    N_HISTORY,
    N_ROWS,  # of the log
    FIXED,  # cells before this one change during a life
    ENTRY_CODE,  # code of the age at entry, or -1
    KEY_OF_SEX,
    KEY_OF_BIRTH,
    LEDGER_FIRST_YEAR,
    LEDGER_YEARS,  # 0: no ledger is kept
    LEDGER_AGES,
    N_VISITS,
    N_TABULATIONS,  # still to be worked out: 0 once the rates are tabulated
    N_YEARS,  # civil years that lives can see
) = range(50, 71)
# Words that hold a float.
FEMALE, BORN_FROM, BORN_TO, ALIVE_ON, ENTRY_DATE, WINDOW_FROM, WINDOW_TO = range(71, 78)
# Numbers of the life that is being lived.
LOGGED, SEQ, FIRST_WAITING, N_WAITING, N_DIRTY, RECORDING, DEAD, AT_ONCE, SLOT = range(78, 87)
# Words that hold code, or -1: who is included, by looks at the start and at the end of a record; the weight.
INCLUDE_AT_START, INCLUDE_AT_END, WEIGHT = range(87, 90)

# ---- cells that every life has (float64)
NOW = 96  # days since birth
BIRTH = 97  # days since 1970-01-01
GRID_AGE = 98  # completed years + 1/2, for rates
GRID_YEAR = 99  # calendar year + 1/2, for rates
NEXT = 100  # when a clock next changes what was just evaluated
PATIENT = 101
ATTEMPT = 102
SEX = 103
FAULT = 104  # what went wrong, FINE while nothing has
FAULT_PLACE = 105  # the row of code, hazard, ... that shows it
HISTORIES = 106  # entries in the history
ENTRY = 107  # when rates begin, days since birth
FIRST_CELL = NOW
FIRST_FREE_CELL = 108

# ---- expression code: one row (op, to, a, b, c) of int32; to, a, b and c are cells unless said otherwise
RETURN = 0  # a
JUMP = 1  # to: row
JUMP_UNLESS = 2  # to: row, a: truth
ADD = 3
SUBTRACT = 4
MULTIPLY = 5
DIVIDE = 6
POWER = 7
MINIMUM = 8
MAXIMUM = 9
NEGATE = 10
ABSOLUTE = 11
EXP = 12
LOG = 13
SQRT = 14
FLOOR = LAST_ARITHMETIC = 15
MOVE = 16
OR_ELSE = 17
EQUAL = 18
NOT_EQUAL = 19
LESS = 20
LESS_EQUAL = 21
NOT = 22
KNOWN = LAST_RELATION = 23
AGE = 24
TODAY = 25
YEAR = 26
MONTH = 27
YEAR_START = 28  # date of 1 January: of year a rounded up, or (b = 1) of the year after a rounded down
ELAPSED = 29  # a: time of the anchor
YEARS_ELAPSED = 30  # the same in years
REACHED = 31  # now against a + b; c: one of the senses below
GRID_ELAPSED = 32  # completed years since a + 1/2, in days; sets NEXT
GRID_YEARS_ELAPSED = LAST_CLOCK = 33  # in years
LOOKUP = 34  # a: row of the lookups, b: cell of the first key (keys are neighbours)
COUNT_WITHIN = 35  # a: head cell of a history, b: days, c: AT_MOST or NOT_CROSSED
MEAN_WITHIN = 36
PROBABILITY = 37  # a, checked to lie in [0, 1]
UNIFORM = 38  # a: site, b: count
DRAW_UNIFORM = FIRST_DRAW = 39  # a: u, b: first parameter (parameters are neighbours)
DRAW_NORMAL = 40
DRAW_TRUNCATED_NORMAL = 41
DRAW_LOGNORMAL = 42
DRAW_EXPONENTIAL = 43
DRAW_WEIBULL = 44
DRAW_GOMPERTZ = 45
DRAW_GAMMA = 46
DRAW_BETA = 47
DRAW_POISSON = 48
DRAW_LOGLOGISTIC = 49
DRAW_GENGAMMA = 50
DRAW_EMPIRICAL = 51  # c: how many parameters
OF_SCORE = 52  # a: a standard normal score, whose uniform is wanted

# senses of REACHED (c): exact ones for a look at this moment, crossing ones for watches and rates (these set
# NEXT)
AT_LEAST, MORE_THAN, AT_MOST, LESS_THAN, CROSSED, NOT_CROSSED = range(6)

# ---- processes: every slot of the calendar, in the order that breaks ties
#      row (kind, axis or protocol, argument, ...) of int32
WINDOW = WINDOW_SLOT = 0  # the window opens
WATCH = 1  #         an expression's clock
SUPPLY = 2  #        drug: its supply ends
RESOLUTION = 3  #    condition: it resolves by itself
BACKGROUND = 4  #    death by a cause no pathway models
EXIT = 5  #          an exit fires (hazard or fixed time)
SOJOURN = 6  #       a `lasts` ends
TRIGGER = 7  #       a protocol's rate fires
PROTOCOL = 8  #      a protocol goes on
EVENT = 9  #         an event happens

# ---- hazards: columns of the int32 table, one row per hazard
HAZARD_SLOT = 0
HAZARD_FORM = 1
HAZARD_TABLE = 2  # row of the tabulations, or -1
HAZARD_CODE = 3  # the factor (rate) or multiplier (after) that is not tabulated, or -1
HAZARD_GRIDS = 4  # bits: AGE_GRID, YEAR_GRID
HAZARD_VARYING = 5  # 1 where its code reads age or year and must be evaluated in every piece
HAZARD_FIRST = 6  # code of the first parameter (after), or -1
HAZARD_SECOND = 7
HAZARD_SITE = 8
HAZARD_COUNT = 9  # cell: how often the threshold was drawn
HAZARD_ENTRY = 10  # cell: when the state was entered
HAZARD_AXIS = 11  # -1 for triggers, events and background
HAZARD_TARGET = 12  # state entered (-1: dead), protocol started, or event that happens
HAZARD_CAUSE = 13
HAZARD_GATE = 14  # code that no clock changes: where it is false the rate is zero, else -1
HAZARD_THIRD = 15
HAZARD_COLUMNS = 16

CONSTANT, WEIBULL, GOMPERTZ, EXPONENTIAL, LOGNORMAL, LOGLOGISTIC, GAMMA = range(7)  # forms
AGE_GRID, YEAR_GRID, SEX_ROWS = 1, 2, 4

# ---- a hazard's life (GOING)
THRESHOLD = 0
REFERENCE = 1  # the threshold is what was left then
RATE = 2
FACTOR = 3
CURSOR = 4  # the rate was last looked at then
RENEWAL = 5  # its code must be evaluated again then
SHAPE = 6
SCALE = 7
STATUS = 8
REFRESHES = 9  # 1 where what is due is not an exit but its code, to be evaluated again
DORMANT = 10  # 1 where its gate is shut
PIECE_AGE, PIECE_YEAR, PIECE_PLACE = 11, 12, 13  # at CURSOR: age, year, place in RATES (whole numbers)
EXPONENT = 14  # the third parameter of an `after`
IDLE, UNDER_WAY, FRESH = 0.0, 1.0, 2.0  # of STATUS; fresh: its threshold is still to be drawn

# ---- care code: one row (op, a, b, c, d, e) of int32
END = 0
OPEN_VISIT = 1  # provider, reason, site, count cell, visit
CLOSE_VISIT = 2  # provider, visit, 1 + code of the discharge or 0
TEST = 3  # biomarker, code of the measurement error or -1, 1 + panel, 1 + code of what is recorded instead
DIAGNOSE = 4  # condition, code of days or -1
RESOLVE = 5
PRESCRIBE = 6  # drug, code of days or -1, dose or -1
STOP_DRUG = 7
STOP_PROTOCOL = 8
PERFORM = 9  # procedure or vaccine
WAIT = 10  # code of days
BEGIN_ROUNDS = 11  # first cell of the loop, code of the first wait or -1
NEXT_ROUND = 12  # first cell, code of until or -1, at most or -1, row after the loop
START_ROUND = 13  # as NEXT_ROUND
END_ROUND = 14  # first cell, code of the interval, row of NEXT_ROUND
GO_TO = 15  # row
UNLESS = 16  # code, row
DO = 17  # protocol
START = 18  # protocol
ASSIGN = 19  # variable, code
CHANGE_DOSE = 20  # drug, 1 up or -1 down
ASK = 21  # provider, code of the place within a session or -1, cell that counts, first break, sessions
MISS = 22  # code of days until the visit is asked for again or -1, at most or -1, row of ASK
LASTS = 23  # visit, code of days
WAIT_UNTIL = 24  # watch, code of the longest days or -1
BEGIN_TIMES = 25  # first cell of the loop, cell of when the thing last happened
NEXT_TIME = 26  # first cell, code of the days to the time, how many times, row after the loop
SAMPLE = 27  # biomarker, code of the measurement error, code of days to the result, first cell of the sample
RESULT = 28  # biomarker, first cell of the sample

# a loop's cells, from its first; one of times has in place of the first what they count from
ROUND_DUE, ROUNDS, ROUNDS_IN_LIFE = range(3)
# a sample's cells, from its first: what it shows, when that is known, id of the encounter it was taken in
SHOWN, KNOWN_AT, TAKEN_IN = range(3)

# ---- what goes wrong in a life
FINE = 0
NOT_A_NUMBER = 1
BAD_RATE = 2
BAD_TIME = 3
BAD_PROBABILITY = 4
OUTSIDE_TABLE = 5
CASCADE = 6
TOO_MANY_ATTEMPTS = 7
BAD_DISTRIBUTION = 8
LOG_FULL = 9  # not a fault: the log must grow and the life be lived again
HISTORY_FULL = 10
UNKNOWN_RESULT = 11
BAD_SHARE = 12
NOT_TABULATED = 13
BAD_SOJOURN = 14

# ---- timers: sojourns and exits at a fixed time
TIMER_SLOT, TIMER_CODE, TIMER_TARGET, TIMER_CAUSE, TIMER_STATE = range(5)
BY_SHARE = -2  # the target of a sojourn: one of the state's shares

# ---- states
(
    STATE_AXIS,
    STATE_THING,
    STATE_FIRST_HAZARD,
    STATE_HAZARDS,
    STATE_FIRST_TIMER,
    STATE_TIMERS,
    STATE_FIRST_SHARE,
    STATE_SHARES,
    STATE_FIRST_ASSIGNMENT,
    STATE_ASSIGNMENTS,
    STATE_SITE,
    STATE_INSTANT,
    STATE_FIRST_WATCH,
    STATE_WATCHES,
) = range(14)

# ---- things, listeners, watches, protocols ...
THING_COUNT, THING_SINCE, THING_HISTORY, THING_FIRST_LISTENER, THING_LISTENERS = range(5)
THING_FIRST_GROUP, THING_GROUPS = 5, 6  # rows of the memberships, the innermost first
GROUP_THING, GROUP_FIRST_STATE, GROUP_LAST_STATE = range(3)  # states: of none, where its things are none
LISTENER_PROTOCOL, LISTENER_AXIS, LISTENER_STATE, LISTENER_CODE, LISTENER_TARGET, LISTENER_CAUSE = range(6)
WATCH_CODE, WATCH_ACTION, WATCH_PROTOCOL, WATCH_SLOT, WATCH_STEP = range(5)
WATCH_EXIT, WATCH_COUNT = 5, 6  # of LEAVE: its row of the listeners, the cell that counts its turning true
WHEN, WHILE, LEAVE, UNTIL, GO_ON = range(
    5
)  # actions; the last two are of protocols that run, GO_ON at WATCH_STEP
EVENT_THING, EVENT_FIRST_ASSIGNMENT, EVENT_ASSIGNMENTS = range(3)
PROTOCOL_SLOT, PROTOCOL_RUNNING, PROTOCOL_STEP, PROTOCOL_UNTIL, PROTOCOL_THING = range(5)
PROTOCOL_FROM, PROTOCOL_TO = 5, 6  # dates between which it may start
PROTOCOL_PLAN = 7  # its care plan * PLAN_REASONS + 1 + its reason, or -1
PLAN_REASONS = 1 << 16
BIOMARKER_CODE, BIOMARKER_LAST, BIOMARKER_FIRST, BIOMARKER_THING = range(4)
BIOMARKER_SITE, BIOMARKER_LEVELS, BIOMARKER_BRIDGE, BIOMARKER_SD = 4, 5, 6, 7  # of the noise; site -1: none
RANGE_LOW, RANGE_HIGH, RANGE_SCALE, NOISE_GRID, NOISE_HALF_LIFE = range(5)  # scale: 10 ** decimals
CODED_CELL, CODED_THING, CODED_SLOT = range(3)  # of conditions and drugs
# of drugs: cell of the dose as a share, then of its start, or -1; its first dose among all; how many; their
# shares in VALUES
DRUG_TAKING, DRUG_FIRST_DOSE, DRUG_DOSES, DRUG_SHARES = 3, 4, 5, 6
PROVIDER_THING, PROVIDER_FIRST_RIDER, PROVIDER_RIDERS = range(3)
VARIABLE_CELL, VARIABLE_CODE = range(2)
AXIS_FIRST_STATE, AXIS_CELL, AXIS_PREVIOUS = range(3)
SHARE_CODE, SHARE_TARGET, SHARE_CAUSE = range(3)
(
    TABULATION_CODE,
    TABULATION_GRIDS,
    TABULATION_START,
    TABULATION_SEX_STRIDE,
    TABULATION_YEAR_STRIDE,
    TABULATION_AGE_STRIDE,
    TABULATION_FIRST_YEAR,
    TABULATION_AGES,
) = range(8)

# ---- a protocol's life (PROGRESS)
(
    NEXT_STEP,
    CALLER,  # the protocol that waits for this one, or whose visit it rides on; -1 none
    RIDING,  # 1 where it only rides on the caller's visit
    CALLEE,  # the protocol that this one waits for, -1 none
    RIDERS_STARTED,  # of the visit under way
    VISITING,  # how many visits it has under way
    ENDING,  # 1 where it ends with that visit
    ENCOUNTER,  # id of the encounter that its steps happen in, or NULL
    ENCOUNTER_ROW,  # its row in the log, or -1
    INHERITED,  # id of the encounter that it was called in, or rides on, or NULL
    ACTIVATION,  # how often it has been started in this life
    APPOINTMENT_ROW,  # in the log, of the visit that it waits for, or -1
    TIMES_ASKED,  # for that visit; 0 where it waits for none
    ASKED,  # when it asked for it first, days since birth
    PLAN_ROW,  # in the log, of its care plan, or -1
) = range(15)

# ---- a visit's life (VISITS): the encounter around it, to go back to; until when it lasts at least; whether
# it is under way
OUTER_ENCOUNTER, OUTER_ROW, UNTIL_THEN, IS_OPEN = range(4)

# ---- parts of the LEDGER
DAYS_ALIVE, DEATHS = range(2)

# ---- an entry of the HISTORY
PREVIOUS, TIME, VALUE = range(3)

# ---- lookups: offset of the values, clamp, number of axes, then (size, first break or -1) of each axis
LOOKUP_VALUES, LOOKUP_CLAMP, LOOKUP_AXES, LOOKUP_FIRST_AXIS = range(4)
MOST_AXES = 4
LOOKUP_COLUMNS = LOOKUP_FIRST_AXIS + 2 * MOST_AXES
