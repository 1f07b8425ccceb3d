"""Solutions of the lesson on ions."""

SOLUTIONS = (
    """
def debye(permittivity, concentrations, valences):
    # epsilon psi'' = - sum z n = (sum z^2 c) psi
    return np.sqrt(permittivity / np.sum(valences**2 * concentrations))
""",
    """
def middle(z, voltage, left, right):
    # c' = u c - J with the constant u = z V: c = left + (right - left) (e^(u x) - 1) / (e^u - 1)
    return left + (right - left) / (1 + np.exp(z * voltage / 2))
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
