"""From records to what a reader sees. Reads records, and nothing else of a run."""
