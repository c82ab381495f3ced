"""Before an image is looked at: who may come in, how much of what they send, and how a server stops."""
