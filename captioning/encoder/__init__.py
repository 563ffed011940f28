"""Picture → grid of vectors: the networks, where their weights come from, how they are run."""
