"""The evaluation room: a function of arrays. NumPy, scikit-learn and matplotlib; never Keras."""
