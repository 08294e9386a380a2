"""Tails of the normal, beta, binomial and Student's t distributions. Not here: any test or interval made of them."""

import math
from functools import lru_cache
from statistics import NormalDist

_TINY = 1e-300  # in place of a 0 to divide by


def normal_tail(z: float) -> float:
    """Return P(Z >= z) of a standard normal Z, exact in the far tail too."""
    return math.erfc(z / math.sqrt(2)) / 2


def normal_quantile(p: float) -> float:
    """Return the `p` quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(p)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return P(X <= x) of a Beta(a, b) variable: the regularised incomplete beta function.

    The continued fraction of Abramowitz and Stegun 26.5.8, summed by Lentz's method.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast below the mean only
        return 1 - beta_cdf(1 - x, b, a)
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or _TINY)
    fraction = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        before = fraction
        for term in (even, odd):
            d = 1 / (1 + term * d or _TINY)
            c = 1 + term / c or _TINY
            fraction *= c * d
        if abs(fraction - before) <= 1e-15 * abs(fraction):
            break
    return _beta_kernel(x, a, b) / a * fraction


def _beta_kernel(x: float, a: float, b: float) -> float:
    """Return x^a (1-x)^b / B(a, b), by Stirling's series, so that large a and b do not cancel."""
    n = a + b
    log = a * math.log(x * n / a) + b * math.log((1 - x) * n / b) + math.log(a * b / (2 * math.pi * n)) / 2
    return math.exp(log + _stirling(n) - _stirling(a) - _stirling(b))


def _stirling(z: float) -> float:
    """Return log Gamma(z) less Stirling's formula for it."""
    if z < 15:
        return math.lgamma(z) - (z - 0.5) * math.log(z) + z - math.log(2 * math.pi) / 2
    w = 1 / (z * z)
    return (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188)))) / z


def binomial_tail(k: int, n: int, p: float) -> float:
    """Return P(X >= k) of a Binomial(n, p) variable."""
    if k <= 0 or k > n:
        return float(k <= 0)
    return beta_cdf(p, k, n - k + 1)


def t_tail(t: float, df: float) -> float:
    """Return P(T >= t) of Student's t distribution; `df` need not be whole, and infinite `df` is the normal."""
    if math.isinf(t):
        return float(t < 0)
    if math.isinf(df):
        return normal_tail(t)
    if t * t < df:  # whichever argument is small keeps its digits
        half = (1 - beta_cdf(t * t / (df + t * t), 0.5, df / 2)) / 2
    else:
        half = beta_cdf(df / (df + t * t), df / 2, 0.5) / 2
    return half if t >= 0 else 1 - half


@lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """Return the `p` quantile of Student's t distribution with `df` degrees of freedom, for p in 0.0001 .. 0.9999.

    Up to 400 degrees by bisection, above by the expansion about the normal quantile (Abramowitz and Stegun 26.7.5).
    """
    if p < 0.5:
        return -t_quantile(1 - p, df)
    if df > 400:
        return _t_expansion(normal_quantile(p), df)
    low, high = 0.0, 4000.0  # the quantile at p = 0.9999 with one degree is 3183
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, df) > 1 - p else (low, middle)
    return (low + high) / 2


def _t_expansion(x: float, df: float) -> float:
    g1 = (x**3 + x) / 4
    g2 = (5 * x**5 + 16 * x**3 + 3 * x) / 96
    g3 = (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384
    g4 = (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160
    return x + g1 / df + g2 / df**2 + g3 / df**3 + g4 / df**4
