"""log, exp, power and the normal distribution: the same bits on every machine.

The last bit of a libm differs between processors and versions, so the engine has its own functions, made of
IEEE +, -, *, / and sqrt, of moves between floats and their bits, and of nothing else. Operations are
rounded in the order written: Numba without fastmath neither fuses nor reorders them. The polynomials not
said to be another's are minimax fits made for this file. An ulp is a unit in the last place of the result.
"""

from __future__ import annotations

import math

import numpy as np

from sim.engine.inner import inner

_LN2_HIGH = float.fromhex("0x1.62e42feep-1")  # 32 bits, so that its product with an exponent is exact
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_INVERSE_LN2 = 1.4426950408889634
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_SPLITTER = 134217729.0  # 2**27 + 1
_ROUNDER = 6755399441055744.0  # 1.5 * 2**52: adding it, then taking it away, rounds to an integer
_SMALLEST_NORMAL = 2.2250738585072014e-308
_LARGEST = 1.7976931348623157e308

# fmt: off
_TWO_THIRDS = 0.6666666666666666
_TWO_THIRDS_LOW = 3.700743415417188e-17
_LOG_REST = (  # of log((1 + s) / (1 - s)) = 2s + 2/3 s**3 + s**5 * polynomial(s**2)
    0.39999999999999997, 0.28571428571433777, 0.22222222219999388, 0.1818181859772511, 0.15384573792209688,
    0.13335720489386263, 0.11686004331653045, 0.11902508815872247,
)
_MILLS_0 = (  # of (1 + x) exp(x**2 / 2) P(X > x), for x up to 39, in powers of (x - 5) / (x + 5)
    0.46151582985003775, -0.09155228183400893, 0.031030368425963257, 0.010002352385218133,
    -0.026401042966292625, 0.02453696324402499, -0.01517041540266241, 0.00652200066289697,
)
_MILLS_8 = (
    -0.0016760723449497856, 7.79163528905275e-06, 0.00018233416061714576, -5.3607757073723845e-05,
    -9.896213380479294e-06, 9.06033213987878e-06, -6.990239192528378e-08, -1.3083493332008694e-06,
)
_MILLS_16 = (
    1.268787292317371e-07, 1.9718970696268076e-07, -2.4954075754876775e-08, -3.1337989075507024e-08,
    2.650963062051419e-09, 4.30909609096362e-09, 2.1803606367379424e-11, -2.7560608227033947e-10,
)
_CENTRE_NUMERATOR = (  # AS 241
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
    67265.7709270087, 33430.57558358813, 2509.0809287301227,
)
_CENTRE_DENOMINATOR = (
    1.0, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
)
_TAIL_NUMERATOR = (
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
)
_TAIL_DENOMINATOR = (
    1.0, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-09,
)
_FAR_NUMERATOR = (
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 2.7115555687434876e-05, 2.0103343992922881e-07,
)
_FAR_DENOMINATOR = (
    1.0, 0.599832206555888, 0.1369298809227358, 0.014875361290850615,
    0.0007868691311456133, 1.8463183175100548e-05, 1.421511758316446e-07, 2.0442631033899397e-15,
)
# fmt: on


@inner(inline="always")
def bits_of(x: float) -> int:
    """The 64 bits of a float, as a signed integer."""
    return int(np.float64(x).view(np.int64))


@inner(inline="always")
def float_of(bits: int) -> float:
    """The float with these 64 bits."""
    return float(np.int64(bits).view(np.float64))


@inner
def log(x: float) -> float:
    """The natural logarithm, within 1 ulp and monotone; -inf at 0, NaN below."""
    if not _SMALLEST_NORMAL <= x <= _LARGEST:
        if x == 0.0:
            return -math.inf
        if not 0.0 < x < math.inf:
            return x if x > 0.0 else math.nan
        bits, shift = bits_of(x * 2.0**54), 54
    else:
        bits, shift = bits_of(x), 0
    exponent = (bits - _SQRT_HALF_BITS) >> 52
    return _log_sum(float(exponent - shift), float_of(bits - (exponent << 52)) - 1.0, 0.0)


