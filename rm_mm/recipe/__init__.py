"""Configs of the three OpenMMLab libraries: finding, reading, scaling and their metrics."""
