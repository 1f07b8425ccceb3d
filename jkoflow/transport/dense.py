"""Entropic steps between any point sets and with any cost, by POT."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite_array, non_negative_array, positive, positive_integer, real_array


def semi_relaxed_step(
    masses: Any,
    cost: Any,
    reference: Any,
    *,
    tau: float,
    epsilon: float,
    diffusion: float = 1.0,
    tolerance: float = 1e-10,
    max_iterations: int = 100_000,
) -> tuple[Array, Array, int, float]:
    """Return the entropic JKO step of the Fokker-Planck equation between two point sets, with any cost.

    The step is the semi-relaxed transport problem

        min over plans g with first marginal ``masses``:
            [<cost, g> + epsilon KL(g | 1)] / (2 tau) + diffusion KL(second marginal | reference)

    It is solved by POT's unbalanced Sinkhorn scaling with an infinite weight on the first marginal. Memory and time per
    iteration are O(n k).

    * ``masses`` are the masses of the first point set, shape (n,).
    * ``cost`` are the costs between the point sets, shape (n, k).
    * ``reference`` is a measure on the second point set, shape (k,). For the energy int V d rho + diffusion int rho log rho on
      cells of volume h it is h exp(-V / diffusion).

    The result is a tuple of

    * the new masses, shape (k,);
    * the plan g, shape (n, k);
    * the number of times that POT computed its error: once in ten iterations;
    * the error of the first marginal in L1, divided by the mass.

    Raises ValueError for arrays that do not fit, are not finite, or are negative.

    Source: Chizat, Peyre, Schmitzer, Vialard (2018).

    >>> x = np.linspace(-1, 1, 5)
    >>> cost = np.abs(np.subtract.outer(x, x))                           # W1 in the place of W2 squared
    >>> new, plan, _, _ = semi_relaxed_step(np.full(5, 0.2), cost, np.exp(-x**2), tau=0.5, epsilon=0.1)
    >>> bool(abs(new.sum() - 1) < 1e-9)
    True
    """
    import ot

    cost = real_array("cost", cost)
    if cost.ndim != 2:
        raise ValueError(f"cost must be a matrix, got {cost.ndim} dimensions")
    cost = finite_array("cost", cost, cost.shape)
    masses = non_negative_array("masses", masses, cost.shape[:1])
    reference = non_negative_array("reference", reference, cost.shape[1:])
    tau, epsilon, diffusion = positive("tau", tau), positive("epsilon", epsilon), positive("diffusion", diffusion)
    tolerance = positive("tolerance", tolerance)
    plan, log = ot.unbalanced.sinkhorn_unbalanced(
        masses,
        reference,
        cost,
        reg=epsilon,
        reg_m=(np.inf, 2 * tau * diffusion),
        method="sinkhorn_stabilized",
        c=np.ones_like(cost),
        numItermax=positive_integer("max_iterations", max_iterations),
        stopThr=tolerance,
        log=True,
    )
    error = float(np.abs(plan.sum(axis=1) - masses).sum() / masses.sum())
    return plan.sum(axis=0), plan, len(log["err"]), error
