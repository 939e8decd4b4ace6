"""Where things stand in a drawing: boxes in layers, with routes between them."""

from sim.view.layout.groups import Arrangement, Box, Group, Link, Node, Point, Route, arrange
from sim.view.layout.layered import APART, MARGIN

__all__ = ["APART", "MARGIN", "Arrangement", "Box", "Group", "Link", "Node", "Point", "Route", "arrange"]
