"""Figures of spectra: pure functions that turn results into plotly figures."""

from soupwidgets.topics.spectrum.figures.image_spectrum import fourier_sensitivity, image_spectra
from soupwidgets.topics.spectrum.figures.label_noise import minimum_noise_fitting, noise_fitting, noise_followed
from soupwidgets.topics.spectrum.figures.path_spectrum import (
    frequency_against_accuracy,
    frequency_along_alpha,
    path_predictions,
    path_spectra,
)
from soupwidgets.topics.spectrum.figures.sensitivity import class_frequency, treatments
from soupwidgets.topics.spectrum.figures.training_study import accuracy_and_frequency

__all__ = [
    "accuracy_and_frequency",
    "class_frequency",
    "fourier_sensitivity",
    "frequency_against_accuracy",
    "frequency_along_alpha",
    "image_spectra",
    "minimum_noise_fitting",
    "noise_fitting",
    "noise_followed",
    "path_predictions",
    "path_spectra",
    "treatments",
]
