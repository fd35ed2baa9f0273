"""Whether pooled intervals hold: many tables of a known law, imputed and analysed by Rubin's rules."""
