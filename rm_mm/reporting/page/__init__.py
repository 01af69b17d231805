"""The self-contained HTML page: headline, table, charts, pictures, and where each comes from."""
