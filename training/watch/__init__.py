"""Shows whether a policy learns: journal, table, held-out scores, alarms, and a page of the run."""
