"""What a reader sees: figures, tables, tidy results. Nothing here computes a metric."""
