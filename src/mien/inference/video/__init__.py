"""Faces and expressions over a clip, a stream or a camera.

`clip` and `live` give frames, `analysis` detects and follows faces in them (`tracking`), `sinks` write what comes out.
"""
