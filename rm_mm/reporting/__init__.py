"""From records to what a reader sees. Reads records, and logs that were made elsewhere."""
