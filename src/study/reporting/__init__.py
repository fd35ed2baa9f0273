"""What a reader sees: figures, tidy results, the headline. Nothing here computes a metric."""
