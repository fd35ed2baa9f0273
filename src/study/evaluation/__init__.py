"""How good an imputation is: metrics, the Bayes-optimal oracle, statistics over replicates."""
