"""The commands of flatline-monitor; a mistake of the operator is one sentence and exit code 2."""
