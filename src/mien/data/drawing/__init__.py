"""How a synthetic face is drawn: what expressions are made of, who shows them, where the lines go, and the camera.

`mien.data.synthetic` is the door; nothing else needs to look in here.
"""
