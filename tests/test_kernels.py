"""Kernels: calculus, convexity, traits, algebra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jkoflow as jf

from .tables import KERNELS

KERNEL = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS.keys())


@KERNEL
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_gradient_is_the_derivative_of_the_value(kernel, dim):
    rng = np.random.default_rng(dim)
    x = rng.uniform(0.3, 1.5, size=(dim, 20)) * rng.choice([-1, 1], size=(dim, 20))
    gradient = kernel.gradient(*x).reshape(dim, 20)
    for axis in range(dim):
        step = np.zeros((dim, 1))
        step[axis] = 1e-5
        numeric = (kernel(*(x + step)) - kernel(*(x - step))) / 2e-5
        assert np.allclose(gradient[axis], numeric, atol=1e-8)


@KERNEL
def test_curvature_is_the_derivative_of_the_slope(kernel):
    r = np.linspace(0.3, 3, 40)
    assert np.allclose(kernel.curvature(r), (kernel.slope(r + 1e-5) - kernel.slope(r - 1e-5)) / 2e-5, atol=1e-7)


@KERNEL
def test_gradient_vanishes_at_the_origin(kernel):
    assert float(kernel.gradient(0.0)) == 0
    assert np.all(kernel.gradient(np.zeros(2), np.zeros(2)) == 0)


@KERNEL
def test_convexity_is_a_lower_bound_of_the_hessian_and_sharp(kernel):
    r = np.geomspace(1e-4, 1e7, 40001)
    lowest = np.minimum(kernel.curvature(r), kernel.slope(r) / r).min()
    if np.isfinite(kernel.convexity):
        assert kernel.convexity <= lowest + 1e-6 * abs(lowest)
        assert lowest <= kernel.convexity + 1e-3 * max(1.0, abs(kernel.convexity))
        a, b = 0.3, -0.8  # the inequality across the origin, where pointy kernels show
        for t in np.linspace(0.1, 0.9, 9):
            chord = (1 - t) * kernel(a) + t * kernel(b) - kernel.convexity * t * (1 - t) * (a - b) ** 2 / 2
            assert kernel((1 - t) * a + t * b) <= chord + 1e-9
    else:
        assert kernel.singular or kernel.slope(1e-9) < 0 or lowest < -1e2


@pytest.mark.parametrize(
    ("kernel", "convexity", "pointy", "singular"),
    [
        (jf.PowerLaw(1), 0.0, True, False),
        (jf.PowerLaw(1.5), 0.0, False, False),
        (jf.PowerLaw(0.5), -np.inf, True, False),
        (jf.PowerLaw(0), -np.inf, False, True),
        (jf.Quadratic(), 1.0, False, False),
        (3 * jf.Quadratic(), 3.0, False, False),
        (-jf.Quadratic(), -1.0, False, False),
        (jf.Morse(3.0, 0.5), -12.0, True, False),
        (-jf.Morse(), -np.inf, True, False),
        (jf.Gaussian(2.0, 0.5), -32 * np.exp(-1.5), False, False),
        (-jf.Gaussian(), -2.0, False, False),
        (2 * jf.Morse() - 0.6 * jf.Morse(1.0, 0.5), -5 / 12, True, False),
        (0.9 * jf.Morse() - 0.6 * jf.Morse(1.0, 0.5), -np.inf, True, False),
        (jf.Newtonian(1), -np.inf, True, False),
        (-jf.PowerLaw(4), -np.inf, False, False),
        (jf.Quadratic() - jf.PowerLaw(4), -np.inf, False, False),
        (jf.Morse() - 0.5 * jf.Gaussian(), -2.0, True, False),
        (jf.PowerLaw(1) + 0.0 * jf.Newtonian(2), 0.0, True, False),
        (-jf.Newtonian(1), 0.0, True, False),
        (jf.Newtonian(2), -np.inf, False, True),
        (jf.Riesz(0.5), -np.inf, False, True),
        (jf.Quadratic() + jf.CustomKernel(lambda x: x**4, convexity=0.0), 1.0, False, False),
        (jf.CustomKernel(np.abs, pointy=True) - jf.Quadratic(), -np.inf, True, False),
    ],
)
def test_traits(kernel, convexity, pointy, singular):
    """docs/theory/two-species.md, section 4, for Morse, Gaussian and the attractive-repulsive pairs."""
    assert np.isclose(kernel.convexity, convexity, atol=1e-6)
    assert kernel.pointy is pointy
    assert kernel.singular is singular


@given(a=st.floats(-3, 3), b=st.floats(-3, 3), x=st.floats(-5, 5))
def test_algebra(a, b, x):
    V, W = jf.Morse(2.0, 0.7), jf.PowerLaw(3)
    assert np.isclose((a * V + b * W)(x), a * V(x) + b * W(x))
    assert np.isclose((a * (V - b * W)).gradient(x), a * V.gradient(x) - a * b * W.gradient(x))
    assert np.isclose((V + W)(x), (W + V)(x))


def test_riesz_is_a_negative_power_and_newtonian_a_multiple_of_one():
    r = np.linspace(0.1, 2, 7)
    assert np.allclose(jf.Riesz(0.7)(r), -jf.PowerLaw(-0.7)(r))
    assert np.allclose(jf.Newtonian(3)(r), -jf.PowerLaw(-1)(r) / (4 * np.pi))
    assert np.allclose(jf.Newtonian(2)(r), -jf.PowerLaw(0)(r) / (2 * np.pi))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jf.Morse(-1.0), "strength must be a positive"),
        (lambda: jf.Gaussian(length=0.0), "length must be a positive"),
        (lambda: jf.PowerLaw(np.nan), "p must be a finite"),
        (lambda: jf.Newtonian(2.5), "d must be a whole number"),
        (lambda: jf.Riesz(-1), "alpha must be a positive"),
        (lambda: jf.Riesz(0), r"take -PowerLaw\(0\)"),
        (lambda: np.inf * jf.Morse(), "factor of a kernel"),
        (lambda: jf.CustomKernel(np.abs).gradient(1.0), "slope must be given"),
        (lambda: jf.Interaction("morse"), "must be a Kernel or a function"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_kernels_do_not_add_to_other_things():
    for call in (lambda: jf.Morse() + 1, lambda: jf.Morse() - 1):
        with pytest.raises(TypeError):
            call()
