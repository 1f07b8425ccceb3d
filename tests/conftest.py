"""What all tests share."""

import matplotlib as mpl

mpl.use("agg")
