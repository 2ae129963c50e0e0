"""Spectra: how fast predictions change between images, and which frequencies matter."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.spectrum.class_frequency import ClassFrequencies, ClassFrequency, class_frequencies
from soupwidgets.topics.spectrum.frequency_table import (
    FrequencyTrend,
    ModelFrequency,
    frequency_frame,
    frequency_trends,
    model_frequencies,
    stream_model_frequencies,
)
from soupwidgets.topics.spectrum.image_paths import ImagePaths, PathKind, image_paths, paths_to, paths_to_changed
from soupwidgets.topics.spectrum.image_spectrum import (
    FourierSensitivity,
    ImageSpectrum,
    fourier_sensitivity,
    image_spectrum,
    stream_fourier_sensitivity,
)
from soupwidgets.topics.spectrum.label_noise import (
    LabelNoiseStudy,
    read_label_noise_study,
    run_label_noise_study,
)
from soupwidgets.topics.spectrum.noise_result import NoiseResult, NoiseRun
from soupwidgets.topics.spectrum.path_spectrum import (
    PathSpectrum,
    path_spectrum,
    stream_path_spectrum,
    treated_spectra,
)
from soupwidgets.topics.spectrum.power import followed, number_of, power_density
from soupwidgets.topics.spectrum.sensitivity import Sensitivity, TreatedAnswer, sensitivity, trend_sensitivity
from soupwidgets.topics.spectrum.training_result import (
    TrainedModel,
    TrainingResult,
    TrainingStudy,
    read_training_study,
)
from soupwidgets.topics.spectrum.training_study import run_training_study
from soupwidgets.topics.spectrum.treatment import OURS, RELEASE, Treatment, all_treatments

__all__ = [
    "ClassFrequencies",
    "ClassFrequency",
    "FourierSensitivity",
    "FrequencyTrend",
    "ImagePaths",
    "ImageSpectrum",
    "LabelNoiseStudy",
    "ModelFrequency",
    "NoiseResult",
    "NoiseRun",
    "PathKind",
    "PathSpectrum",
    "TrainedModel",
    "TrainingResult",
    "TrainingStudy",
    "OURS",
    "RELEASE",
    "Sensitivity",
    "TreatedAnswer",
    "Treatment",
    "all_treatments",
    "class_frequencies",
    "followed",
    "fourier_sensitivity",
    "frequency_frame",
    "frequency_trends",
    "image_paths",
    "image_spectrum",
    "model_frequencies",
    "number_of",
    "path_spectrum",
    "paths_to",
    "paths_to_changed",
    "power_density",
    "read_label_noise_study",
    "read_training_study",
    "run_label_noise_study",
    "run_training_study",
    "sensitivity",
    "stream_fourier_sensitivity",
    "stream_model_frequencies",
    "stream_path_spectrum",
    "treated_spectra",
    "trend_sensitivity",
]

__getattr__ = on_demand(__name__)
