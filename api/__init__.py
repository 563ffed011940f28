"""The thin door: HTTP in, calls on `jobs` out. It holds no rule about jobs itself."""
