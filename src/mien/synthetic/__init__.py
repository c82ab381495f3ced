"""Drawn faces: what expressions are made of, who shows them, where the lines go, the camera; and a dataset of them."""
