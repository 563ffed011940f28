"""Picture to sentence. Knows nothing of jobs, HTTP or SQL."""
