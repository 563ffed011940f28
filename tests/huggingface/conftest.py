"""Threads only get in each other's way in a network this small."""

import torch

torch.set_num_threads(1)