@inner(inline="always")
def _log_sum(exponent: float, f: float, low: float) -> float:
    """exponent * log 2 + log(1 + f) + low, for 1 + f in [sqrt(1/2), sqrt(2)], by log((1 + s) / (1 - s))."""
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = z * (
        0.6666666666666698 + w * (0.2857142870321131 + w * (0.18183389532139801 + w * 0.14756555444701053))
    )
    even = w * (0.3999999999961423 + w * (0.22222202218352935 + w * 0.15318227651020663))
    half = 0.5 * f * f
    return exponent * _LN2_HIGH - ((half - (s * (half + (odd + even)) + (exponent * _LN2_LOW + low))) - f)


@inner
def exp(x: float) -> float:
    """The exponential, within 1 ulp and monotone."""
    return _exp_sum(x, 0.0)


@inner(inline="always")
def _exp_sum(x: float, low: float) -> float:
    """exp(x + low), for |low| below an ulp or two of x."""
    if not -745.2 < x < 709.8:
        if x > 0.0:
            return math.inf
        return 0.0 if x < 0.0 else math.nan
    exponent = x * _INVERSE_LN2 + _ROUNDER - _ROUNDER
    y = 1.0 + _expm1_reduced(x - exponent * _LN2_HIGH, exponent * _LN2_LOW - low)
    n = int(exponent)
    if n > 1000:
        return y * float_of((n + 923) << 52) * 2.0**100
    if n < -1000:
        return y * float_of((n + 1123) << 52) * 2.0**-100
    return y * float_of((n + 1023) << 52)


@inner(inline="always")
def _expm1_reduced(high: float, low: float) -> float:
    """exp(high - low) - 1, for |high - low| up to log(2) / 2."""
    r = high - low
    z = r * r
    w = z * z
    p0 = 0.5 + r * 0.16666666666666682
    p1 = 0.04166666666666672 + r * 0.008333333333317108
    p2 = 0.0013888888888859414 + r * 0.00019841269896295815
    p3 = 2.48015873722981e-05 + r * 2.7557234893231085e-06
    p4 = 2.755723435605674e-07 + r * 2.511203825962209e-08
    p = (p0 + z * p1) + w * ((p2 + z * p3) + w * (p4 + z * 2.0926683014951085e-09))
    return high - (low - z * p)


@inner
def log1p(x: float) -> float:
    """log(1 + x), within 1.5 ulp; -inf at -1, NaN below."""
    if -0.2928 < x < 0.4142:
        return _log_sum(0.0, x, 0.0)
    if not -1.0 < x < 2.0**60:
        return log(1.0 + x)
    w = 1.0 + x
    lost = 1.0 - (w - x) if x > 1.0 else x - (w - 1.0)
    bits = bits_of(w)
    exponent = (bits - _SQRT_HALF_BITS) >> 52
    return _log_sum(float(exponent), float_of(bits - (exponent << 52)) - 1.0, lost / w)


@inner
def expm1(x: float) -> float:
    """exp(x) - 1, within 2 ulp."""
    if -0.3465 < x < 0.3465:
        return _expm1_reduced(x, 0.0)
    if not -38.0 < x < 38.0:
        return exp(x) - 1.0
    exponent = x * _INVERSE_LN2 + _ROUNDER - _ROUNDER
    scale = float_of((int(exponent) + 1023) << 52)
    return (scale - 1.0) + scale * _expm1_reduced(x - exponent * _LN2_HIGH, exponent * _LN2_LOW)


@inner
def power(x: float, y: float) -> float:
    """x to the power y, within 1 ulp, and exact where the exact result is a float.

    x**0 and 1**y are 1, also for NaN; 0 to a negative power is inf; a negative x takes a whole y, else NaN.
    Monotone, but where |y| is well below 1 a step of x may take the result one ulp back.
    """
    if y == 0.0 or x == 1.0:
        return 1.0
    if x != x or y != y:
        return math.nan
    sign = 1.0
    if x < 0.0:
        if abs(y) < 2.0**53:
            if math.floor(y) != y:
                return math.nan
            if math.floor(0.5 * y) != 0.5 * y:
                sign = -1.0
        x = -x
    if x == 0.0 or x == math.inf:
        return sign * math.inf if (x > 0.0) == (y > 0.0) else sign * 0.0
    high, low = _log_pair(x)
    if not -1000.0 < y * high < 1000.0:
        return sign * math.inf if (high > 0.0) == (y > 0.0) else sign * 0.0
    p, p_low = _product(y, high)
    return sign * _exp_sum(p, p_low + y * low)


