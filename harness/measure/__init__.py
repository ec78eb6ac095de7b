"""Measurement: numpy arrays in, findings out."""
