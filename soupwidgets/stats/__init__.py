"""Statistics: intervals, resampling, paired tests, calibration, prediction-powered estimates; one of each."""

from soupwidgets.stats.bootstrap import bootstrap_mean
from soupwidgets.stats.calibration import Calibration, best_temperature, calibration, expected_calibration_error
from soupwidgets.stats.estimate import Estimate
from soupwidgets.stats.figure import Figure
from soupwidgets.stats.finite_population import Part, finite_interval, stratified_share
from soupwidgets.stats.intervals import LEVEL, class_mean_interval, clopper_pearson, mean_interval
from soupwidgets.stats.linear_probe import LinearProbe, linear_probe
from soupwidgets.stats.metrics import METRICS, Metric, metric_named
from soupwidgets.stats.paired import PairedDifference, PairedTest, mcnemar, paired_difference
from soupwidgets.stats.prediction_powered import powered_accuracy, powered_mean
from soupwidgets.stats.scales import Scale, from_scale, to_scale
from soupwidgets.stats.simultaneous import simultaneous_intervals, simultaneous_level

__all__ = [
    "Calibration",
    "Estimate",
    "Figure",
    "LEVEL",
    "LinearProbe",
    "METRICS",
    "Metric",
    "PairedDifference",
    "PairedTest",
    "Part",
    "Scale",
    "best_temperature",
    "bootstrap_mean",
    "calibration",
    "class_mean_interval",
    "clopper_pearson",
    "expected_calibration_error",
    "finite_interval",
    "from_scale",
    "linear_probe",
    "mcnemar",
    "paired_difference",
    "mean_interval",
    "metric_named",
    "powered_accuracy",
    "powered_mean",
    "simultaneous_intervals",
    "simultaneous_level",
    "stratified_share",
    "to_scale",
]
