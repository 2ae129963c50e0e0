"""Loss landscapes: lines, planes, barriers and sharpness in weight space."""

from soupwidgets.topics import on_demand
from soupwidgets.topics.landscape.alignment import alignment_lines
from soupwidgets.topics.landscape.barrier import BarrierMatrix, barrier, barrier_matrix, stream_barriers
from soupwidgets.topics.landscape.blocks import BlockProfile, block_profile, blocks_of, interpolate_blocks
from soupwidgets.topics.landscape.geometry import WeightGeometry, weight_geometry
from soupwidgets.topics.landscape.line import LandscapeLine, line, stream_line, stream_path
from soupwidgets.topics.landscape.marks import Mark, marks, stream_marks
from soupwidgets.topics.landscape.plane import Landscape, Limits, plane, stream_plane
from soupwidgets.topics.landscape.sharpness import Sharpness, sharpness, stream_sharpness
from soupwidgets.topics.landscape.span import Place, Plane, plane_through, trajectory_plane

__all__ = [
    "BarrierMatrix",
    "BlockProfile",
    "Landscape",
    "LandscapeLine",
    "Limits",
    "Mark",
    "Place",
    "Plane",
    "Sharpness",
    "WeightGeometry",
    "alignment_lines",
    "barrier",
    "barrier_matrix",
    "block_profile",
    "blocks_of",
    "interpolate_blocks",
    "line",
    "marks",
    "plane",
    "plane_through",
    "sharpness",
    "stream_barriers",
    "stream_line",
    "stream_marks",
    "stream_path",
    "stream_plane",
    "stream_sharpness",
    "trajectory_plane",
    "weight_geometry",
]

__getattr__ = on_demand(__name__)
