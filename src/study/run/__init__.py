"""How a stage does its work: parameters, jobs, processes, what is done already."""
