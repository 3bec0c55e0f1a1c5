"""The tasks: functions of a length and a random generator that return a Stream."""

from elman.tasks.cv import cv
from elman.tasks.xor import xor

TASKS = {"xor": xor, "cv": cv}

# The elements of a task's longest unit: a shorter stream might not hold a whole one.
LONGEST_UNIT = {"xor": 3, "cv": 4}
