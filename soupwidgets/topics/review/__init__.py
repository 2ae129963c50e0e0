"""Reviewing together: many people's judgements of the same images, stored, merged, counted, and withdrawn."""

from soupwidgets.topics.review.agreement import Agreement, agreement, alpha_interval, krippendorff_alpha
from soupwidgets.topics.review.community import community_slices
from soupwidgets.topics.review.consensus import Consensus, consensus
from soupwidgets.topics.review.crossing import intersect, small_cells
from soupwidgets.topics.review.descriptions import picture_words
from soupwidgets.topics.review.extrapolation import Extrapolation, Shares, extrapolate, outcome
from soupwidgets.topics.review.files import Export, export_labels, read_labels, read_session, write_session
from soupwidgets.topics.review.label_set import (
    Distribution,
    Rule,
    distribution,
    distributions,
    label_set,
    minority_views,
    reviewed_mistakes,
    settle,
    without_perhaps,
)
from soupwidgets.topics.review.major import major_slice
from soupwidgets.topics.review.records import Record, ReviewError, ReviewWarning, State
from soupwidgets.topics.review.samples import Sample, random_sample, stratified_sample
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.statement import data_statement
from soupwidgets.topics.review.storage import Erasure, ReviewStore
from soupwidgets.topics.review.views import (
    Description,
    Hidden,
    Image,
    Judgement,
    Reviewer,
    Shortfall,
    Slice,
    Term,
    View,
    view,
)

__all__ = [
    "Agreement",
    "Consensus",
    "Description",
    "Distribution",
    "Erasure",
    "Export",
    "Extrapolation",
    "Hidden",
    "Image",
    "Judgement",
    "Record",
    "ReviewError",
    "ReviewSession",
    "ReviewStore",
    "ReviewWarning",
    "Reviewer",
    "Rule",
    "Sample",
    "Shares",
    "Shortfall",
    "Slice",
    "State",
    "Term",
    "View",
    "agreement",
    "alpha_interval",
    "community_slices",
    "consensus",
    "data_statement",
    "distribution",
    "distributions",
    "export_labels",
    "extrapolate",
    "intersect",
    "krippendorff_alpha",
    "label_set",
    "major_slice",
    "minority_views",
    "outcome",
    "picture_words",
    "random_sample",
    "read_labels",
    "read_session",
    "reviewed_mistakes",
    "settle",
    "small_cells",
    "stratified_sample",
    "view",
    "without_perhaps",
    "write_session",
]
