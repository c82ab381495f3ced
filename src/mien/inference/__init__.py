"""The inference room: faces in photos and video, answered by ONNX Runtime. Never Keras, never matplotlib."""
