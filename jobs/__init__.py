"""What a job is: its records, its lifecycle, its settings, its store and its queue."""
