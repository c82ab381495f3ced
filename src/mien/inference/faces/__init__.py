"""Faces before their expressions: who detects them, their boxes, and how good a view of them an image gives."""
