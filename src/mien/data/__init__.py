"""The data room: datasets in, three checked splits of 48×48 grey images out. NumPy, pandas and OpenCV; never Keras."""
