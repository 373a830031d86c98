"""Drawings as SVG, without a script."""
