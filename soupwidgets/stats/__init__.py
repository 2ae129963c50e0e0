"""Statistics: intervals, resampling, paired tests, calibration; one implementation of each."""

from soupwidgets.stats.bootstrap import bootstrap_mean
from soupwidgets.stats.calibration import Calibration, best_temperature, calibration, expected_calibration_error
from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.intervals import LEVEL, class_mean_interval, clopper_pearson, mean_interval
from soupwidgets.stats.paired import PairedTest, mcnemar
from soupwidgets.stats.scales import Scale, from_scale, to_scale

__all__ = [
    "Calibration",
    "Estimate",
    "LEVEL",
    "PairedTest",
    "Scale",
    "best_temperature",
    "bootstrap_mean",
    "calibration",
    "class_mean_interval",
    "clopper_pearson",
    "expected_calibration_error",
    "from_scale",
    "mcnemar",
    "mean_interval",
    "to_scale",
]
