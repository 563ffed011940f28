"""A captioner over a network of Hugging Face's `transformers`, an optional extra."""
