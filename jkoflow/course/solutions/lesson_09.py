"""Solutions of the lesson on ions."""

SOLUTIONS = (
    """
def debye(permittivity, concentrations, valences):
    # epsilon psi'' = - sum z n = (sum z^2 c) psi
    return np.sqrt(permittivity / np.sum(valences**2 * concentrations))
""",
    """
def flux(z, voltage, left, right):
    # J = u c - c' with the constant u = z V, a linear equation for c
    u = z * voltage
    if abs(u) < 1e-12:
        return left - right
    return u * (left - right * np.exp(-u)) / -np.expm1(-u)
""",
    """
from scipy.optimize import brentq

def reversal(law, salt, mobility):
    def current(voltage):
        return jf.steady(law(voltage), salt, mobility=mobility).currents["right"]

    # Nernst's potential of one ion bounds that of two
    return brentq(current, -np.log(6), np.log(6), xtol=1e-4)
""",
)
