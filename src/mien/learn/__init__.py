"""The learning room, and the only one with Keras: augmentation, models, training, export."""
