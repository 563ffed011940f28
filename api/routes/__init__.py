"""One module per kind of thing that a client asks for."""
