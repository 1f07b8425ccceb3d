"""Steps of masses and fields."""

from .joint import JointAnswer, joint_step, must_have_joint_step
from .steering import steering_arrays, steering_potentials

__all__ = ["JointAnswer", "joint_step", "must_have_joint_step", "steering_arrays", "steering_potentials"]
