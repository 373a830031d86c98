"""Styles and scripts, and how they are built and served."""
