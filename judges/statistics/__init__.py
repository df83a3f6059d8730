"""Statistics over questions: intervals, paired comparisons, agreement with labels."""
