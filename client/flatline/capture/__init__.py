"""Reads a Keras training on TensorFlow without touching it.

An unsampled step runs the program's own train function, unchanged. A sampled step runs a second
traced function that also measures; `dispatch` chooses between the two.
"""
