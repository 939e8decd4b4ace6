"""Pathways as drawings: SVG, and Mermaid text."""

from sim.view.diagram.charts import charts
from sim.view.diagram.mermaid import flowchart, flowchart_of_pathways
from sim.view.diagram.overview import overview, picture
from sim.view.diagram.page import page

__all__ = ["charts", "flowchart", "flowchart_of_pathways", "overview", "page", "picture"]