@inner
def _log_pair(x: float) -> tuple[float, float]:
    """log(x) as a sum of two floats, within 2**-64 of it, for 0 < x < inf."""
    bits, shift = bits_of(x), 0
    if x < _SMALLEST_NORMAL:
        bits, shift = bits_of(x * 2.0**54), 54
    k = (bits - _SQRT_HALF_BITS) >> 52
    exponent = float(k - shift)
    m = float_of(bits - (k << 52))
    d = m + 1.0
    inverse = 1.0 / d
    s = (m - 1.0) * inverse
    product, product_low = _product(s, d)
    s_low = (((m - 1.0 - product) - product_low) - s * (m - (d - 1.0))) * inverse
    z, z_low = _product(s, s)
    z_low += 2.0 * s * s_low
    cube, cube_low = _product(s, z)
    cube_low += s * z_low + s_low * z
    third, third_low = _product(cube, _TWO_THIRDS)
    third_low += cube * _TWO_THIRDS_LOW + cube_low * _TWO_THIRDS
    rest = cube * z * _polynomial8(z, _LOG_REST)
    a = exponent * _LN2_HIGH
    b = a + 2.0 * s
    c = b + third
    low = ((b - c) + third) + (((a - b) + 2.0 * s) + (2.0 * s_low + (third_low + rest) + exponent * _LN2_LOW))
    total = c + low
    return total, (c - total) + low


@inner(inline="always")
def _product(a: float, b: float) -> tuple[float, float]:
    """a * b, rounded, and exactly what rounding lost (Dekker 1971), for |a|, |b| below 2**996."""
    product = a * b
    t = _SPLITTER * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLITTER * b
    b_high = t - (t - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@inner(inline="always")
def _polynomial8(x: float, c: tuple[float, ...]) -> float:
    """c[0] + c[1] * x + ... + c[7] * x**7."""
    w = x * x
    return ((c[0] + x * c[1]) + w * (c[2] + x * c[3])) + w * w * ((c[4] + x * c[5]) + w * (c[6] + x * c[7]))


@inner
def normal_tail(x: float) -> float:
    """The probability that a standard normal exceeds x.

    Relative error below 1e-15 up to x = 37, where it is 5.7e-300; from there on it underflows to 0.
    """
    y = abs(x)
    if not y < 39.0:
        return math.nan if x != x else (0.0 if x > 0.0 else 1.0)
    t = (y - 5.0) / (y + 5.0)
    w = t * t
    w = w * w
    w = w * w
    mills = _polynomial8(t, _MILLS_0) + w * (_polynomial8(t, _MILLS_8) + w * _polynomial8(t, _MILLS_16))
    square, square_low = _product(y, y)
    tail = _exp_sum(-0.5 * square, -0.5 * square_low) * mills / (1.0 + y)
    return 1.0 - tail if x < 0.0 else tail


@inner
def normal_cdf(x: float) -> float:
    """The probability that a standard normal is at most x; `normal_tail` of -x."""
    return normal_tail(-x)


@inner
def normal_quantile(p: float) -> float:
    """The standard normal quantile: algorithm AS 241, PPND16 (Wichura 1988, Applied Statistics 37, 477-484).

    Relative error below 1e-15 for p from 1e-300 up; -inf and inf at 0 and 1, NaN outside [0, 1].
    """
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * _polynomial8(r, _CENTRE_NUMERATOR) / _polynomial8(r, _CENTRE_DENOMINATOR)
    tail = p if q < 0.0 else 1.0 - p
    if not tail > 0.0:
        if tail == 0.0:
            return -math.inf if q < 0.0 else math.inf
        return math.nan
    r = math.sqrt(-log(tail))
    if r <= 5.0:
        z = _polynomial8(r - 1.6, _TAIL_NUMERATOR) / _polynomial8(r - 1.6, _TAIL_DENOMINATOR)
    else:
        z = _polynomial8(r - 5.0, _FAR_NUMERATOR) / _polynomial8(r - 5.0, _FAR_DENOMINATOR)
    return -z if q < 0.0 else z
