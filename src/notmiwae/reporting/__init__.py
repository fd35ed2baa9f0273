"""What a reader sees: figures, the tidy results and the table of the headline. Nothing here computes a metric."""
