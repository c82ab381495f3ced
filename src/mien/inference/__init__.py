"""Inference: faces in photos and video and their expressions, by ONNX Runtime. Never Keras, never matplotlib."""
