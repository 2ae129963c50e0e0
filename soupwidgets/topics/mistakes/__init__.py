"""Remaining mistakes: which ones are left, of what kind, and which labels of an image are acceptable."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.mistakes.collapse_effect import CollapseEffect, collapse_effect, collapsed_labels
from soupwidgets.topics.mistakes.duplicate_pictures import pair_pictures
from soupwidgets.topics.mistakes.embeddings import Embeddings, embed_splits, embeddings
from soupwidgets.topics.mistakes.image_copies import planted_copies
from soupwidgets.topics.mistakes.major_split import major_split
from soupwidgets.topics.mistakes.mistake_files import (
    FACTORS,
    Factors,
    FactorScore,
    HumanAccuracy,
    MistakeFile,
    factor_scores,
    read_factors,
    read_human_accuracy,
    read_mistakes,
)
from soupwidgets.topics.mistakes.mistake_guess import Guess, MistakeGuesser
from soupwidgets.topics.mistakes.multi_labels import (
    ImageLabels,
    MultiLabels,
    MultiLabelScore,
    SliceScore,
    multi_label_accuracy,
    slice_score,
)
from soupwidgets.topics.mistakes.near_duplicates import (
    NearDuplicates,
    PlantedCopies,
    duplicate_threshold,
    near_duplicates,
)
from soupwidgets.topics.mistakes.nearest import nearest_references
from soupwidgets.topics.mistakes.released import ClassConfusion, read_class_confusions, read_imagenet_logits
from soupwidgets.topics.mistakes.review_comparison import ReviewComparison, SharedCount, compare_reviews
from soupwidgets.topics.mistakes.review_queue import (
    Queue,
    class_pair,
    hardest,
    label_errors,
    most_disputed,
    where_two_differ,
)
from soupwidgets.topics.mistakes.taxonomy import (
    CATEGORIES,
    SEVERITIES,
    ConfusionPair,
    LaterAgreement,
    Mistake,
    agreement_with_later_labels,
    confusion_pairs,
    mistake_table,
    normal_category,
    normal_severity,
)
from soupwidgets.topics.mistakes.without_duplicates import WithoutDuplicates, without_duplicates

__all__ = [
    "CATEGORIES",
    "ClassConfusion",
    "CollapseEffect",
    "ConfusionPair",
    "Embeddings",
    "FACTORS",
    "FactorScore",
    "Factors",
    "Guess",
    "HumanAccuracy",
    "ImageLabels",
    "LaterAgreement",
    "Mistake",
    "MistakeFile",
    "MistakeGuesser",
    "MultiLabelScore",
    "MultiLabels",
    "NearDuplicates",
    "PlantedCopies",
    "Queue",
    "ReviewComparison",
    "SEVERITIES",
    "SharedCount",
    "SliceScore",
    "WithoutDuplicates",
    "agreement_with_later_labels",
    "class_pair",
    "collapse_effect",
    "collapsed_labels",
    "compare_reviews",
    "confusion_pairs",
    "duplicate_threshold",
    "embed_splits",
    "embeddings",
    "factor_scores",
    "hardest",
    "label_errors",
    "major_split",
    "mistake_table",
    "most_disputed",
    "multi_label_accuracy",
    "near_duplicates",
    "nearest_references",
    "normal_category",
    "normal_severity",
    "pair_pictures",
    "planted_copies",
    "read_class_confusions",
    "read_factors",
    "read_human_accuracy",
    "read_imagenet_logits",
    "read_mistakes",
    "slice_score",
    "where_two_differ",
    "without_duplicates",
]

__getattr__ = on_demand(__name__)
